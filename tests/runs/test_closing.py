"""What outlives a run is settled also where no supervisor is left to see to it."""

import os
import sys
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.runs.closing import close_left_open, is_left_open
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.plan import Plan
from drivetrain.runs.record import Queued
from drivetrain.runs.registry import find_run, overview, rebuild
from drivetrain.runs.stop import request_stop
from tests.runs.living import (
    attempt_of,
    ended,
    finished,
    kill_both,
    meet,
    save,
    start,
    start_and_meet,
)

CLOSER = """
import os, pathlib, sys
run = pathlib.Path(sys.argv[1])
ended = sorted(at.parent.name for at in run.glob("attempts/*/exit.json"))
(run / "pipe").write_text(f"{' '.join(ended)} in {os.getsid(0)}")
"""
"""Tells which attempts are over, and from which session, to whoever listens at the pipe."""
DIES = """
import os, pathlib, signal, sys
run = pathlib.Path(sys.argv[1])
(run / "closers").open("a").write("x")
if not (run / "pipe").exists():
    os.kill(os.getpid(), signal.SIGKILL)
(run / "pipe").write_text("done")
"""
"""Is killed at its work, unless somebody listens at the pipe."""
CLOSES = Plan(closer=(sys.executable, "-c", CLOSER))
GOES_ON = Plan(auto_resumes=1, closer=(sys.executable, "-c", CLOSER))


def test_who_finds_a_lost_run_has_it_closed_without_waiting_for_that(home: Path) -> None:
    folder = start_and_meet(home, "work", plan=CLOSES).folder
    os.mkfifo(folder.path / "pipe")
    kill_both(folder)
    # Nobody listens yet, and the look comes back all the same.
    ended(home)
    closed, _, session = (folder.path / "pipe").read_text(encoding="utf-8").split()
    assert closed == "001"
    assert int(session) != os.getsid(0)


def test_a_lost_run_that_goes_on_is_closed_only_once_it_is_stopped(home: Path) -> None:
    folder = start_and_meet(home, "work", plan=GOES_ON).folder
    os.mkfifo(folder.path / "pipe")
    save(folder, 7)
    kill_both(folder)
    meet(home, "r1", lambda run: isinstance(run.state, Queued))
    assert request_stop(home, "r1").did == "never_started"
    said = (folder.path / "pipe").read_text(encoding="utf-8")
    assert said.startswith("001 002 in ")


def test_a_run_whose_closer_was_killed_is_closed_by_the_next_look(home: Path) -> None:
    plan = Plan(closer=(sys.executable, "-c", DIES))
    folder = start(home, "complete", plan=plan).run.folder
    finished(home)
    age(folder, seconds=3600)
    os.mkfifo(folder.path / "pipe")
    close_left_open(home, overview(home).ended)
    assert (folder.path / "pipe").read_text(encoding="utf-8") == "done"


def test_looks_start_no_second_closer_within_a_minute(home: Path) -> None:
    plan = Plan(closer=(sys.executable, "-c", DIES))
    folder = start(home, "complete", plan=plan).run.folder
    finished(home)
    age(folder, seconds=3600)
    os.mkfifo(folder.path / "pipe")
    for _ in range(3):
        close_left_open(home, overview(home).ended)
    (folder.path / "pipe").read_text(encoding="utf-8")
    assert (folder.path / "closers").read_text(encoding="utf-8") == "xx"


def test_a_run_that_is_closed_or_just_ended_is_left_alone(home: Path) -> None:
    folder = start(home, "complete", plan=Plan(closer=("closer",))).run.folder
    finished(home)
    assert not is_left_open(find_run(home, "r1"))
    age(folder, seconds=3600)
    assert is_left_open(find_run(home, "r1"))
    folder.tracking.write_text('{"closed": {"attempt": 1}}', encoding="utf-8")
    assert not is_left_open(find_run(home, "r1"))


def age(folder: RunFolder, seconds: float) -> None:
    """Let the run have ended so long ago."""
    then = SYSTEM.wall() - seconds
    os.utime(attempt_of(folder).exit, (then, then))
    rebuild(folder.home)
