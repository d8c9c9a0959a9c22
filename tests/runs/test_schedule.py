"""Starts beyond the machine's room wait their turn; each end gives the next one its place."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from drivetrain.machine import GpuReading
from drivetrain.runs import capacity, launch, schedule
from drivetrain.runs.folder import runs_folder
from drivetrain.runs.launch import Started, start_run
from drivetrain.runs.locks import take_if_free
from drivetrain.runs.look import Run
from drivetrain.runs.plan import Plan
from drivetrain.runs.record import Ended, Queued, Running
from drivetrain.runs.registry import find_run, overview
from drivetrain.runs.resume import request_resume
from drivetrain.runs.schedule import queue_of, schedule_step
from drivetrain.runs.stop import request_stop
from drivetrain.runs.waiting import Waiting
from drivetrain.settings import PROJECT
from skill.actions import act
from skill.grammar import Status
from skill.room import Room
from tests.runs.living import (
    attempt_of,
    end_all,
    ended,
    is_training,
    kill,
    kill_both,
    meet,
    spec,
)

pytestmark = pytest.mark.usefixtures("own_slots")

WHOLE = Plan(cpus=None)


def begin(home: Path, way: str, run_id: str, plan: Plan = WHOLE) -> Started:
    """Start a run that by default needs the whole machine."""
    return start_run(home, replace(spec(way, run_id), plan=plan))


def queue(home: Path) -> list[Waiting]:
    return list(queue_of(home, overview(home)))


def order(home: Path) -> list[str]:
    return [one.run.id for one in queue(home)]


def is_over(run: Run) -> bool:
    return isinstance(run.state, Ended)


def test_a_start_beyond_the_room_is_queued_and_begins_when_there_is_room(home: Path) -> None:
    begin(home, "work", "first")
    assert isinstance(begin(home, "complete", "second").run.state, Queued)
    begin(home, "complete", "third")
    assert [(one.run.id, one.position) for one in queue(home)] == [("second", 1), ("third", 2)]
    assert queue(home)[0].waits_for.endswith(("CPU cores", "CPU core"))
    meet(home, "first", is_training)
    request_stop(home, "first")
    for run in ("second", "third"):
        assert ended(home, run).reason == "completed"
    assert queue(home) == []


def test_the_end_of_a_crashed_trainer_moves_the_queue_on(home: Path) -> None:
    folder = begin(home, "crash", "first").run.folder
    begin(home, "complete", "second")
    assert ended(home, "second").reason == "completed"
    assert attempt_of(folder).exit.exists()


def test_when_nobody_was_left_to_move_the_queue_on_a_look_does(home: Path) -> None:
    folder = begin(home, "work", "first").run.folder
    meet(home, "first", is_training)
    begin(home, "complete", "second")
    kill_both(folder)
    meet(home, "first", is_over)
    assert schedule_step(home) == 1
    assert ended(home, "second").reason == "completed"


def test_a_look_at_a_run_that_died_begins_the_next(home: Path) -> None:
    folder = begin(home, "work", "first").run.folder
    meet(home, "first", is_training)
    begin(home, "complete", "second")
    kill_both(folder)
    act(Status("first", as_json=False), Room(home, sys.stderr))
    assert not isinstance(find_run(home, "second").state, Queued)


DOOMED_STARTER = """
import os, signal, sys
from pathlib import Path
from drivetrain.runs import schedule
from tests.runs.living import start
schedule.begin_attempt = lambda folder, lease: os.kill(os.getpid(), signal.SIGKILL)
start(Path(sys.argv[1]), "complete", "first")
"""


def test_a_starter_killed_with_the_lock_and_a_lease_in_its_hands_keeps_neither(
    home: Path,
) -> None:
    starter = subprocess.run(
        [sys.executable, "-c", DOOMED_STARTER, str(home)], cwd=PROJECT, check=False
    )
    assert starter.returncode == -signal.SIGKILL
    assert order(home) == ["first"]
    begin(home, "complete", "second")
    assert [ended(home, run).reason for run in ("first", "second")] == ["completed"] * 2


def test_priority_passes_and_what_comes_after_a_run_waits_for_its_end(home: Path) -> None:
    begin(home, "work", "first")
    begin(home, "work", "normal")
    begin(home, "complete", "low", Plan(cpus=None, priority="low"))
    begin(home, "complete", "later", Plan(cpus=None, priority="high", after="normal"))
    begin(home, "complete", "high", Plan(cpus=None, priority="high"))
    assert order(home) == ["later", "high", "normal", "low"]
    assert queue(home)[0].waits_for == "run `normal`"
    meet(home, "first", is_training)
    request_stop(home, "first")
    assert ended(home, "high").reason == "completed"
    meet(home, "normal", is_training)
    assert order(home) == ["later", "low"]
    request_stop(home, "normal")
    assert [ended(home, run).reason for run in ("later", "low")] == ["completed"] * 2


def test_a_run_whose_predecessor_is_gone_waits_no_more(home: Path) -> None:
    begin(home, "complete", "r1", Plan(after="deleted_long_ago"))
    assert ended(home).reason == "completed"


def test_runs_that_wait_for_each_other_do_not_wait_for_ever(home: Path) -> None:
    begin(home, "work", "busy")
    begin(home, "complete", "a", Plan(after="b"))
    begin(home, "complete", "b", Plan(after="a"))
    meet(home, "busy", is_training)
    request_stop(home, "busy")
    assert [ended(home, run).reason for run in ("a", "b")] == ["completed"] * 2


def test_a_queued_run_can_be_stopped_and_never_begins(home: Path) -> None:
    begin(home, "work", "first")
    begin(home, "complete", "second")
    assert request_stop(home, "second").did == "never_started"
    end = ended(home, "second")
    assert (end.how, end.reason, end.step) == ("stopped", "user_stop", None)
    assert not find_run(home, "second").folder.log.exists()
    assert queue(home) == []


def test_homes_of_one_user_share_the_machine(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    begin(other, "work", "theirs")
    try:
        assert isinstance(begin(home, "complete", "ours").run.state, Queued)
        (waiting,) = queue(home)
        assert waiting.starts_in_s is None
    finally:
        end_all(other)
    assert schedule_step(home) == 1
    assert ended(home, "ours").reason == "completed"


def test_a_trainer_knows_its_cores_and_the_next_run_gets_them(home: Path) -> None:
    folder = begin(home, "complete", "r1", Plan(cpus=1)).run.folder
    ended(home, "r1")
    launch = json.loads(attempt_of(folder).launch.read_text(encoding="utf-8"))
    assert launch["lease"] == {"gpu": None, "cpus": 1}
    assert launch["env"]["DRIVETRAIN_CORES"] == "1"
    begin(home, "complete", "r2")
    assert ended(home, "r2").reason == "completed"


def test_what_a_run_hands_on_to_the_next_does_not_grow(home: Path) -> None:
    begin(home, "work", "first")
    folder = begin(home, "complete", "second").run.folder
    meet(home, "first", is_training)
    request_stop(home, "first")
    ended(home, "second")
    launch = json.loads(attempt_of(folder).launch.read_text(encoding="utf-8"))
    assert launch["env"]["PYTHONPATH"].split(os.pathsep).count(str(PROJECT)) == 1


def test_the_wait_of_a_like_run_is_foreseen(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = replace(spec("work"), plan=WHOLE)
    begin(home, "work", "first")
    meet(home, "first", is_training)
    with_steps = replace(
        asked, run_id="second", request_json='{"training": {"total_steps": 9}}'
    )
    start_run(home, with_steps)
    begin(home, "complete", "third")
    seen = overview(home)
    (first,) = seen.active
    assert first.progress is not None
    told = replace(first, progress=replace(first.progress, eta_s=60.0, rate=3.0))
    seen = replace(seen, active=(told,))
    assert [one.starts_in_s for one in queue_of(home, seen)] == [60.0, 63.0]
    monkeypatch.setattr(schedule, "MOST_FORESEEN", 1)
    only_the_next = [(one.position, one.starts_in_s) for one in queue_of(home, seen)]
    assert only_the_next == [(1, 60.0), (2, None)]


def test_while_somebody_is_at_a_step_a_look_leaves_it_to_them(home: Path) -> None:
    begin(home, "complete", "r0")
    ended(home, "r0")
    descriptor = take_if_free(runs_folder(home) / ".schedule.lock")
    assert descriptor is not None
    try:
        assert schedule_step(home) == 0
    finally:
        os.close(descriptor)


def test_a_gpu_is_leased_by_name_and_its_wait_holds_up_no_run_on_the_cpu(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    gpus = tuple(GpuReading("H200", f"GPU-{n}", 0.0, 0, 9000 << 20) for n in range(2))
    monkeypatch.setattr(capacity, "gpus_in_time", lambda *_: (gpus, ""))
    monkeypatch.setattr(capacity, "allowed_cores", lambda: 4)
    monkeypatch.setattr(capacity, "core_numbers", lambda: (0, 1, 2, 3))
    on_gpu = Plan(cpus=1, gpu="0", gpu_mb=2048)
    folder = begin(home, "work", "first", on_gpu).run.folder
    begin(home, "complete", "second", on_gpu)
    begin(home, "complete", "cpu", Plan(cpus=1))
    assert ended(home, "cpu").reason == "completed"
    assert [one.waits_for for one in queue(home)] == ["a GPU with 2,048 MB"]
    launch = json.loads(attempt_of(folder).launch.read_text(encoding="utf-8"))
    assert launch["lease"] == {"gpu": "GPU-1", "cpus": 1}
    assert launch["env"]["CUDA_VISIBLE_DEVICES"] == "GPU-1"


def test_a_run_that_cannot_be_begun_leaves_its_room_to_the_next(home: Path) -> None:
    begin(home, "work", "first")
    stuck = begin(home, "complete", "stuck").run.folder
    stuck.attempts.write_text("in the way", encoding="utf-8")
    begin(home, "complete", "next")
    meet(home, "first", is_training)
    request_stop(home, "first")
    assert ended(home, "next").reason == "completed"
    stuck.attempts.unlink()
    assert ended(home, "stuck").reason == "completed"


def test_a_start_tells_what_keeps_its_own_run_from_beginning_and_no_others(
    home: Path,
) -> None:
    stuck, _ = launch._reserve(home, spec("complete", "stuck"))
    stuck.attempts.write_text("in the way", encoding="utf-8")
    assert isinstance(begin(home, "complete", "r1", Plan(after="stuck")).run.state, Queued)
    with pytest.raises(OSError, match="stuck"):
        begin(home, "complete", "stuck", Plan())
    stuck.attempts.unlink()
    assert ended(home, "r1").reason == "completed"


def test_a_look_at_a_home_that_cannot_be_written_starts_nothing_and_fails_at_nothing(
    home: Path,
) -> None:
    begin(home, "work", "first")
    begin(home, "complete", "second")
    lock = runs_folder(home) / ".schedule.lock"
    lock.unlink()
    lock.mkdir()
    try:
        assert schedule_step(home) == 0
        with pytest.raises(OSError, match=r"schedule\.lock"):
            schedule_step(home, wait=True)
        assert order(home) == ["second"]
    finally:
        lock.rmdir()


CLOSER = """
import pathlib, sys
run = pathlib.Path(sys.argv[1])
ended = sorted(at.parent.name for at in run.glob("attempts/*/exit.json"))
(run / "pipe").write_text(" ".join(ended))
"""
"""Tells which attempts are over, to whoever listens at the pipe."""


def test_what_outlives_a_run_is_settled_when_it_is_over(home: Path) -> None:
    begin(home, "work", "busy")
    plan = Plan(cpus=None, closer=(sys.executable, "-c", CLOSER))
    folder = begin(home, "complete", "r1", plan).run.folder
    os.mkfifo(folder.path / "pipe")
    meet(home, "busy", is_training)
    request_stop(home, "busy")
    assert (folder.path / "pipe").read_text(encoding="utf-8") == "001"


def test_what_outlives_a_run_is_left_alone_while_the_run_goes_on(home: Path) -> None:
    plan = Plan(auto_resumes=1, closer=(sys.executable, "-c", CLOSER))
    folder = begin(home, "work_and_save", "r1", plan).run.folder
    os.mkfifo(folder.path / "pipe")
    meet(home, "r1", is_training)
    kill(folder, "supervisor", signal.SIGTERM)
    meet(home, "r1", lambda run: isinstance(run.state, Queued))
    request_resume(home, "r1")
    meet(home, "r1", lambda run: run.state == Running(2))
    request_stop(home, "r1")
    assert (folder.path / "pipe").read_text(encoding="utf-8") == "001 002"
