"""Engines signal every process at once; supervisors die while their run stops."""

import os
import signal
import sys
from pathlib import Path

import pytest

from drivetrain.runs.record import Stopping
from drivetrain.runs.stop import request_stop
from tests.runs.by_hand import launch_by_hand, processes_of, until
from tests.runs.living import (
    ended,
    kill,
    meet,
    pid_of,
    start,
    start_and_meet,
)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR1])
def test_a_notice_to_the_supervisor_is_a_preemption(home: Path, signum: signal.Signals) -> None:
    folder = start_and_meet(home, "save_units").folder
    kill(folder, "supervisor", signum)
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("interrupted", "preempted", 75)
    assert end.step == end.unit


def test_a_stop_request_that_is_nested_without_end_is_no_stop(home: Path) -> None:
    folder = start_and_meet(home, "save_units").folder
    folder.stop_request.write_bytes(b"[" * 100_000)
    kill(folder, "supervisor", signal.SIGTERM)
    assert ended(home).reason == "preempted"


@pytest.mark.parametrize("who", ["supervisor", "trainer"])
def test_a_run_that_leaves_on_a_notice_is_shown_as_stopping(home: Path, who: str) -> None:
    folder = start_and_meet(home, "save_slowly").folder
    kill(folder, who, signal.SIGTERM)
    meet(home, "r1", lambda run: isinstance(run.state, Stopping))
    (folder.path / "go").touch()
    assert ended(home).reason == "preempted"


def test_sigterm_to_every_process_at_once_saves_with_the_workers_help(home: Path) -> None:
    folder = start_and_meet(home, "save_with_worker").folder
    everybody = {*processes_of(folder), pid_of(folder, "supervisor")}
    assert len(everybody) >= 3  # supervisor, trainer, worker
    for pid in everybody:
        os.kill(pid, signal.SIGTERM)
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("interrupted", "preempted", 75)
    assert end.step == end.unit
    assert processes_of(folder) == []


def test_sigterm_to_the_trainer_alone_is_a_preemption_too(home: Path) -> None:
    folder = start_and_meet(home, "save_units").folder
    kill(folder, "trainer", signal.SIGTERM)
    assert ended(home).reason == "preempted"


def test_a_trainer_that_dies_of_sigterm_before_it_listens_was_preempted(home: Path) -> None:
    deaf = (sys.executable, "-S", "-c", "import signal; signal.pause()")
    folder = launch_by_hand(home, argv=deaf)
    kill(folder, "trainer", signal.SIGTERM)
    end = ended(home)
    assert (end.how, end.reason) == ("interrupted", "preempted")
    assert end.detail == "SIGTERM from outside"


def test_a_supervisor_killed_during_a_stop_leaves_a_stopped_run(home: Path) -> None:
    folder = start_and_meet(home, "save_slowly").folder
    request_stop(home, "r1")
    until((folder.path / "saving").exists)
    kill(folder, "supervisor")
    meet(home, "r1", lambda run: isinstance(run.state, Stopping))
    (folder.path / "go").touch()
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("stopped", "user_stop", 75)
    assert end.step == end.unit
    assert processes_of(folder) == []


def test_a_worker_that_leaves_without_a_word_is_told_with_its_exit_code(home: Path) -> None:
    folder = start(home, "lose_worker").run.folder
    end = ended(home)
    assert (end.how, end.reason) == ("failed", "env_worker_died")
    assert "exit code 9" in end.detail
    assert end.unit == 1
    assert processes_of(folder) == []
