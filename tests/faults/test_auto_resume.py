"""Runs that go on by themselves after an end that was no fault of theirs."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from drivetrain.runs.atomic import read_json
from drivetrain.runs.boot import Identity
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.follow_up import REST_S
from drivetrain.runs.launched import read_launch
from drivetrain.runs.look import Run
from drivetrain.runs.plan import Plan
from drivetrain.runs.record import Ended, Queued, Running, Starting
from drivetrain.runs.registry import find_run, overview
from drivetrain.runs.resume import request_resume
from drivetrain.runs.saved import newest_step
from drivetrain.runs.schedule import queue_of, schedule_step
from drivetrain.runs.stop import request_stop
from tests.runs.by_hand import until
from tests.runs.living import (
    attempt_of,
    ended,
    is_training,
    kill,
    kill_both,
    meet,
    save,
    start_and_meet,
)

ONCE, TWICE, NEVER = Plan(auto_resumes=1), Plan(auto_resumes=2), Plan()


def meet_further(home: Path, attempt: int) -> RunFolder:
    """The run once this attempt has saved a state of its own."""

    def is_further(run: Run) -> bool:
        launch = read_launch(run.folder.attempt(attempt))
        saved = newest_step(run.folder) or 0
        return launch is not None and is_training(run) and saved > launch.from_step

    return meet(home, "r1", is_further).folder


def change(path: Path, facts: dict[str, Any]) -> None:
    """Put other facts into a record."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | facts))


def waits(run: Run) -> bool:
    return isinstance(run.state, Queued)


def start_and_meet_further(home: Path, plan: Plan) -> RunFolder:
    start_and_meet(home, "work_and_save", plan=plan)
    return meet_further(home, 1)


def test_a_lost_run_goes_on_by_itself_from_its_newest_state(home: Path) -> None:
    folder = start_and_meet_further(home, ONCE)
    kill_both(folder)
    state = meet(home, "r1", waits).state
    assert isinstance(state, Queued)
    assert (state.attempt, state.by) == (2, "auto")
    saved = newest_step(folder)
    assert [run.id for run in overview(home).queued] == ["r1"]
    assert schedule_step(home) == 1
    meet_further(home, 2)
    launch = read_launch(folder.attempt(2))
    assert launch is not None
    assert (launch.by, launch.from_step) == ("auto", saved)


@pytest.fixture
def preempted(home: Path) -> RunFolder:
    """A run that was asked for its place, and whose finisher has looked whether it goes on."""
    folder = start_and_meet_further(home, TWICE)
    supervisor = Identity.parse((read_json(folder.attempt(1).proc) or {})["supervisor"])
    assert supervisor is not None
    kill(folder, "supervisor", signal.SIGTERM)
    until(lambda: not supervisor.is_alive())
    return folder


def rest(folder: RunFolder) -> None:
    """As if a minute had passed since the end."""
    exit_record = folder.attempt(1).exit
    os.utime(exit_record, (0, exit_record.stat().st_mtime - REST_S))


def test_a_preempted_run_leaves_the_machine_its_place_for_a_minute(
    home: Path, preempted: RunFolder
) -> None:
    assert schedule_step(home) == 0
    (waiting,) = queue_of(home, overview(home))
    assert isinstance(waiting.run.state, Queued)
    assert (waiting.run.state.attempt, waiting.run.state.by) == (2, "auto")
    assert waiting.waits_for.startswith("the machine, which asked for its place back")
    assert waiting.starts_in_s is not None
    assert 0 < waiting.starts_in_s <= REST_S
    rest(preempted)
    assert schedule_step(home) == 1
    meet_further(home, 2)


def test_a_preempted_run_goes_on_at_once_where_somebody_asks(
    home: Path, preempted: RunFolder
) -> None:
    assert isinstance(request_resume(home, "r1").run.state, Starting | Running)
    assert attempt_of(preempted).number == 2


