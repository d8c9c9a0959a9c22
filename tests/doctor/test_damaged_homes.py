"""Homes with real damage: it is found, repaired without loss, and not found again."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from drivetrain.checkpoint_units import link
from drivetrain.doctor import trackers
from drivetrain.doctor.examine import HOME_CHECKS, Examination, examine
from drivetrain.runs import launch
from drivetrain.runs.atomic import read_json
from drivetrain.runs.boot import start_time
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.index import index_file
from drivetrain.runs.plan import Plan
from drivetrain.runs.registry import overview
from tests.runs.by_hand import is_gone, until
from tests.runs.living import attempt_of, ended, kill_both, pid_of, spec, start, start_and_meet
from tests.saved_units import save


def look(home: Path, *, fix: bool = False) -> Examination:
    return examine(home, HOME_CHECKS, fix=fix)


def wrong(found: Examination) -> list[tuple[str, str]]:
    return [(one.check, one.says) for one in found.findings if one.level != "ok"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a run that completed, with two saved states."""
    home = tmp_path_factory.mktemp("finished") / "home"
    folder = start(home, "complete").run.folder
    ended(home)
    # What its supervisor became still brings the index up to date.
    until(lambda: is_gone(pid_of(folder, "supervisor")))
    save(folder.units, 10)
    link(folder.last_checkpoint, folder.best_checkpoint)
    return home


@pytest.fixture
def folder(home: Path, finished: Path) -> RunFolder:
    """The run of such a home, to be damaged."""
    shutil.copytree(finished, home)
    overview(home)
    return RunFolder(home, "r1")


def files_of(home: Path) -> dict[Path, bytes]:
    """Everything in a home that is the runs' own."""
    paths = [path for path in home.rglob("*") if path.is_file() and ".index" not in path.parts]
    return {path: path.read_bytes() for path in paths}


def test_a_healthy_home_has_nothing_wrong_and_a_look_changes_nothing(
    home: Path, folder: RunFolder
) -> None:
    before = files_of(home)
    assert wrong(look(home)) == []
    repaired = look(home, fix=True)
    assert (wrong(repaired), repaired.repairs) == ([], ())
    assert files_of(home) == before
    assert folder.path.is_dir()


def test_a_home_that_is_not_there_is_neither_wrong_nor_made(home: Path) -> None:
    assert wrong(look(home, fix=True)) == []
    assert not home.exists()


def test_a_run_at_work_has_nothing_wrong(home: Path) -> None:
    start_and_meet(home, "work")
    assert wrong(look(home)) == []


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    # In place: a link to the same file is damaged with it, as by a failing disk.
    path.write_bytes(content)


def spoil_events(folder: RunFolder) -> None:
    with folder.events.open("ab") as events:
        events.write(b'\0\0\0\0{"t": 1\n{"torn": ')


def forget_end(folder: RunFolder) -> None:
    with closing(sqlite3.connect(index_file(folder.home))) as index:
        index.execute("UPDATE runs SET how = 'failed', reason = 'nan'")
        index.commit()


def leave_drafts(folder: RunFolder) -> None:
    drafts = [
        folder.path.parent / f".new-{'0' * 16}",
        folder.path / ".status.json.123.0123abcd",
        attempt_of(folder).path / "proc.json.4242",
    ]
    drafts[0].mkdir()
    for draft in drafts:
        if not draft.exists():
            draft.write_text("{")
        os.utime(draft, (0, 0))


def leave_save_drafts(folder: RunFolder) -> None:
    (folder.units / ".tmp-0123456789abcdef").mkdir()
    (folder.checkpoints / ".tmp-fedcba9876543210").write_bytes(b"half")


def spoil_last_link(folder: RunFolder) -> None:
    folder.last_checkpoint.unlink()
    os.link(folder.units / f"{10:012d}" / "policy.pt", folder.last_checkpoint)


