"""Asking runs to stop."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event

import pytest

from drivetrain.errors import ConflictError, NotFoundError
from drivetrain.runs import launch, patience, schedule, supervise
from drivetrain.runs.folder import runs_folder
from drivetrain.runs.locks import held, held_if_free
from drivetrain.runs.plan import Plan
from drivetrain.runs.record import Ended, Queued, Stopping
from drivetrain.runs.registry import find_run
from drivetrain.runs.stop import request_stop
from tests.runs.by_hand import until
from tests.runs.living import attempt_of, ended, kill, meet, pid_of, spec, start, start_and_meet


def test_a_run_that_is_asked_to_stop_saves_and_leaves(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    reply = request_stop(home, "r1")
    end = ended(home)
    assert reply.did == "asked"
    assert isinstance(reply.run.state, Stopping | Ended)
    assert (end.how, end.reason, end.exit_code) == ("stopped", "user_stop", 75)
    assert (folder.path / "saved").read_text(encoding="utf-8") == str(end.step)
    assert json.loads(attempt_of(folder).exit.read_text())["rc"] == 75


def test_asking_again_changes_nothing_and_says_so(home: Path) -> None:
    start_and_meet(home, "ignore")
    first = request_stop(home, "r1", grace_s=600)
    second = request_stop(home, "r1", grace_s=1)
    assert (first.did, second.did) == ("asked", "repeated")
    asked = json.loads(first.run.folder.stop_request.read_text())
    assert asked["grace_s"] == 600


def test_stopping_an_ended_run_says_that_it_is_over(home: Path) -> None:
    start(home, "complete")
    ended(home)
    reply = request_stop(home, "r1")
    assert reply.did == "over"
    assert ended(home).how == "succeeded"


def test_a_run_that_never_began_never_will(home: Path) -> None:
    launch._reserve(home, spec("complete"))
    reply = request_stop(home, "r1")
    assert reply.did == "never_started"
    assert ended(home).reason == "user_stop"
    assert not start(home, "complete").created
    assert ended(home).reason == "user_stop"


def test_a_supervisor_that_comes_after_the_stop_starts_nothing(home: Path) -> None:
    folder, _ = launch._reserve(home, spec("complete"))
    request_stop(home, "r1")
    late = subprocess.run(
        [sys.executable, "-I", "-S", supervise.__file__, str(folder.path), "001"],
        check=False,
        timeout=60,
    )
    assert late.returncode != 0
    assert not attempt_of(folder).proc.exists()


def test_a_second_supervisor_of_an_ended_attempt_changes_nothing(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    request_stop(home, "r1")
    ended(home)
    told = {path: path.read_bytes() for path in attempt_of(folder).path.iterdir()}
    second = subprocess.run(
        [sys.executable, "-I", "-S", supervise.__file__, str(folder.path), "001"],
        check=False,
        timeout=60,
    )
    assert second.returncode != 0
    assert {path: path.read_bytes() for path in attempt_of(folder).path.iterdir()} == told


def test_a_trainer_that_will_not_leave_is_killed_after_its_grace(home: Path) -> None:
    folder = start_and_meet(home, "ignore").folder
    trainer = pid_of(folder, "trainer")
    request_stop(home, "r1", grace_s=0)
    end = ended(home)
    assert (end.how, end.reason, end.step) == ("stopped", "user_stop", 7)
    assert end.detail == "killed after its grace"
    assert not Path(f"/proc/{trainer}").exists()


def test_force_cuts_a_grace_short(home: Path) -> None:
    start_and_meet(home, "obey_twice")
    request_stop(home, "r1", grace_s=600)
    assert request_stop(home, "r1", force=True).did == "forced"
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("stopped", "user_stop", 75)


def test_a_trainer_that_outlives_its_supervisor_is_ended_by_force_alone(home: Path) -> None:
    folder = start_and_meet(home, "ignore").folder
    kill(folder, "supervisor")
    meet(home, "r1", lambda run: isinstance(run.state, Stopping))
    assert request_stop(home, "r1").did == "asked"
    assert request_stop(home, "r1").did == "repeated"
    assert request_stop(home, "r1", force=True).did == "forced"
    end = ended(home)
    assert (end.how, end.reason, end.step) == ("stopped", "user_stop", 7)


def test_a_stop_does_not_wait_for_ever_for_whoever_holds_the_run(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.05)
    folder, _ = launch._reserve(home, spec("complete"))
    with (
        held(folder.run_lock),
        pytest.raises(ConflictError, match=r"held run `r1`.*`/train doctor`"),
    ):
        request_stop(home, "r1")


def test_whoever_waits_for_a_stopped_run_begins_though_a_step_was_under_way(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = Event()

    def noticed(lock: Path, patience_s: float) -> AbstractContextManager[bool]:
        if patience_s:
            patient.set()
        return held_if_free(lock, patience_s)

    monkeypatch.setattr(schedule, "held_if_free", noticed)
    launch._reserve(home, spec("complete", "first"))
    launch._reserve(home, spec("complete", "next", plan=Plan(after="first")))
    with ThreadPoolExecutor() as pool:
        with held(runs_folder(home) / ".schedule.lock"):
            stopping = pool.submit(request_stop, home, "first")
            until(lambda: patient.is_set() or stopping.done())
        assert stopping.result().did == "never_started"
    assert not isinstance(find_run(home, "next").state, Queued)


def test_an_unknown_run_cannot_be_stopped(home: Path) -> None:
    start(home, "complete", "ppo_v1")
    with pytest.raises(NotFoundError, match=r"no run `ppo_v2`.*`/train status ppo_v1`"):
        request_stop(home, "ppo_v2")