def test_a_preempted_run_goes_on_as_soon_as_the_machine_is_up_again(
    home: Path, preempted: RunFolder
) -> None:
    change(preempted.attempt(1).proc, {"boot_id": "another"})
    assert schedule_step(home) == 1


def test_a_run_goes_on_after_reboots_that_left_it_no_time_to_save(home: Path) -> None:
    folder = start_and_meet(home, "work", plan=TWICE).folder
    for attempt in (1, 2):
        kill_both(folder)
        change(folder.attempt(attempt).proc, {"boot_id": "another"})
        assert isinstance(meet(home, "r1", waits).state, Queued)
        assert schedule_step(home) == 1
        meet(home, "r1", is_training)
    kill_both(folder)
    change(folder.attempt(3).proc, {"boot_id": "another"})
    assert ended(home).reason == "reboot"


def test_a_run_whose_supervisor_died_goes_on_once_it_has_saved(home: Path) -> None:
    folder = start_and_meet_further(home, ONCE)
    kill(folder, "supervisor")
    meet(home, "r1", waits)
    schedule_step(home)
    meet_further(home, 2)
    assert attempt_of(folder).number == 2


def test_a_run_without_progress_does_not_try_again(home: Path) -> None:
    folder = start_and_meet(home, "work", plan=TWICE).folder
    save(folder, 7)
    kill_both(folder)
    meet(home, "r1", waits)
    schedule_step(home)
    meet(home, "r1", lambda run: is_training(run) and attempt_of(folder).number == 2)
    kill_both(folder)
    end = ended(home)
    assert (end.how, end.unit, end.attempt) == ("lost", 7, 2)


def test_a_run_tries_again_as_often_as_it_may_and_anew_after_somebody_asked(
    home: Path,
) -> None:
    folder = start_and_meet_further(home, ONCE)
    kill_both(folder)
    meet(home, "r1", waits)
    schedule_step(home)
    meet_further(home, 2)
    kill_both(folder)
    assert ended(home).attempt == 2
    request_resume(home, "r1")
    meet_further(home, 3)
    kill_both(folder)
    state = meet(home, "r1", waits).state
    assert isinstance(state, Queued)
    assert (state.attempt, state.by) == (4, "auto")


def test_without_leave_no_run_goes_on_by_itself(home: Path) -> None:
    folder = start_and_meet_further(home, NEVER)
    kill_both(folder)
    end = ended(home)
    assert (end.how, end.exit_code, end.next_action) == ("lost", 75, "`/train resume r1`")
    assert schedule_step(home) == 0


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_or_crashed_trainer_is_not_tried_again(home: Path, signum: int) -> None:
    folder = start_and_meet_further(home, TWICE)
    kill(folder, "trainer", signum)
    assert ended(home).how == "failed"
    assert schedule_step(home) == 0


def test_a_stopped_run_does_not_go_on_by_itself(home: Path) -> None:
    start_and_meet_further(home, TWICE)
    request_stop(home, "r1")
    assert ended(home).how == "stopped"
    assert schedule_step(home) == 0


def test_a_run_that_vanishes_while_it_stops_does_not_come_back(home: Path) -> None:
    folder = start_and_meet_further(home, TWICE)
    for who in ("supervisor", "trainer"):
        kill(folder, who, signal.SIGSTOP)  # or it would have saved before it can vanish
    request_stop(home, "r1")
    kill_both(folder)
    end = ended(home)
    assert (end.how, end.reason, end.resumable) == ("stopped", "user_stop", True)
    assert end.detail == "supervisor and trainer vanished before it had saved"
    assert schedule_step(home) == 0


def test_a_run_that_waits_to_go_on_by_itself_can_be_stopped_for_good(home: Path) -> None:
    folder = start_and_meet_further(home, TWICE)
    kill_both(folder)
    meet(home, "r1", waits)
    assert request_stop(home, "r1").did == "never_started"
    end = ended(home)
    assert (end.how, end.attempt, end.resumable) == ("stopped", 2, True)
    assert schedule_step(home) == 0
    assert isinstance(find_run(home, "r1").state, Ended)
