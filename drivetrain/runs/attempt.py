"""One attempt of a run: reserved under the run's lock, then handed to a supervisor."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.runs.asker import Asker, asker_in, facts_of
from drivetrain.runs.atomic import replace_json
from drivetrain.runs.boot import this_boot
from drivetrain.runs.environment import CORES, code_path, marks_of, unmarked
from drivetrain.runs.folder import AttemptFolder, RunFolder
from drivetrain.runs.hours import left_s, max_hours
from drivetrain.runs.launched import raised_total
from drivetrain.runs.leases import Lease
from drivetrain.runs.locks import held_if_free
from drivetrain.runs.look import Asked, locked_state, read_request
from drivetrain.runs.plan import STACKS_AFTER_S
from drivetrain.runs.record import Queued
from drivetrain.runs.saved import newest_step

SUPERVISOR = Path(__file__).with_name("supervise.py")
SUPERVISOR_PATIENCE_S = 10.0
NO_LEASE = Lease(gpu=None, cpus=0)
"""For a run that nobody leased anything to: it takes what it finds."""


def begin_attempt(folder: RunFolder, lease: Lease = NO_LEASE) -> bool:
    """Whether this call gave a queued run its next attempt; not where somebody else did.

    lease: what the run may use.  Its supervisor shares it; the caller closes its own copy.
    """
    asked = read_request(folder)
    if asked is None:
        return False
    with held_if_free(folder.run_lock) as mine:
        # Under the lock no late supervisor can take up an attempt that is given up here.
        state = locked_state(folder) if mine else None
        if not isinstance(state, Queued):
            return False
        attempt = _next_attempt(folder, asked, state, lease)
    _supervise(folder, attempt, lease)
    return True


def _next_attempt(
    folder: RunFolder, asked: Asked, state: Queued, lease: Lease
) -> AttemptFolder:
    """The next attempt, with everything its supervisor must know; needs the run's lock."""
    total_steps = raised_total(folder)
    attempt = folder.attempt(state.attempt)
    attempt.path.mkdir(parents=True)
    facts = {
        "v": 1,
        "by": state.by,
        "asked_by": facts_of(_asker(folder, asked, state)),
        "argv": [*asked.command, str(folder.path)],
        "env": _environment(folder, attempt, lease),
        "finisher": [sys.executable, "-P", "-m", "drivetrain.runs", "finish", str(folder.path)],
        "from_step": newest_step(folder) or 0,
        "total_steps": total_steps,
        "max_hours": max_hours(folder),
        "time_left_s": left_s(folder),
        "units": str(folder.units),
        "stacks_after_s": STACKS_AFTER_S,
        "stalled_for_s": asked.plan.stalled_for_s,
        "lease": {"gpu": lease.gpu, "cpus": lease.cpus},
        "boot_id": this_boot().id,
        "mono": SYSTEM.mono(),
    }
    try:
        replace_json(attempt.launch, facts)
    except OSError:
        # A full disk, say: the number is free again, nothing was begun.
        with suppress(OSError):
            attempt.path.rmdir()
        raise
    return attempt


def _asker(folder: RunFolder, asked: Asked, state: Queued) -> Asker | None:
    """For whom the attempt is; a run that goes on by itself does so for who asked first."""
    return asker_in(folder.resume_request) if state.by == "user" else asked.asked_by


def _environment(folder: RunFolder, attempt: AttemptFolder, lease: Lease) -> dict[str, str]:
    """What the trainer's environment has besides the starter's own, which is never recorded."""
    facts = {
        **marks_of(folder, attempt),
        **code_path(),
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
    }
    if lease.cpus:
        facts[CORES] = str(lease.cpus)
    if lease.gpu is not None:
        # In this order NVML counts too; CUDA by itself counts the fastest first.
        facts |= {"CUDA_VISIBLE_DEVICES": lease.gpu, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return facts


def _supervise(folder: RunFolder, attempt: AttemptFolder, lease: Lease) -> None:
    """Start the supervisor, which detaches itself; back when it is up, or cannot be."""
    words = [str(folder.path), attempt.path.name, *map(str, lease.descriptors)]
    # What it did not live to say, the next look at the run will tell.
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            [sys.executable, "-I", "-S", str(SUPERVISOR), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            env=unmarked(),
            pass_fds=lease.descriptors,
            check=False,
            timeout=SUPERVISOR_PATIENCE_S,
        )
