"""Starting runs: once, whoever asks how often."""

import json
import os
import shutil
from pathlib import Path

import pytest

from drivetrain.errors import ConflictError, RequestError
from drivetrain.runs import launch
from drivetrain.runs.attempt import begin_attempt
from drivetrain.runs.folder import RunFolder, runs_folder
from drivetrain.runs.launch import RunSpec, start_run
from drivetrain.runs.leases import Lease
from drivetrain.runs.look import read_request
from drivetrain.runs.record import Ended, Queued
from drivetrain.runs.registry import find_run, newest, overview
from drivetrain.runs.schedule import schedule_step
from drivetrain.runs.stop import request_stop
from drivetrain.settings import PROJECT
from tests.runs.living import (
    at_once,
    attempt_of,
    ended,
    finished,
    is_training,
    meet,
    pid_of,
    spec,
    start,
    start_and_meet,
)

STARTER = """
import fcntl, sys
from pathlib import Path
from drivetrain.errors import ConflictError
from tests.runs.living import start
home, digest, gate = sys.argv[1:]
print("ready", flush=True)
with open(gate) as file:
    fcntl.flock(file, fcntl.LOCK_SH)
try:
    print("created" if start(Path(home), "work", "r1", digest).created else "same")
except ConflictError:
    print("conflict")
"""


def test_a_run_trains_to_its_end_in_the_background(home: Path) -> None:
    started = start(home, "complete")
    end = ended(home)
    assert started.created
    assert (end.how, end.reason, end.step, end.exit_code) == ("succeeded", "completed", 20, 0)
    assert end.next_action == "`/train eval r1`"
    progress = find_run(home, "r1").progress
    assert progress is not None
    assert (progress.step, progress.reward, progress.best_reward) == (20, 2.0, 2.0)


def test_the_folder_tells_what_was_asked_and_from_which_code(home: Path) -> None:
    folder = start(home, "complete").run.folder
    asked = read_request(folder)
    source = json.loads(folder.source.read_text(encoding="utf-8"))
    assert asked is not None
    assert (asked.algorithm, asked.digest, asked.request) == ("PPO", "d1", {"seed": 0})
    assert folder.config.read_text(encoding="utf-8") == "seed: 0\n"
    assert source["versions"]["numpy"]


def test_the_same_request_under_the_same_id_is_the_same_run(home: Path) -> None:
    first, second = start(home, "work"), start(home, "work")
    assert (first.created, second.created) == (True, False)
    assert len(list(first.run.folder.attempts.iterdir())) == 1


def test_an_ended_run_is_not_started_again(home: Path) -> None:
    start(home, "complete")
    ended(home)
    again = start(home, "complete")
    assert not again.created
    assert isinstance(again.run.state, Ended)


def test_another_request_under_a_taken_id_is_refused_with_a_free_one(home: Path) -> None:
    start(home, "complete")
    start(home, "complete", "r1_2", "d2")
    with pytest.raises(ConflictError, match=r"`r1` is taken.*Try `--run-id r1_3`\.$"):
        start(home, "complete", "r1", "d2")


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a b", ".hidden", "x" * 300, "ä", "a\n"])
def test_a_name_that_is_no_id_is_refused_before_anything_is_written(
    home: Path, name: str
) -> None:
    with pytest.raises(RequestError, match=r"cannot name a run.*Try `--run-id ppo_v1`\.$"):
        start(home, "complete", name)
    assert not home.exists()


def test_runs_without_a_name_are_numbered(home: Path) -> None:
    names = [start(home, "complete", None).run.id for _ in range(3)]
    assert names == ["ppo_1", "ppo_2", "ppo_3"]


def test_twenty_equal_starts_make_one_run(home: Path, tmp_path: Path) -> None:
    said = start_together(home, tmp_path, ["d1"] * 20)
    assert sorted(said) == ["created", *["same"] * 19]
    meet(home, "r1", is_training)
    assert [path.name for path in RunFolder(home, "r1").attempts.iterdir()] == ["001"]


def test_of_twenty_different_requests_one_gets_the_id(home: Path, tmp_path: Path) -> None:
    said = start_together(home, tmp_path, [f"d{number}" for number in range(20)])
    assert sorted(said) == [*["conflict"] * 19, "created"]
    assert [path.name for path in RunFolder(home, "r1").attempts.iterdir()] == ["001"]


def start_together(home: Path, tmp_path: Path, digests: list[str]) -> list[str]:
    """What starters say that begin at the same moment."""
    return at_once(STARTER, [[str(home), digest] for digest in digests], tmp_path)


