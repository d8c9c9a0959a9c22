"""Waiting ends when the run does, or when the time is over, whatever stands in the way."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from drivetrain.errors import NotFoundError
from drivetrain.runs import launch, nudge, wait
from drivetrain.runs.folder import RunFolder, runs_folder
from drivetrain.runs.index import index_file
from drivetrain.runs.look import Run
from drivetrain.runs.record import Ended, Queued, Running
from drivetrain.runs.wait import wait_for
from tests.runs.living import ended, kill, spec, start, start_and_meet


def test_the_state_is_told_when_the_time_is_over(home: Path) -> None:
    start_and_meet(home, "ignore")
    assert isinstance(wait_for(home, "r1", 0).state, Running)
    assert isinstance(wait_for(home, "r1", 0.05).state, Running)


def test_a_look_that_never_comes_back_holds_nobody_past_the_deadline(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_and_meet(home, "ignore")
    hear, tell = os.pipe()

    def hang(*_: object) -> Run:
        os.read(hear, 1)
        raise NotFoundError("too late")

    monkeypatch.setattr(wait, "find_run", hang)
    assert isinstance(wait_for(home, "r1", 0.05).state, Running)
    os.close(tell)
    os.close(hear)


@contextmanager
def everything_locked(folder: RunFolder) -> Iterator[None]:
    """The index and the schedule belong to somebody else for the time of a block."""
    schedule = os.open(runs_folder(folder.home) / ".schedule.lock", os.O_RDWR | os.O_CREAT)
    with closing(sqlite3.connect(index_file(folder.home), isolation_level=None)) as index:
        index.execute("BEGIN EXCLUSIVE")
        fcntl.flock(schedule, fcntl.LOCK_EX)
        yield
    os.close(schedule)


def test_waiting_needs_neither_index_nor_schedule(home: Path) -> None:
    folder = start_and_meet(home, "ignore").folder
    with everything_locked(folder):
        assert isinstance(wait_for(home, "r1", 0.1).state, Running)
        kill(folder, "trainer")
        assert isinstance(wait_for(home, "r1", 60).state, Ended)


def test_whoever_waits_for_a_queued_run_gets_it_started(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch._reserve(home, spec("complete"))
    monkeypatch.setattr(nudge, "EVERY_S", 0.0)
    told: list[Run] = []
    state = wait_for(home, "r1", 60, told.append).state
    assert isinstance(told[0].state, Queued)
    assert isinstance(state, Ended)
    assert state.reason == "completed"


def test_the_end_is_told_as_the_last_news(home: Path) -> None:
    start(home, "complete")
    told: list[Run] = []
    wait_for(home, "r1", 60, told.append)
    assert told[-1].state == ended(home)


def test_nobody_waits_for_a_run_that_is_not_there(home: Path) -> None:
    with pytest.raises(NotFoundError):
        wait_for(home, "r1", 60)
    with pytest.raises(NotFoundError):
        wait_for(home, "../r1", 60)
