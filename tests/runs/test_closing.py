"""What outlives a run is settled also where no supervisor is left to see to it."""

import os
import sys
from pathlib import Path

from drivetrain.runs.plan import Plan
from drivetrain.runs.record import Queued
from drivetrain.runs.stop import request_stop
from tests.runs.living import ended, kill_both, meet, save, start_and_meet

CLOSER = """
import os, pathlib, sys
run = pathlib.Path(sys.argv[1])
ended = sorted(at.parent.name for at in run.glob("attempts/*/exit.json"))
(run / "pipe").write_text(f"{' '.join(ended)} in {os.getsid(0)}")
"""
"""Tells which attempts are over, and from which session, to whoever listens at the pipe."""
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
