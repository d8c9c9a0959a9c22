"""One attempt of a run: reserved under the run's lock, then handed to a supervisor."""

import os
import subprocess
import sys
from contextlib import suppress

from drivetrain.clock import SYSTEM
from drivetrain.runs import supervise
from drivetrain.runs.atomic import replace_json
from drivetrain.runs.boot import this_boot
from drivetrain.runs.folder import AttemptFolder, RunFolder
from drivetrain.runs.liveness import state_without_supervisor
from drivetrain.runs.locks import held_if_free
from drivetrain.runs.look import Asked, read_request
from drivetrain.runs.record import Queued
from drivetrain.settings import PROJECT

SUPERVISOR_PATIENCE_S = 10.0


def begin_attempt(folder: RunFolder) -> None:
    """Give a queued run its next attempt; does nothing where somebody else already did."""
    asked = read_request(folder)
    if asked is None:
        return
    with held_if_free(folder.run_lock) as mine:
        # Under the lock no late supervisor can take up an attempt that is given up here.
        if not mine or not isinstance(
            state_without_supervisor(folder, asked.algorithm), Queued
        ):
            return
        attempt = _next_attempt(folder, asked)
    _supervise(folder, attempt)


def _next_attempt(folder: RunFolder, asked: Asked) -> AttemptFolder:
    """The next attempt, with everything its supervisor must know; needs the run's lock."""
    last = folder.last_attempt()
    attempt = folder.attempt(1 if last is None else last.number + 1)
    attempt.path.mkdir(parents=True)
    facts = {
        "v": 1,
        "argv": [*asked.command, str(folder.path)],
        "env": _environment(folder, attempt),
        "finisher": [sys.executable, "-P", "-m", "drivetrain.runs", "finish", str(folder.path)],
        "last_checkpoint": str(folder.last_checkpoint),
        "boot_id": this_boot().id,
        "mono": SYSTEM.mono(),
    }
    replace_json(attempt.launch, facts)
    return attempt


def _environment(folder: RunFolder, attempt: AttemptFolder) -> dict[str, str]:
    """What the trainer's environment has besides the starter's own, which is never recorded."""
    paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "DRIVETRAIN_HOME": str(folder.home),
        "DRIVETRAIN_RUN": folder.id,
        "DRIVETRAIN_ATTEMPT": str(attempt.number),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
    }


def _supervise(folder: RunFolder, attempt: AttemptFolder) -> None:
    """Start the supervisor, which detaches itself; back when it is up, or cannot be."""
    command = [sys.executable, "-I", "-S", supervise.__file__]
    # What it did not live to say, the next look at the run will tell.
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            [*command, str(folder.path), attempt.path.name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            check=False,
            timeout=SUPERVISOR_PATIENCE_S,
        )
