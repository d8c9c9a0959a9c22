"""What a run leaves behind when both its supervisor and its trainer are killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivetrain.runs.atomic import read_json, replace_json
from drivetrain.runs.boot import Identity, start_time
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.leftovers import end_leftovers, leftovers
from drivetrain.runs.locks import is_held
from drivetrain.runs.record import Ended, Stopping
from drivetrain.runs.registry import find_run
from tests.runs.living import attempt_of, ended, kill, kill_both, meet, start_and_meet

WAIT = "import signal; signal.pause()"


def left_by(folder: RunFolder) -> Identity:
    """The process that the trainer started in a session of its own."""
    pid = int((folder.path / "left").read_text(encoding="utf-8"))
    start = start_time(pid)
    assert start is not None
    return Identity(pid, start)


@pytest.mark.parametrize("way", ["work_with_child", "work_with_fork"])
def test_a_look_ends_what_a_killed_run_left_behind(home: Path, way: str) -> None:
    folder = start_and_meet(home, way).folder
    left = left_by(folder)
    kill_both(folder)
    assert ended(home).how == "lost"
    assert not left.is_alive()
    assert leftovers(folder, attempt_of(folder)) == ()


def test_a_forked_child_does_not_keep_its_dead_trainer_alive(home: Path) -> None:
    folder = start_and_meet(home, "work_with_fork").folder
    kill_both(folder)
    ended(home)
    assert not is_held(folder.trainer_lock)


def test_a_trainer_that_saves_after_its_supervisor_is_left_in_peace(home: Path) -> None:
    folder = start_and_meet(home, "ignore").folder
    kill(folder, "supervisor")
    meet(home, "r1", lambda run: isinstance(run.state, Stopping))
    trainer = Identity.parse((read_json(attempt_of(folder).proc) or {})["trainer"])
    assert trainer is not None
    assert trainer.is_alive()


@pytest.fixture
def strangers(home: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that resemble those of `r1`'s first attempt, each but for one mark."""
    marks = {
        "DRIVETRAIN_HOME": str(home),
        "DRIVETRAIN_RUN": "r1",
        "DRIVETRAIN_ATTEMPT": "1",
    }
    others: list[dict[str, str]] = [
        {"DRIVETRAIN_HOME": str(home / "other")},
        {"DRIVETRAIN_RUN": "r11"},
        {"DRIVETRAIN_ATTEMPT": "11"},
    ]
    processes = [
        subprocess.Popen([sys.executable, "-c", WAIT], env=os.environ | marks | other)
        for other in others
    ]
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def test_no_stranger_is_ever_ended(
    home: Path, strangers: list[subprocess.Popen[bytes]]
) -> None:
    folder = start_and_meet(home, "work_with_child").folder
    attempt = attempt_of(folder)
    proc = read_json(attempt.proc) or {}
    kill_both(folder)
    # The pid of the trainer belongs to somebody else by now, who started later.
    replace_json(attempt.proc, proc | {"trainer": {"pid": strangers[0].pid, "start": 1}})
    ended(home)
    assert [process.poll() for process in strangers] == [None] * 3


def test_a_record_of_another_boot_condemns_nobody(
    home: Path, strangers: list[subprocess.Popen[bytes]]
) -> None:
    folder = start_and_meet(home, "work").folder
    attempt = attempt_of(folder)
    proc = read_json(attempt.proc) or {}
    kill_both(folder)
    stranger = {"pid": strangers[0].pid, "start": start_time(strangers[0].pid)}
    replace_json(attempt.proc, proc | {"trainer": stranger, "boot_id": "another"})
    assert ended(home).reason == "reboot"
    assert strangers[0].poll() is None


def test_who_cleans_up_never_ends_itself(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = start_and_meet(home, "work").folder
    kill_both(folder)
    ended(home)
    for name, value in (("HOME", str(home)), ("RUN", "r1"), ("ATTEMPT", "1")):
        monkeypatch.setenv(f"DRIVETRAIN_{name}", value)
    code = (
        "from pathlib import Path; from drivetrain.runs.folder import RunFolder;"
        "from drivetrain.runs.leftovers import end_leftovers; import sys;"
        "folder = RunFolder(Path(sys.argv[1]), 'r1');"
        "print(end_leftovers(folder, folder.attempt(1)))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(home)], capture_output=True, check=True, text=True
    )
    assert said.stdout == "0\n"


def test_a_running_attempt_is_known_by_its_marks(home: Path) -> None:
    folder = start_and_meet(home, "work_with_child").folder
    proc = read_json(attempt_of(folder).proc) or {}
    found = {process.pid for process in leftovers(folder, attempt_of(folder))}
    assert found == {proc["trainer"]["pid"], left_by(folder).pid}
    assert proc["supervisor"]["pid"] not in found
    # It would end what its trainer leaves behind by itself, and as soon.
    kill(folder, "supervisor", signal.SIGSTOP)
    assert end_leftovers(folder, attempt_of(folder)) == 2
    kill(folder, "supervisor", signal.SIGCONT)
    assert isinstance(ended(home), Ended)
    assert isinstance(find_run(home, "r1").state, Ended)
