"""Processes die in the middle of a run; the record stays true."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drivetrain.runs.record import Ended, Running, Stopping
from drivetrain.runs.registry import find_run, overview
from drivetrain.runs.stop import request_stop
from drivetrain.settings import PROJECT
from tests.runs.living import (
    PATIENCE_S,
    attempt_of,
    ended,
    is_training,
    kill,
    kill_both,
    meet,
    pid_of,
    save,
    start,
    start_and_meet,
)

DOOMED_STARTER = """
import os, signal, sys
from pathlib import Path
from tests.runs.living import start
start(Path(sys.argv[1]), "work")
os.killpg(0, signal.SIGKILL)
"""


def test_killing_the_starter_and_its_group_leaves_the_run_training(home: Path) -> None:
    starter = subprocess.run(
        [sys.executable, "-c", DOOMED_STARTER, str(home)],
        cwd=PROJECT,
        start_new_session=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert starter.returncode == -signal.SIGKILL
    run = meet(home, "r1", is_training)
    step = run.progress.step if run.progress else 0
    meet(home, "r1", lambda run: run.progress is not None and run.progress.step > step)


def test_a_hang_up_and_an_interrupt_leave_the_run_training(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    for signum in (signal.SIGHUP, signal.SIGINT):
        kill(folder, "supervisor", signum)
    run = find_run(home, "r1")
    step = run.progress.step if run.progress else 0
    meet(home, "r1", lambda run: run.progress is not None and run.progress.step > step)
    assert isinstance(find_run(home, "r1").state, Running)


def test_a_killed_trainer_has_failed_as_killed(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    kill(folder, "trainer")
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("failed", "killed", 5)
    assert end.detail == "SIGKILL from outside"
    assert end.step is not None
    assert end.step > 0
    assert end.next_action == "`/train logs r1`"
    assert json.loads(attempt_of(folder).exit.read_text())["signal"] == "SIGKILL"


def test_a_run_that_is_killed_while_it_should_stop_was_stopped(home: Path) -> None:
    folder = start_and_meet(home, "ignore").folder
    request_stop(home, "r1")
    meet(home, "r1", lambda run: isinstance(run.state, Stopping))
    kill(folder, "trainer")
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("stopped", "user_stop", 75)
    assert end.detail == "SIGKILL from outside, before it had saved"


def test_a_trainer_without_its_supervisor_saves_and_leaves(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    kill(folder, "supervisor")
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("interrupted", "supervisor_died", 75)
    assert (folder.path / "saved").read_text(encoding="utf-8") == str(end.step)


def test_a_run_that_vanished_without_a_word_is_lost(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    kill_both(folder)
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("lost", "supervisor_died", 5)
    assert json.loads(attempt_of(folder).exit.read_text())["by"] == "reconciler"


def test_a_lost_run_with_a_saved_state_can_be_gone_on_from(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    save(folder, 7)
    kill_both(folder)
    end = ended(home)
    assert (end.exit_code, end.unit) == (75, 7)
    assert end.next_action == "`/train resume r1`"


def test_a_lost_run_shows_up_as_ended_in_the_overview_and_stays_so(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    kill_both(folder)
    meet(home, "r1", lambda run: isinstance(run.state, Ended))
    first, second = overview(home), overview(home)
    assert first.active == ()
    assert [run.state for run in first.ended] == [run.state for run in second.ended]
    assert isinstance(first.ended[0].state, Ended)
    assert first.ended[0].state.how == "lost"


def test_a_notice_without_a_stop_request_is_a_preemption(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    kill(folder, "supervisor", signal.SIGTERM)
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("interrupted", "preempted", 75)
    assert (folder.path / "saved").exists()


def test_a_grandchild_in_a_session_of_its_own_does_not_outlive_the_run(home: Path) -> None:
    folder = start(home, "leave_child").run.folder
    assert ended(home).reason == "completed"
    left = int((folder.path / "left").read_text(encoding="utf-8"))
    with pytest.raises(ProcessLookupError):
        os.kill(left, 0)


@pytest.mark.parametrize(
    ("way", "reason", "detail", "exit_code"),
    [
        ("error", "error", "KeyError: 'wheel'", 5),
        ("nan", "nan", "FloatingPointError: the loss is not finite", 5),
        ("data", "data", "The scenario set is damaged. Try another.", 3),
        ("disk_full", "disk_full", "OSError: [Errno 28] No space left on device", 5),
        ("break_off", "gpu_oom", "RuntimeError: CUDA out of memory.", 5),
        ("leave_silently", "error", "left without telling how it ended", 5),
        ("crash", "crashed", "SIGABRT", 5),
    ],
)
def test_a_failure_is_told_in_words_of_the_field(
    home: Path, way: str, reason: str, detail: str, exit_code: int
) -> None:
    start(home, way)
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("failed", reason, exit_code)
    assert end.detail.startswith(detail)


def test_a_trainer_killed_while_it_starts_is_no_success(home: Path) -> None:
    folder = start(home, "work").run.folder
    kill(folder, "trainer")
    assert ended(home).reason == "killed"
    assert not Path(f"/proc/{pid_of(folder, 'trainer')}").exists()
