"""The index: quick, and never the truth."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from drivetrain.errors import DataError, NotFoundError
from drivetrain.runs import mounts
from drivetrain.runs.folder import runs_folder
from drivetrain.runs.index import index_file
from drivetrain.runs.mounts import is_networked, kind_of
from drivetrain.runs.record import Ended
from drivetrain.runs.registry import Overview, find_run, newest, note, overview
from drivetrain.runs.resume import request_resume
from drivetrain.runs.stop import request_stop
from drivetrain.settings import state_folder
from skill.actions import act
from skill.grammar import Status
from skill.room import Room
from tests.runs.living import ended, start, start_and_meet


def told(seen: Overview) -> object:
    """What an overview says, without what changes from look to look."""
    over = [(run.id, run.algorithm, run.state) for run in seen.ended]
    return ([run.id for run in seen.active], over, seen.ended_total)


@pytest.fixture
def three(home: Path) -> Path:
    """A home with two ended runs and one that trains."""
    for name in ("first", "second"):
        start(home, "complete", name)
        ended(home, name)
    start_and_meet(home, "work", "third")
    return home


def test_an_overview_parts_the_active_from_the_ended_newest_first(three: Path) -> None:
    seen = overview(three)
    assert [run.id for run in seen.active] == ["third"]
    assert [run.id for run in seen.ended] == ["second", "first"]
    assert (seen.queued, seen.ended_total) == ((), 2)
    assert all(isinstance(run.state, Ended) for run in seen.ended)
    assert seen.ended[0].progress is not None


def test_only_the_newest_ended_runs_are_listed_and_the_rest_counted(three: Path) -> None:
    seen = overview(three, ended_limit=1)
    assert ([run.id for run in seen.ended], seen.ended_total) == (["second"], 2)


def test_the_newest_run_is_the_one_started_last(three: Path) -> None:
    run = newest(three)
    assert run is not None
    assert run.id == "third"


def test_a_deleted_index_is_rebuilt(three: Path) -> None:
    before = told(overview(three))
    shutil.rmtree(index_file(three).parent)
    assert told(overview(three)) == before
    assert index_file(three).exists()


@pytest.mark.parametrize(
    "damage", [b"no database at all", b"SQLite format 3\0" + b"\xff" * 8000, b""]
)
def test_a_corrupt_index_is_rebuilt(three: Path, damage: bytes) -> None:
    before = told(overview(three))
    index_file(three).write_bytes(damage)
    assert told(overview(three)) == before
    assert told(overview(three)) == before


def test_an_index_without_its_tables_is_rebuilt(three: Path) -> None:
    before = told(overview(three))
    with closing(sqlite3.connect(index_file(three))) as connection:
        connection.execute("DROP TABLE runs")
    assert told(overview(three)) == before


def test_an_index_of_another_version_is_rebuilt(three: Path) -> None:
    before = told(overview(three))
    with closing(sqlite3.connect(index_file(three))) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert told(overview(three)) == before


def test_a_locked_index_still_answers(three: Path) -> None:
    before = told(overview(three))
    with closing(sqlite3.connect(index_file(three), isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        assert told(overview(three)) == before


def test_a_home_without_room_for_an_index_still_answers(three: Path) -> None:
    before = told(overview(three))
    shutil.rmtree(index_file(three).parent)
    index_file(three).parent.write_text("in the way", encoding="utf-8")
    assert told(overview(three)) == before


def test_a_run_that_is_moved_away_is_gone_and_comes_back_with_its_folder(
    three: Path, tmp_path: Path
) -> None:
    before = told(overview(three))
    shutil.move(runs_folder(three) / "first", tmp_path / "kept")
    assert [run.id for run in overview(three).ended] == ["second"]
    shutil.move(tmp_path / "kept", runs_folder(three) / "first")
    assert told(overview(three)) == before


def test_folders_that_hold_no_run_are_passed_over(three: Path) -> None:
    before = told(overview(three))
    (runs_folder(three) / "mine").mkdir()
    (runs_folder(three) / "notes.txt").write_text("hello", encoding="utf-8")
    assert told(overview(three)) == before


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "lustre"])
def test_a_home_that_machines_share_has_its_index_on_each(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    told = tmp_path / "mounts"
    told.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/homes {home} {kind} rw 0 0\n")
    monkeypatch.setattr(mounts, "MOUNTS", told)
    start(home, "complete")
    ended(home)
    assert [run.id for run in overview(home).ended] == ["r1"]
    assert index_file(home).is_relative_to(state_folder())
    assert index_file(home).exists()
    assert index_file(home) != index_file(home.with_name("other"))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/drive", "nfs4"),
        ("/home/me/drive/deep/er", "nfs4"),
        ("/home/me/drives", "ext4"),
        ("/media/my disk/runs", "fuse.sshfs"),
        ("/covered/x", "tmpfs"),
        ("/", "ext4"),
    ],
)
def test_the_innermost_and_latest_mount_holds_a_folder(path: str, kind: str) -> None:
    listed = (
        "/dev/sda / ext4 rw 0 0\n"
        "server:/x /home/me/drive nfs4 rw 0 0\n"
        "me@host: /media/my\\040disk fuse.sshfs rw 0 0\n"
        "server:/y /covered cifs rw 0 0\n"
        "tmpfs /covered tmpfs rw 0 0\n"
    )
    assert kind_of(Path(path), listed) == kind
    assert is_networked(Path(path), listed) == (kind in ("nfs4", "fuse.sshfs"))


def test_a_look_at_an_empty_home_writes_nothing(home: Path) -> None:
    assert overview(home) == Overview((), (), (), 0)
    assert newest(home) is None
    assert not home.exists()


def test_an_unknown_run_is_refused_with_the_nearest(three: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no run `frist`.*`/train status first`\.$"):
        find_run(three, "frist")
    with pytest.raises(NotFoundError, match=r"no run `zzz`.*newest is `third`"):
        find_run(three, "zzz")


def test_a_run_whose_request_is_damaged_is_said_to_be_so(three: Path) -> None:
    (runs_folder(three) / "first" / "request.json").write_bytes(b"\0" * 300)
    with pytest.raises(DataError, match=r"`first`.*`request.json` is damaged.*/train doctor"):
        find_run(three, "first")
    assert [run.id for run in overview(three).active] == ["third"]


NESTED = b"[" * 100_000
RECORDS = (
    *("status.json", "events.jsonl", "evaluation.json", "lineage.json", "mlflow.json"),
    *("stop.request", "resume.request"),
    *(f"attempts/001/{name}.json" for name in ("launch", "proc", "outcome", "exit")),
)


def test_a_record_that_is_nested_without_end_hides_no_run(three: Path) -> None:
    folder = runs_folder(three) / "first"
    for record in RECORDS:
        before = (folder / record).read_bytes() if (folder / record).exists() else b""
        (folder / record).write_bytes(NESTED)
        page = act(Status("first", as_json=False), Room(three, sys.stderr))
        assert page.markdown.startswith("## Run first\n"), record
        (folder / record).write_bytes(before)
    assert [run.id for run in overview(three).ended] == ["second", "first"]


def test_a_run_is_shown_where_neither_its_status_nor_its_events_are_whole(
    three: Path,
) -> None:
    for record in ("status.json", "events.jsonl"):
        (runs_folder(three) / "second" / record).write_bytes(NESTED)
    assert find_run(three, "second").progress is None


@pytest.mark.parametrize("name", ["..", "../runs/first", "", "a b", "x" * 300, ".index"])
def test_what_is_no_id_finds_no_run(three: Path, name: str) -> None:
    with pytest.raises(NotFoundError, match="There is no run"):
        find_run(three, name)


def test_a_name_that_no_run_can_have_is_shown_plainly(three: Path) -> None:
    with pytest.raises(NotFoundError, match=r"^There is no run `a'b`; "):
        find_run(three, "a`b\x1b[2J")


def test_reading_and_starting_runs_loads_nothing_heavy() -> None:
    code = (
        "import sys, drivetrain.runs.registry, drivetrain.runs.launch, drivetrain.runs.stop,"
        " drivetrain.runs.wait, drivetrain.runs.logs, drivetrain.machine;"
        " print([name for name in ('torch', 'numpy', 'pydantic', 'psutil', 'pynvml', 'yaml')"
        " if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert said.stdout == b"[]\n"


def test_a_look_from_before_a_resume_does_not_hide_the_resumed_run(home: Path) -> None:
    start_and_meet(home, "work")
    request_stop(home, "r1")
    ended(home)
    before = find_run(home, "r1")
    request_resume(home, "r1")
    note(home, before)
    assert [run.id for run in overview(home).active] == ["r1"]


@pytest.mark.parametrize("name", ["\u00b2", "\u0663", "notes"])
def test_what_no_attempt_is_called_among_the_attempts_is_passed_over(
    home: Path, name: str
) -> None:
    folder = start(home, "complete").run.folder
    ended(home)
    (folder.attempts / name).mkdir()
    assert find_run(home, "r1").state == ended(home)
    assert ended(home).attempt == 1
