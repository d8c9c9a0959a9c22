"""Fifty processes start, stop and look at once: one true record each, no core given twice."""

import os
import select
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from drivetrain.machine import allowed_cores
from drivetrain.runs.leases import slots_of
from drivetrain.runs.record import Ended
from drivetrain.runs.registry import overview
from drivetrain.runs.wait import wait_for
from tests.runs.living import PATIENCE_S, at_once

pytestmark = pytest.mark.usefixtures("own_slots")

RUNS = [f"r{number}" for number in range(18)]
DEEDS = [
    *(f"start {run}" for run in [*RUNS, *RUNS[:6]]),
    *(f"stop {run}" for run in RUNS[3:15]),
    *["look -"] * 14,
]
ACTOR = """
import fcntl, sys
from dataclasses import replace
from pathlib import Path
from drivetrain.errors import NotFoundError
from drivetrain.runs.launch import start_run
from drivetrain.runs.registry import overview
from drivetrain.runs.schedule import queue_of, schedule_step
from drivetrain.runs.stop import request_stop
from tests.runs.living import spec
home, trainer, deed, run, gate = Path(sys.argv[1]), *sys.argv[2:]
print("ready", flush=True)
with open(gate) as file:
    fcntl.flock(file, fcntl.LOCK_SH)
if deed == "start":
    start_run(home, replace(spec("", run), command=(sys.executable, "-c", trainer)))
elif deed == "stop":
    try:
        request_stop(home, run)
    except NotFoundError:
        pass
else:
    for _ in range(5):
        places = [one.position for one in queue_of(home, overview(home))]
        assert places == list(range(1, len(places) + 1)), places
        schedule_step(home)
print("done")
"""
TRAINER = """
import sys, time
from pathlib import Path
run = Path(sys.argv[1])
def stamp(word):
    with open(run.parent.parent / "stamps", "a") as file:
        file.write(f"{time.monotonic()} {word} {run.name}\\n")
stamp("begin")
from tests.runs.small_trainer import main
code = main("complete", sys.argv[1])
stamp("end")
sys.exit(code)
"""


@dataclass(frozen=True)
class Stamp:
    """A moment in a trainer's life; a killed one leaves no end."""

    at: float
    word: str
    run: str


def test_fifty_processes_at_once_leave_one_true_record_of_every_run(
    home: Path, tmp_path: Path
) -> None:
    assert len(DEEDS) == 50
    deeds = [[str(home), TRAINER, *deed.split()] for deed in DEEDS]
    assert at_once(ACTOR, deeds, tmp_path) == ["done"] * 50
    ends = {run: wait_for(home, run, PATIENCE_S).state for run in RUNS}
    stamps = read_stamps(home)
    begun = [stamp.run for stamp in stamps if stamp.word == "begin"]
    assert len(begun) == len(set(begun)), "no run is started twice"
    for run, end in ends.items():
        assert isinstance(end, Ended), (run, end)
        assert (end.how, end.reason) in {("succeeded", "completed"), ("stopped", "user_stop")}
        assert end.how == "stopped" or run in begun
        attempts = home / "runs" / run / "attempts"
        assert [path.name for path in attempts.iterdir()] == ["001"]
    assert most_at_once(stamps) <= allowed_cores()
    seen = overview(home)
    assert (seen.active, seen.queued, seen.ended_total) == ((), (), len(RUNS))
    assert {run.id: run.state for run in seen.ended} == ends
    wait_until_nobody_is_left(home)
    with slots_of(home) as slots:
        assert slots.holders() == ()


def read_stamps(home: Path) -> list[Stamp]:
    """Begin and end of every trainer, in order of time."""
    lines = (home / "stamps").read_text(encoding="utf-8").splitlines()
    stamps = [Stamp(float(at), word, run) for at, word, run in map(str.split, lines)]
    return sorted(stamps, key=lambda stamp: stamp.at)


def most_at_once(stamps: list[Stamp]) -> int:
    """How many trainers ran side by side at most; those that were stopped do not count."""
    whole = {stamp.run for stamp in stamps if stamp.word == "end"}
    now = most = 0
    for stamp in stamps:
        if stamp.run in whole:
            now += 1 if stamp.word == "begin" else -1
            most = max(most, now)
    return most


def wait_until_nobody_is_left(home: Path) -> None:
    """Return once no process works for this home any more; finishers take a moment."""
    while left := pids_of(home):
        poll = select.poll()
        with suppress(ProcessLookupError):
            process = os.pidfd_open(left[0])
            poll.register(process, select.POLLIN)
            assert poll.poll(PATIENCE_S * 1000), f"process {left[0]} stays"
            os.close(process)


def pids_of(home: Path) -> list[int]:
    """Every living process whose command names this home."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(home).encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found