DAMAGES: dict[str, tuple[Callable[[RunFolder], object], str, str]] = {
    "torn exit record": (
        lambda folder: tear(attempt_of(folder).exit),
        "records",
        "`attempts/001/exit.json` of run `r1` is damaged",
    ),
    "empty exit record": (
        lambda folder: attempt_of(folder).exit.write_text("{}"),
        "records",
        "`attempts/001/exit.json` of run `r1` is damaged",
    ),
    "torn status": (lambda folder: tear(folder.status), "records", "`status.json` of run `r1`"),
    "empty evaluation": (
        lambda folder: folder.evaluation.write_bytes(b""),
        "records",
        "`evaluation.json` of run `r1` is damaged",
    ),
    "damaged events": (
        spoil_events,
        "events",
        "Damaged lines in `events.jsonl` of run `r1`: 2;",
    ),
    "missing end": (
        lambda folder: attempt_of(folder).exit.unlink(),
        "ends",
        "Run `r1` has ended (succeeded: completed), and nobody recorded it.",
    ),
    "damaged unit": (
        lambda folder: flip(folder.units / f"{10:012d}" / "policy.pt"),
        "units",
        "The state of step 10 of run `r1` cannot be used (policy.pt is not what was written); "
        "step 20 is whole.",
    ),
    "killed save": (leave_save_drafts, "units", "A save of run `r1` was killed half way"),
    "old link": (spoil_last_link, "units", "`last.pt` of run `r1` is not its newest state"),
    "missing link": (
        lambda folder: folder.last_checkpoint.unlink(),
        "units",
        "`last.pt` of run `r1` is not its newest state",
    ),
    "drafts": (leave_drafts, "drafts", ".new-0000000000000000"),
    "torn index": (
        lambda folder: index_file(folder.home).write_bytes(b"SQLite format 3\0" + b"x" * 8192),
        "index",
        "The index cannot be read",
    ),
    "lying index": (forget_end, "index", "The index is wrong about `r1`."),
}


