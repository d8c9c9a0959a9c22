"""A trainer without an algorithm: `small_trainer.py WAY RUN` trains, and ends, in one way.

It tells and hears what every trainer does, through the same door, in milliseconds.
"""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from drivetrain import checkpoint_units
from drivetrain.errors import DataError
from drivetrain.runs.folder import AttemptFolder, RunFolder
from drivetrain.runs.launched import read_launch
from drivetrain.runs.outcome import record_completed, record_failed, record_stopped
from drivetrain.runs.telemetry import RunTelemetry
from tests.runs.hard_ways import HARD_WAYS

STEPS = 20
PACE_S = 0.002


def complete(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Train to the end."""
    total = total_of(attempt)
    for step in range(go_on(telemetry, attempt) + 1, total + 1):
        telemetry.write(step, {"reward": step / 10, "best_reward": step / 10, "loss": 0.5})
    telemetry.event(total, "best", reward=total / 10)
    save(telemetry, attempt, total)
    return record_completed(attempt, total)


def work(telemetry: RunTelemetry, attempt: AttemptFolder, save_every: int = 0) -> int:
    """Train until asked to stop, then save."""
    step = go_on(telemetry, attempt)
    while not telemetry.should_stop():
        step += 1
        telemetry.write(step, {"reward": 1.0})
        if save_every and step % save_every == 0:
            save(telemetry, attempt, step)
        time.sleep(PACE_S)
    save(telemetry, attempt, step)
    return record_stopped(attempt, step, telemetry.stop_reason())


def work_and_save(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Train until asked to stop, saving now and then."""
    return work(telemetry, attempt, save_every=10)


def go_on(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """The step to go on from: that of the newest saved state."""
    unit, _ = checkpoint_units.newest_verified(run_of(attempt).units)
    step = 0 if unit is None else unit.step
    telemetry.begin_at(step)
    return step


def save(telemetry: RunTelemetry, attempt: AttemptFolder, step: int) -> None:
    """Save the state of this step, as every trainer does."""
    folder = run_of(attempt)
    files = {"policy.pt": lambda file: file.write(str(step).encode())}
    with telemetry.phase("save"):
        unit = checkpoint_units.write(folder.units, step, files, {})
        checkpoint_units.link(unit.file("policy.pt"), folder.last_checkpoint)
        checkpoint_units.prune(folder.units, 2, ())
        (folder.path / "saved").write_text(str(step), encoding="utf-8")


def run_of(attempt: AttemptFolder) -> RunFolder:
    """The run that an attempt belongs to."""
    return RunFolder.at(attempt.path.parent.parent)


def total_of(attempt: AttemptFolder) -> int:
    """The step to train to."""
    launch = read_launch(attempt)
    return (launch and launch.total_steps) or STEPS


def ignore(telemetry: RunTelemetry, _attempt: AttemptFolder) -> int:
    """Never stop, whoever asks."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    telemetry.write(7, {"reward": 1.0})
    while True:
        time.sleep(PACE_S)


def obey_twice(telemetry: RunTelemetry, _attempt: AttemptFolder) -> int:
    """Go on after the first SIGTERM, die by the second."""
    signal.signal(signal.SIGTERM, lambda *_: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    telemetry.write(7, {"reward": 1.0})
    while True:
        time.sleep(PACE_S)


def leave_child(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """End well, but leave a child in a session of its own behind."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    (attempt.path.parent.parent / "left").write_text(str(child.pid), encoding="utf-8")
    return complete(telemetry, attempt)


def work_with_child(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Work beside a child in a session of its own."""
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    (run_of(attempt).path / "left").write_text(str(child.pid), encoding="utf-8")
    return work(telemetry, attempt)


def work_with_fork(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Work beside a forked copy, which shares every lock, in a session of its own."""
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    (run_of(attempt).path / "left").write_text(str(child), encoding="utf-8")
    return work(telemetry, attempt)


def leave_silently(_telemetry: RunTelemetry, _attempt: AttemptFolder) -> int:
    """Exit as if all were well, without a word."""
    return 0


def crash(_telemetry: RunTelemetry, _attempt: AttemptFolder) -> int:
    """Die as C code dies."""
    os.abort()


def fail_with(error: Exception) -> Callable[[RunTelemetry, AttemptFolder], int]:
    """Train a little, then meet an error."""

    def fail(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
        telemetry.write(5, {"reward": 1.0})
        try:
            meet(error)
        except Exception as met:  # noqa: BLE001 - as in the child that trains
            return record_failed(attempt, telemetry.step, met)

    return fail


def meet(error: Exception) -> NoReturn:
    """What goes wrong."""
    raise error


def break_off(_telemetry: RunTelemetry, _attempt: AttemptFolder) -> int:
    """Leave with a traceback and no outcome."""
    raise RuntimeError("CUDA out of memory. Tried to allocate 20 GiB")


WAYS: dict[str, Callable[[RunTelemetry, AttemptFolder], int]] = {
    "complete": complete,
    "work": work,
    "work_and_save": work_and_save,
    "ignore": ignore,
    "obey_twice": obey_twice,
    "leave_child": leave_child,
    "work_with_child": work_with_child,
    "work_with_fork": work_with_fork,
    "leave_silently": leave_silently,
    "crash": crash,
    "break_off": break_off,
    "error": fail_with(KeyError("wheel")),
    "nan": fail_with(FloatingPointError("the loss is not finite")),
    "data": fail_with(DataError("The scenario set is damaged. Try another.")),
    "disk_full": fail_with(OSError(errno.ENOSPC, "No space left on device")),
}


def main(way: str, path: str) -> int:
    """Train in one way."""
    folder = RunFolder.at(Path(path))
    attempt = folder.last_attempt()
    assert attempt is not None
    with RunTelemetry(folder, attempt.number, total=total_of(attempt)) as telemetry:
        return (WAYS | HARD_WAYS)[way](telemetry, attempt)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
