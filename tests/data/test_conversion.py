"""Recordings become a set: the same whatever happens on the way."""

import hashlib
import io
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from drivetrain import data
from drivetrain.data import workers
from drivetrain.data.conversion import Converted, InterruptedConversion, convert
from drivetrain.data.conversion_progress import Progress
from drivetrain.data.convert_file import Job
from drivetrain.data.converters.contract import Options, Repair
from drivetrain.data.scenario_sets import BLOCK, ScenarioSet, load
from drivetrain.data.work_folder import owned, parts_of, work_folder_of
from drivetrain.errors import ConflictError, DataError, NotFoundError, UserError
from drivetrain.sim.scenario import Scenario
from tests.data import scripted_converter
from tests.data.scripted_converter import MODULE, script


def made(
    source: Path | list[Path], out: Path, workers: int = 1, options: Options | None = None
) -> Converted:
    """A conversion; what it says on the way is nobody's concern here."""
    sources = source if isinstance(source, list) else [source]
    job = Job(MODULE, options or Options())
    return convert(job, sources, out, workers=workers, progress=Progress(io.StringIO()))


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def ids(scenarios: ScenarioSet) -> list[str]:
    return list(scenarios.catalogue["id"].tolist())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Five files: one longer than a block, one with nothing, three small ones."""
    folder = tmp_path / "source"
    script(folder, "a.script", scenarios=2, rejects=["jump"], repairs=["smoothed"])
    script(folder, "b.script", scenarios=BLOCK + 3)
    script(folder, "c.script", scenarios=0)
    script(folder, "d.script", scenarios=1, rejects=["jump", "no_route"], repairs=["smoothed"])
    script(folder, "e.script", scenarios=2)
    return folder


def test_the_set_holds_every_files_scenarios_in_the_files_order(
    source: Path, tmp_path: Path
) -> None:
    assert made(source, tmp_path / "set") == Converted(5, 0)
    read = load(tmp_path / "set")
    of_b = [f"b/{at}" for at in range(BLOCK + 3)]
    assert ids(read) == ["a/0", "a/1", *of_b, "d/0", "e/0", "e/1"]
    assert np.diff(read.arrays.first_agent).tolist()[:3] == [1, 2, 1]


def test_what_was_left_out_or_mended_is_counted(source: Path, tmp_path: Path) -> None:
    script(source, "f.script", scenarios=3, unfit="too_short")
    made(source, tmp_path / "set")
    manifest = load(tmp_path / "set").manifest
    assert manifest.rejects == {"file_too_short": 1, "jump": 2, "no_route": 1}
    assert manifest.repairs == {"smoothed": 4}
    assert manifest.unfit == {"f.script": "too_short"}
    assert "f/0" not in ids(load(tmp_path / "set"))


def test_the_number_of_processes_changes_no_byte(source: Path, tmp_path: Path) -> None:
    made(source, tmp_path / "one", workers=1)
    made(source, tmp_path / "two", workers=2)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


def test_an_interrupted_conversion_goes_on_and_ends_in_the_same_bytes(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(source, tmp_path / "whole")
    calls: list[str] = []
    plain = scripted_converter.scenarios_of

    def interrupted(file: Path, options: Options) -> Iterator[Scenario | Repair | str]:
        calls.append(file.name)
        if file.name == "d.script":
            yield from list(plain(file, options))[:1]
            raise KeyboardInterrupt
        yield from plain(file, options)

    with monkeypatch.context() as patch:
        patch.setattr(scripted_converter, "scenarios_of", interrupted)
        with pytest.raises(InterruptedConversion, match="3 of 5 files are converted and kept"):
            made(source, tmp_path / "set")
    assert not (tmp_path / "set").exists()
    assert made(source, tmp_path / "set") == Converted(5, 3)
    assert hashes(tmp_path / "set") == hashes(tmp_path / "whole")
    assert not work_folder_of(tmp_path / "set").exists()


def test_an_interruption_before_the_first_file_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scripted_converter, "scenarios_of", interrupted)
    with pytest.raises(InterruptedConversion, match="nothing was written"):
        made(source, tmp_path / "sets" / "set")
    assert list((tmp_path / "sets").iterdir()) == []


@pytest.mark.parametrize("change", ["content", "options", "version", "program"])
def test_what_was_made_of_something_else_is_not_used_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    stop(source, tmp_path / "set", monkeypatch)
    options = Options()
    if change == "content":
        for name in "abcd":
            script(source, f"{name}.script", scenarios=1, type="changed")
    elif change == "options":
        options = Options(per_type=1)
    elif change == "program":
        changed = tmp_path / "program"
        changed.mkdir()
        (changed / "rule.py").write_text("SPEED = 2\n")
        monkeypatch.setattr(data, "__path__", [str(changed)])
    else:
        monkeypatch.setattr(scripted_converter, "VERSION", 2)
    assert made(source, tmp_path / "set", options=options).reused == 0
    assert not work_folder_of(tmp_path / "set").exists()


def stop(
    source: Path,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: Options | None = None,
) -> None:
    """A conversion that is interrupted at its last file."""
    plain = scripted_converter.scenarios_of

    def interrupted(file: Path, options: Options) -> Iterator[Scenario | Repair | str]:
        if file.name == "e.script":
            raise KeyboardInterrupt
        yield from plain(file, options)

    with monkeypatch.context() as patch:
        patch.setattr(scripted_converter, "scenarios_of", interrupted)
        with pytest.raises(InterruptedConversion):
            made(source, out, options=options)


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_damaged_part_is_made_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    made(source, tmp_path / "whole")
    stop(source, tmp_path / "set", monkeypatch)
    parts = sorted(work_folder_of(tmp_path / "set").glob("*.shard"))
    largest = max(parts, key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    largest.write_bytes({"cut": content[:-9], "emptied": bytearray()}.get(damage, content))
    if damage == "flipped":  # found when it is joined
        with pytest.raises(UserError, match="damaged; 4 of 5 files are converted and kept"):
            made(source, tmp_path / "set")
    made(source, tmp_path / "set")
    assert hashes(tmp_path / "set") == hashes(tmp_path / "whole")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_the_converter_fails_on_costs_no_other(
    source: Path, tmp_path: Path, workers: int
) -> None:
    script(source, "b.script", scenarios=5, crash="no such thing\nsecond line")
    done = made(source, tmp_path / "set", workers=workers)
    why = done.failures["b.script"]
    assert why.startswith("ValueError: no such thing (scripted_converter.py:")
    assert "1 of 5 files" in done.warning()
    read = load(tmp_path / "set")
    assert ids(read) == ["a/0", "a/1", "d/0", "e/0", "e/1"]
    assert read.manifest.rejects["file_error"] == 1
    assert read.manifest.unfit == {"b.script": why}


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_person_has_to_change_ends_the_conversion_and_keeps_its_part(
    source: Path, tmp_path: Path, workers: int
) -> None:
    script(source, "e.script", refused="There is no map; name its folder.")
    with pytest.raises(NotFoundError, match=r"^There is no map; name its folder\.$"):
        made(source, tmp_path / "set", workers=workers)
    script(source, "e.script", scenarios=1)
    assert made(source, tmp_path / "set").reused >= 3


def test_a_file_that_kills_its_process_costs_no_other(source: Path, tmp_path: Path) -> None:
    script(source, "b.script", scenarios=5, dies="now")
    done = made(source, tmp_path / "set", workers=2)
    assert "signal 9" in done.failures["b.script"]
    assert ids(load(tmp_path / "set")) == ["a/0", "a/1", "d/0", "e/0", "e/1"]


def test_a_file_that_cannot_be_read_is_counted(source: Path, tmp_path: Path) -> None:
    script(source, "b.script", scenarios=5, unreadable="yes")
    assert made(source, tmp_path / "set").failures == {}
    assert load(tmp_path / "set").manifest.unfit == {"b.script": "unreadable"}


def test_when_nothing_is_left_the_reasons_are_told_and_nothing_stays(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    script(folder, "a.script", rejects=["jump"])
    script(folder, "b.script", crash="bad")
    with pytest.raises(DataError, match=r"file_error 1, jump 1.*ValueError: bad"):
        made(folder, tmp_path / "sets" / "set")
    assert list((tmp_path / "sets").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"log": "a", "id": "other"}, "duplicate_log"),
        ({"log": "z", "id": "a/0"}, "duplicate_id"),
    ],
)
def test_a_file_that_repeats_an_earlier_one_is_left_out_and_named(
    source: Path, tmp_path: Path, words: dict[str, str], reason: str
) -> None:
    script(source / "sub", "z.script", scenarios=1, **words)
    made(source, tmp_path / "set")
    read = load(tmp_path / "set")
    assert read.manifest.unfit == {"sub/z.script": reason}
    assert read.manifest.rejects[f"file_{reason}"] == 1
    assert ids(read).count("a/0") == 1


def test_a_scenario_that_repeats_one_of_its_file_is_left_out(tmp_path: Path) -> None:
    script(tmp_path / "source", "a.script", scenarios=3, id="same")
    made(tmp_path / "source", tmp_path / "set")
    read = load(tmp_path / "set")
    assert (ids(read), read.manifest.rejects) == (["same"], {"duplicate_id": 2})


def test_two_sources_of_one_group_share_its_split(tmp_path: Path) -> None:
    for name in ("one", "two"):
        for at in range(40):
            file = f"{name}{at}.script"
            script(tmp_path / name, file, scenarios=1, group=f"drive{at % 20}")
    made([tmp_path / "one", tmp_path / "two"], tmp_path / "set")
    catalogue = load(tmp_path / "set").catalogue
    pairs = set(catalogue[["group", "split"]].tolist())
    assert len(pairs) == 20


def test_only_what_was_asked_for_is_kept(tmp_path: Path) -> None:
    for name, type_ in (("a", "turn"), ("b", "stop"), ("c", "turn")):
        script(tmp_path / "source", f"{name}.script", scenarios=4, type=type_)
    options = Options(types=("turn",), per_type=2)
    made(tmp_path / "source", tmp_path / "set", options=options)
    read = load(tmp_path / "set")
    assert ids(read) == ["a/0", "a/1", "c/0", "c/1"]
    assert read.manifest.rejects == {"more_than_asked_for": 4, "other_type_stop": 4}


def test_who_asks_for_a_type_that_is_not_there_is_told_which_are(
    source: Path, tmp_path: Path
) -> None:
    script(source, "f.script", scenarios=3, type="turn\x1b[31m")
    with pytest.raises(DataError, match=r"other_type_follow 72, other_type_turn 3\)"):
        made(source, tmp_path / "set", options=Options(types=("trun",)))


def test_only_a_changed_map_makes_a_conversion_begin_anew(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = tmp_path / "maps"
    (maps / "city").mkdir(parents=True)
    (maps / "city" / "map.gpkg").write_bytes(b"streets")
    options = Options(maps=maps)
    out = maps / "sets" / "set"  # it grows while the maps are looked at
    stop(source, out, monkeypatch, options)
    (maps / "notes.txt").write_text("nothing that is read")
    assert made(source, out, options=options).reused == 4
    shutil.rmtree(out)
    stop(source, out, monkeypatch, options)
    (maps / "city" / "map.gpkg").write_bytes(b"other streets")
    assert made(source, out, options=options).reused == 0


def test_of_a_log_only_what_is_read_of_it_counts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for name in ("poses.feather", "map/archive.json", "sensors/lidar/1.feather", "x.txt"):
        (log / name).parent.mkdir(parents=True, exist_ok=True)
        (log / name).write_bytes(bytes(10))
    job = Job(MODULE, Options())
    before = parts_of(tmp_path, job, 1, [log])
    assert before.sizes == {log: 20}
    (log / "sensors/lidar/1.feather").write_bytes(bytes(99))
    assert parts_of(tmp_path, job, 1, [log]) == before
    (log / "map/archive.json").write_bytes(bytes(11))
    assert parts_of(tmp_path, job, 1, [log]).shards != before.shards


@pytest.mark.parametrize("fault", ["nowhere", "no such module"])
def test_processes_that_do_not_start_are_not_blamed_on_the_disk(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    if fault == "nowhere":
        monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    else:
        monkeypatch.setattr(workers, "WORKER", "drivetrain.data.nobody")
    with pytest.raises(UserError, match=r"No further process could be .*`--workers 1`\.$"):
        made(source, tmp_path / "set", workers=2)


def test_two_conversions_to_one_folder_do_not_mix(source: Path, tmp_path: Path) -> None:
    with owned(tmp_path / "set"), pytest.raises(ConflictError, match="under way"):
        made(source, tmp_path / "set")
    assert made(source, tmp_path / "set").reused == 0


def test_what_a_killed_conversion_left_half_done_is_swept(source: Path, tmp_path: Path) -> None:
    work = work_folder_of(tmp_path / "set")
    (work / ".tmp-0123").parent.mkdir()
    (work / ".tmp-0123").write_bytes(b"half a shard")
    (work / ".set.x1").mkdir()
    made(source, tmp_path / "set")
    assert not work.exists()


@pytest.mark.parametrize("name", ["\x1b[31mred\n# x", "$(touch X)`y`", "\udcff\udcfe", "-rf"])
@pytest.mark.parametrize("workers", [1, 2])
def test_hostile_names_are_told_as_text(tmp_path: Path, name: str, workers: int) -> None:
    source = tmp_path / "source"
    for ending in ("1", "2"):
        file = script(source, "x", unfit="bad")
        file.rename(source / f"{name}{ending}.script")
    script(source, "good.script", scenarios=1)
    stream = io.StringIO()
    job = Job(MODULE, Options())
    convert(job, [source], tmp_path / "set", workers=workers, progress=Progress(stream))
    unfit = load(tmp_path / "set").manifest.unfit
    assert all(one.isprintable() for one in unfit)
    assert stream.getvalue().replace("\n", "").isprintable()
    assert os.listdir(tmp_path / "set")  # noqa: PTH208


def test_a_target_that_cannot_be_made_names_the_reason(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        made(source, tmp_path / "file" / "set")