@pytest.mark.parametrize(("damage", "check", "says"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found_repaired_without_loss_and_not_found_again(
    damage: Callable[[RunFolder], object], check: str, says: str, home: Path, folder: RunFolder
) -> None:
    before = files_of(home)
    damage(folder)
    damaged = files_of(home)

    found = wrong(look(home))
    assert files_of(home) == damaged
    assert any(name == check and says in words for name, words in found), found

    repaired = look(home, fix=True)
    assert wrong(repaired) == []
    assert repaired.repairs
    again = look(home, fix=True)
    assert (wrong(again), again.repairs) == ([], ())

    assert ended(home).reason == "completed"
    kept = set(files_of(home).values())
    whole = {path: text for path, text in damaged.items() if before.get(path) == text}
    assert {text for path, text in whole.items() if path.parent != folder.units} <= kept


def test_a_newest_state_that_is_damaged_gives_way_to_the_one_before(
    home: Path, folder: RunFolder
) -> None:
    flip(folder.units / f"{20:012d}" / "policy.pt")
    repaired = look(home, fix=True)
    # Its best policy was in that very file, and nobody can bring it back.
    assert [says for _, says in wrong(repaired)] == [
        "`best.pt` of run `r1` belongs to no whole state; it may be damaged."
    ]
    assert folder.last_checkpoint.samefile(folder.units / f"{10:012d}" / "policy.pt")
    assert (folder.checkpoints / "damaged" / f"{20:012d}" / "policy.pt").is_file()


def test_a_run_whose_every_state_is_damaged_is_a_problem(home: Path, folder: RunFolder) -> None:
    for step in (10, 20):
        flip(folder.units / f"{step:012d}" / "policy.pt")
    problems = look(home).at("problem")
    assert [one.says for one in problems] == [
        f"The state of step {step} of run `r1` cannot be used (policy.pt is not what was "
        "written); no state is left whole."
        for step in (20, 10)
    ]


def test_a_state_that_a_newer_version_wrote_is_left_where_it_is(
    home: Path, folder: RunFolder
) -> None:
    meta = folder.units / f"{20:012d}" / "meta.json"
    meta.write_text(json.dumps(json.loads(meta.read_text()) | {"v": 99}))
    found = look(home, fix=True)
    assert any("a newer version of Drivetrain wrote it" in says for _, says in wrong(found))
    assert meta.is_file()


def test_an_end_that_a_newer_version_recorded_is_left_where_it_is(
    home: Path, folder: RunFolder
) -> None:
    record = attempt_of(folder).exit
    record.write_text(json.dumps({"how": "stopped", "reason": "bored"}), encoding="utf-8")
    found = look(home, fix=True)
    assert any("a newer version of Drivetrain wrote it" in says for _, says in wrong(found))
    assert (read_json(record) or {})["reason"] == "bored"


def test_a_run_without_its_request_is_told_with_what_it_left(
    home: Path, folder: RunFolder
) -> None:
    folder.config.write_text("algorithm: PPO\n", encoding="utf-8")
    tear(folder.request)
    before = files_of(home)
    (problem,) = look(home, fix=True).at("problem")
    assert problem.says == "Run `r1` has no readable `request.json`, so no command knows it."
    assert f"`/train ppo --config {folder.config} --init-from {folder.last_checkpoint}`" in (
        problem.do
    )
    assert files_of(home) == before


def test_a_run_whose_processes_vanished_is_settled(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    kill_both(folder)
    assert [check for check, _ in wrong(look(home))][:1] == ["ends"]
    assert not attempt_of(folder).exit.exists()
    repaired = look(home, fix=True)
    assert repaired.repairs[0] == "Recorded that run `r1` ended (lost: supervisor_died)."
    assert wrong(repaired) == []
    assert (read_json(attempt_of(folder).exit) or {})["reason"] == "supervisor_died"


SITTING = """
import fcntl, os, signal, sys
if len(sys.argv) > 1:
    lock = open(sys.argv[1])
    fcntl.flock(lock, fcntl.LOCK_EX)
else:
    os.setsid()
print(flush=True)
signal.pause()
"""


@contextmanager
def sitting(*words: str, **marks: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds a lock, or left its session, and does nothing more."""
    process = subprocess.Popen(
        [sys.executable, "-c", SITTING, *words], env=os.environ | marks, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_process_that_outlived_its_run_is_ended(home: Path, folder: RunFolder) -> None:
    marks = {"DRIVETRAIN_HOME": str(home), "DRIVETRAIN_RUN": folder.id}
    with sitting(**marks, DRIVETRAIN_ATTEMPT="1") as stray:
        (problem,) = look(home).at("problem")
        assert problem.says == (
            f"Attempt 1 of run `r1` has ended, and processes of it live on: {stray.pid}."
        )
        assert stray.poll() is None
        repaired = look(home, fix=True)
        assert wrong(repaired) == []
        assert repaired.repairs == ("Ended processes that run `r1` had left behind: 1.",)
        assert stray.wait() < 0


@pytest.mark.parametrize("lives_on", [False, True])
def test_a_strangers_hold_on_a_lock_is_told_and_the_stranger_left_alone(
    home: Path,
    folder: RunFolder,
    lives_on: bool,  # noqa: FBT001 - a column of the table
) -> None:
    if lives_on:  # the supervisor, as what tidies up after it; it has let the lock go
        me = {"pid": os.getpid(), "start": start_time(os.getpid())}
        facts = json.loads(attempt_of(folder).proc.read_text()) | {"supervisor": me}
        attempt_of(folder).proc.write_text(json.dumps(facts))
    with sitting(str(folder.run_lock)) as stranger:
        (problem,) = look(home, fix=True).at("problem")
        assert f"open: {stranger.pid} (" in problem.says
        assert f"`ps -fp {stranger.pid}`" in problem.do
        assert stranger.poll() is None
    assert wrong(look(home)) == []


def test_a_home_that_other_machines_share_is_told(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mounts").write_text(
        f"/dev/a / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n"
    )
    monkeypatch.setattr("drivetrain.runs.mounts.MOUNTS", tmp_path / "mounts")
    ((check, says),) = wrong(look(home))
    assert check == "file system"
    assert "is on `nfs4`, which other machines may share" in says


def test_a_disk_that_does_not_hold_the_next_save_is_a_problem(
    home: Path, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = sum(file.stat().st_size for file in (folder.units / f"{10:012d}").iterdir())
    usage = shutil.disk_usage(home)
    little = usage._replace(free=unit)
    monkeypatch.setattr("drivetrain.doctor.places.shutil.disk_usage", lambda _: little)
    (problem,) = look(home).at("problem")
    assert problem.check == "disk"
    assert "and a save takes" in problem.says


@pytest.mark.parametrize("below", ["", "experiments"])
def test_a_home_that_is_no_folder_is_a_problem(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("")
    problems = look(tmp_path / "file" / below).at("problem")
    assert [problem.check for problem in problems] == ["home"]
    assert problems[0].says.endswith("cannot be written: Not a directory.")


@pytest.mark.parametrize("below", ["", "below"])
def test_a_home_behind_a_link_that_leads_nowhere_is_a_problem(
    tmp_path: Path, below: str
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    problems = look(tmp_path / "link" / below).at("problem")
    assert [problem.check for problem in problems] == ["home"]


def test_a_file_where_the_runs_belong_is_a_problem(home: Path) -> None:
    home.mkdir()
    (home / "runs").write_text("")
    (problem,) = look(home).at("problem")
    assert f"`{home / 'runs'}` cannot be written: Not a directory." in problem.says


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
@pytest.mark.usefixtures("folder")
def test_a_home_that_cannot_be_written_is_a_problem(home: Path) -> None:
    home.chmod(0o500)
    problems = look(home).at("problem")
    home.chmod(0o700)
    assert [problem.check for problem in problems] == ["home"]
    assert "`DRIVETRAIN_HOME=DIR bin/train status`" in problems[0].do


CLOSER = """
import json, os, pathlib, sys
if sys.argv[1] == "fail" or "PYTHONPATH" not in os.environ:
    sys.exit(3)
closed = {"attempt": 1, "how": "succeeded", "reason": "completed"}
(pathlib.Path(sys.argv[2]) / "mlflow.json").write_text(json.dumps({"closed": closed}))
"""


def close_with(folder: RunFolder, how: str) -> None:
    """Let the run's end be old, and its tracker be told by a command."""
    facts = json.loads(folder.request.read_text())
    facts["plan"]["closer"] = [sys.executable, "-c", CLOSER, how]
    folder.request.write_text(json.dumps(facts))
    os.utime(attempt_of(folder).exit, (0, 0))


def test_a_tracker_that_never_heard_of_an_end_is_told(home: Path, folder: RunFolder) -> None:
    close_with(folder, "work")
    assert ("trackers", "Run `r1` has ended, and MLflow was not told how.") in wrong(look(home))
    repaired = look(home, fix=True)
    assert wrong(repaired) == []
    assert "Told MLflow how run `r1` ended." in repaired.repairs


def test_a_tracker_that_does_not_listen_stays_a_warning(home: Path, folder: RunFolder) -> None:
    close_with(folder, "fail")
    repaired = look(home, fix=True)
    assert [check for check, _ in wrong(repaired)] == ["trackers"]
    assert "Not closed in MLflow: run `r1` (exit code 3)." in repaired.repairs


def test_a_tracker_that_hangs_costs_an_examination_minutes_whatever_the_runs(
    home: Path, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_with(folder, "work")
    monkeypatch.setattr(trackers, "MOST_S", 0.0)
    repaired = look(home, fix=True)
    assert [check for check, _ in wrong(repaired)] == ["trackers"]
    assert repaired.repairs == (
        "Not closed in MLflow: run `r1`, for want of time; look once more.",
    )


def test_a_run_that_was_stopped_in_the_queue_is_nothing_to_a_tracker(
    home: Path, folder: RunFolder
) -> None:
    close_with(folder, "fail")
    folder.status.unlink()
    folder.events.unlink()
    assert wrong(look(home)) == []


def test_a_setting_that_makes_no_sense_is_a_problem_and_ends_no_examination(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch._reserve(home, spec("complete", plan=Plan(gpu="any")))
    monkeypatch.setenv("DRIVETRAIN_GPU_SLOTS", "many")
    (problem,) = look(home, fix=True).at("problem")
    assert problem.check == "queue"
    assert "Try `export DRIVETRAIN_GPU_SLOTS=1`." in problem.says
    monkeypatch.delenv("DRIVETRAIN_GPU_SLOTS")


def test_a_run_that_waits_though_there_is_room_is_begun(home: Path) -> None:
    launch._reserve(home, spec("complete"))
    assert wrong(look(home)) == [("queue", "Run `r1` waits though there is room for it.")]
    repaired = look(home, fix=True)
    assert repaired.repairs == ("Moved the queue on; runs that began: 1.",)
    assert ended(home).reason == "completed"