def test_nothing_of_a_starter_that_lost_stays_behind(home: Path, tmp_path: Path) -> None:
    start_together(home, tmp_path, ["d1", "d2", "d1", "d2"])
    left = {
        entry.name for entry in runs_folder(home).iterdir() if not entry.name.startswith(".i")
    }
    assert left - {".schedule.lock"} == {"r1"}


def test_a_run_is_nobodys_child_and_leads_its_own_session(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    supervisor, trainer = pid_of(folder, "supervisor"), pid_of(folder, "trainer")
    assert os.getsid(supervisor) == supervisor
    assert os.getsid(trainer) == trainer
    assert parent_of(trainer) == supervisor
    assert parent_of(supervisor) != os.getpid()


def parent_of(pid: int) -> int:
    """The parent of a process."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(stat.rpartition(")")[2].split()[1])


def test_a_run_finds_its_packages_from_any_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "drivetrain.py").write_text("raise SystemExit(9)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    start(home, "complete")
    assert ended(home).reason == "completed"


def test_a_trainer_knows_its_run_and_its_share_of_the_machine(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if another run's trainer had started it.
    monkeypatch.setenv("DRIVETRAIN_RUN", "r0")
    monkeypatch.setenv("DRIVETRAIN_ATTEMPT", "9")
    monkeypatch.setenv("PYTHONPATH", f"/elsewhere:{PROJECT}")
    folder, _ = launch._reserve(home, spec("work"))
    assert begin_attempt(folder, Lease(gpu="GPU-7", cpus=3))
    assert not begin_attempt(folder, Lease(gpu="GPU-7", cpus=3))
    meet(home, "r1", is_training)
    marks = {
        "DRIVETRAIN_HOME": str(home),
        "DRIVETRAIN_RUN": "r1",
        "DRIVETRAIN_ATTEMPT": "1",
    }
    share = {
        "DRIVETRAIN_CORES": "3",
        "CUDA_VISIBLE_DEVICES": "GPU-7",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }
    told = marks | share | {"PYTHONPATH": f"{PROJECT}:/elsewhere"}
    assert environment_of(pid_of(folder, "trainer")).items() >= told.items()
    # What outlives the run must not pass for something that it left behind.
    assert not environment_of(pid_of(folder, "supervisor")).keys() & marks.keys()


def environment_of(pid: int) -> dict[str, str]:
    """What a process was started with."""
    words = Path(f"/proc/{pid}/environ").read_text(encoding="utf-8").split("\0")
    return dict(word.split("=", 1) for word in words if word)


def test_the_starters_environment_is_not_written_down(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hush-4711")
    folder = start(home, "complete").run.folder
    ended(home)
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"hush-4711" in path.read_bytes()]


def test_what_cannot_be_started_has_failed_and_says_why(home: Path) -> None:
    unknown = RunSpec("PPO", "{}", "d1", "", ("/nowhere/python",), "r1")
    start_run(home, unknown)
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("failed", "error", 5)
    assert "could not be started" in end.detail
    assert "/nowhere/python" in end.detail


def test_a_run_whose_starter_died_at_once_waits_and_is_started_by_the_next(home: Path) -> None:
    folder, _ = launch._reserve(home, spec("complete"))
    waiting = overview(home)
    assert [run.id for run in waiting.queued] == ["r1"]
    assert isinstance(waiting.queued[0].state, Queued)
    assert schedule_step(home) == 1
    assert ended(home).reason == "completed"
    assert attempt_of(folder).number == 1


def test_the_same_start_again_takes_up_a_run_whose_starter_died(home: Path) -> None:
    launch._reserve(home, spec("complete"))
    assert not start(home, "complete").created
    assert ended(home).reason == "completed"


def test_the_end_of_a_run_starts_what_waits(home: Path) -> None:
    start_and_meet(home, "work", "busy")
    launch._reserve(home, spec("complete", "waiting"))
    request_stop(home, "busy")
    ended(home, "busy")
    assert meet(home, "waiting", lambda run: isinstance(run.state, Ended)).state


def test_a_run_made_anew_under_an_old_name_is_a_new_run(home: Path) -> None:
    for run in ("r1", "r2"):
        start(home, "complete", run)
        finished(home, run)
    shutil.rmtree(RunFolder(home, "r1").path)
    start(home, "complete", "r1", "d2")
    last = newest(home)
    assert last is not None
    assert last.id == "r1"
