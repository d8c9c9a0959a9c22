"""Units are whole or absent, and a damaged one gives way to the one before."""

import errno
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest

from drivetrain import checkpoint_units
from drivetrain.checkpoint_units import newest, newest_verified
from drivetrain.errors import DataError
from tests.saved_units import FILES, content, drafts_in, save, step_in, steps_in


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Where a run keeps its units; not there yet."""
    return tmp_path / "checkpoints" / "r1" / "units"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def remove(path: Path) -> None:
    path.unlink()


def flip(path: Path, at: int) -> None:
    whole = bytearray(path.read_bytes())
    whole[at] ^= 1
    path.write_bytes(whole)


def test_a_unit_is_found_again_with_its_files_and_its_facts(units: Path) -> None:
    save(units, 0)
    saved = save(units, 4096)
    assert newest(units) == saved
    assert newest_verified(units) == (saved, ())
    assert saved.file("optim.pt").read_bytes() == content("optim.pt", 4096)
    assert (saved.step, saved.meta["step"], saved.meta["best"]) == (4096, 4096, 0.5)


def test_a_run_that_saved_nothing_has_no_unit(units: Path) -> None:
    assert newest(units) is None
    assert newest_verified(units) == (None, ())
    units.mkdir(parents=True)
    (units / "notes").mkdir()
    assert newest_verified(units) == (None, ())


@pytest.mark.parametrize("harm", [cut, empty, lengthen, remove])
@pytest.mark.parametrize("name", [*FILES, "meta.json"])
def test_a_file_of_another_size_makes_the_unit_before_the_newest(
    units: Path, name: str, harm: Callable[[Path], None]
) -> None:
    before, damaged = save(units, 100), save(units, 200)
    harm(damaged.file(name))
    found, passed = newest_verified(units)
    assert found == before == newest(units)
    assert [damage.path for damage in passed] == [damaged.path]
    assert name in passed[0].what


@pytest.mark.parametrize("name", [*FILES, "meta.json"])
def test_no_flipped_byte_goes_unnoticed(units: Path, name: str) -> None:
    before, damaged = save(units, 100), save(units, 200)
    file = damaged.file(name)
    whole = file.read_bytes()
    for at in range(len(whole)):
        flip(file, at)
        found, passed = newest_verified(units)
        assert found == before, f"byte {at} of {name}"
        assert len(passed) == 1
        file.write_bytes(whole)
    assert newest_verified(units) == (damaged, ())


def test_a_unit_of_a_newer_version_is_passed_over_and_said_so(units: Path) -> None:
    before, newer = save(units, 100), save(units, 200)
    facts = json.loads(newer.file("meta.json").read_text(encoding="utf-8"))
    newer.file("meta.json").write_text(json.dumps(facts | {"v": 2}), encoding="utf-8")
    found, passed = newest_verified(units)
    assert found == before == newest(units)
    assert "newer version" in passed[0].what
    with pytest.raises(DataError, match="newer version"):
        _ = newer.meta


def test_a_unit_under_the_name_of_another_step_is_none(units: Path) -> None:
    saved = save(units, 100)
    saved.path.rename(units / f"{900:012d}")
    assert newest(units) is None


def test_a_step_that_is_saved_already_stays_as_it_is(units: Path) -> None:
    saved = save(units, 100)
    inode = saved.file("policy.pt").stat().st_ino
    assert save(units, 100, ("policy.pt",)) == saved
    assert saved.file("policy.pt").stat().st_ino == inode
    assert set(saved.meta["files"]) == set(FILES)


def test_a_damaged_step_is_saved_anew(units: Path) -> None:
    saved = save(units, 100)
    flip(saved.file("rng.pt"), 0)
    assert newest_verified(units)[0] is None
    assert save(units, 100) == saved
    assert newest_verified(units) == (saved, ())


def test_an_error_while_saving_leaves_what_was_there(units: Path) -> None:
    before = save(units, 100)

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        checkpoint_units.write(units, 200, {"policy.pt": fail}, {})
    assert newest_verified(units) == (before, ())
    assert steps_in(units) == [100]
    assert drafts_in(units.parent) == []


@pytest.mark.parametrize("name", ["meta.json", "../policy.pt", "replay/actions.npy", ""])
def test_a_file_with_no_plain_name_is_refused(units: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a file of a unit"):
        checkpoint_units.write(units, 1, {name: lambda file: file.write(b"")}, {})


def test_a_link_names_the_file_and_outlives_the_unit(units: Path) -> None:
    last = units.parent / "last.pt"
    for step in (100, 200, 300):
        saved = save(units, step)
        for _ in range(2):  # again, as at a restart: renaming a link onto itself does nothing
            checkpoint_units.link(saved.file("policy.pt"), last)
        assert last.samefile(saved.file("policy.pt"))
    assert drafts_in(units.parent) == []
    best = units.parent / "best.pt"
    checkpoint_units.link(units / f"{100:012d}" / "policy.pt", best)
    checkpoint_units.prune(units, 2, ())
    assert (step_in(best), step_in(last)) == (100, 300)


def test_where_links_are_refused_a_copy_bears_the_name(
    units: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    saved, last = save(units, 100), units.parent / "last.pt"
    checkpoint_units.link(saved.file("policy.pt"), last)
    assert step_in(last) == 100
    assert not last.samefile(saved.file("policy.pt"))


def test_pruning_keeps_the_newest_and_the_spared(units: Path) -> None:
    for step in (0, 100, 200, 300, 400):
        save(units, step)
    checkpoint_units.prune(units, 2, {100})
    assert steps_in(units) == [100, 300, 400]
    assert drafts_in(units.parent) == []


def test_pruning_deletes_nothing_while_the_newest_does_not_verify(units: Path) -> None:
    for step in (0, 100, 200):
        save(units, step)
    flip(units / f"{200:012d}" / "optim.pt", 3)
    checkpoint_units.prune(units, 1, ())
    assert steps_in(units) == [0, 100, 200]


def test_a_unit_that_is_not_whole_counts_for_nothing_when_pruning(units: Path) -> None:
    for step in (0, 100, 200, 300, 400):
        save(units, step)
    for step in (200, 400):
        cut(units / f"{step:012d}" / "policy.pt")
    checkpoint_units.prune(units, 2, ())
    assert steps_in(units) == [100, 300, 400]


def test_pruning_where_nothing_is_whole_deletes_nothing(units: Path) -> None:
    empty(save(units, 0).file("meta.json"))
    checkpoint_units.prune(units, 1, ())
    assert steps_in(units) == [0]


def test_leftovers_go_with_a_sweep_and_whole_units_stay(units: Path) -> None:
    saved = save(units, 100)
    (units / ".tmp-1").mkdir()
    (units / ".tmp-1" / "policy.pt").write_bytes(b"half")
    (units.parent / ".tmp-2").write_bytes(b"half")
    checkpoint_units.sweep(units)
    assert drafts_in(units.parent) == []
    assert newest_verified(units) == (saved, ())


def test_a_sweep_of_a_run_that_saved_nothing_makes_nothing(units: Path) -> None:
    checkpoint_units.sweep(units)
    assert not units.exists()


def in_another_process(act: Callable[[], object]) -> int:
    """Do it there; returns its pid."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    return child


def test_a_look_at_any_moment_finds_a_whole_unit(units: Path) -> None:
    def train() -> None:
        for step in range(1, 80):
            save(units, step)
            checkpoint_units.prune(units, 1, ())

    save(units, 0)
    seen = []
    trainer = in_another_process(train)
    while (ended := os.waitpid(trainer, os.WNOHANG))[0] == 0:
        seen.append(newest_verified(units))
        seen.append((newest(units), ()))
    assert ended[1] == 0
    assert all(unit is not None and passed == () for unit, passed in seen)
    assert len({unit.step for unit, _ in seen if unit is not None}) > 1


def test_writers_take_turns_and_never_clear_away_each_others_drafts(units: Path) -> None:
    def save_from(first: int) -> None:
        for step in range(first, first + 10):
            save(units, step)

    writers = [in_another_process(partial(save_from, first)) for first in (100, 200, 300)]
    assert [os.waitpid(writer, 0)[1] for writer in writers] == [0, 0, 0]
    assert steps_in(units) == [first + at for first in (100, 200, 300) for at in range(10)]
    assert checkpoint_units.damaged(units) == ()
