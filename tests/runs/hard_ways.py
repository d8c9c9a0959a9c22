"""Ways of the small trainer that hang, lose workers, run out of memory or save for real."""

import ctypes
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from drivetrain import checkpoint_units
from drivetrain.runs import phases
from drivetrain.runs.folder import AttemptFolder, RunFolder
from drivetrain.runs.outcome import record_completed, record_failed, record_stopped
from drivetrain.runs.progress import read_progress
from drivetrain.runs.telemetry import RunTelemetry

PACE_S = 0.002
SHORT_PROMISE_S = 0.3
STEPS = 20
UNIT_BYTES = 64 * 1024


def hang(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Take a few steps, then never come back from C, nor let any other thread run."""
    phases.STEPPING_PROMISE_S = SHORT_PROMISE_S
    telemetry.write(7, {"reward": 1.0})
    while not is_told(attempt, step=7):
        time.sleep(PACE_S)
    while True:
        hang_in_c()


def is_told(attempt: AttemptFolder, step: int) -> bool:
    """Whether the status shows this step by now."""
    progress = read_progress(folder_of(attempt))
    return progress is not None and progress.step == step


def hang_in_c() -> None:
    """Wait for a signal without giving up the interpreter's lock."""
    ctypes.PyDLL(None).pause()


def oversleep(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Break the promise until asked for the stacks, then train to the end."""
    phases.STEPPING_PROMISE_S = SHORT_PROMISE_S
    telemetry.write(7, {"reward": 1.0})
    stacks = folder_of(attempt).stacks
    while not stacks.stat().st_size:
        time.sleep(PACE_S)
    telemetry.write(STEPS, {"reward": 1.0})
    return record_completed(attempt, STEPS)


def promise_little(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Save once, then train on; every check-in promises the next one soon."""
    phases.STEPPING_PROMISE_S = SHORT_PROMISE_S
    save_unit(telemetry, attempt, step=0)
    step = 0
    while not telemetry.should_stop():
        step += 1
        telemetry.write(step, {"reward": 1.0})
        time.sleep(PACE_S)
    return record_stopped(attempt, step, telemetry.stop_reason())


def save_units(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Train until asked to stop, saving whole units on the way and at the end."""
    step = 0
    try:
        while not telemetry.should_stop():
            step += 1
            telemetry.write(step, {"reward": 1.0})
            if step % STEPS == 0:
                save_unit(telemetry, attempt, step)
            time.sleep(PACE_S)
        save_unit(telemetry, attempt, step)
    except Exception as error:  # noqa: BLE001 - as in the child that trains
        return record_failed(attempt, step, error)
    return record_stopped(attempt, step, telemetry.stop_reason())


def save_unit(telemetry: RunTelemetry, attempt: AttemptFolder, step: int) -> None:
    """One unit, and no more than two."""
    units = folder_of(attempt).units
    with telemetry.phase("save"):
        checkpoint_units.write(
            units, step, {"policy.pt": lambda file: file.write(bytes(UNIT_BYTES))}, {}
        )
        checkpoint_units.prune(units, keep=2, spare=())


def save_slowly(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Train until asked to stop, and save once a file says so."""
    run, step = folder_of(attempt).path, 0
    while not telemetry.should_stop():
        step += 1
        telemetry.write(step, {"reward": 1.0})
        time.sleep(PACE_S)
    with telemetry.phase("save"):
        (run / "saving").touch()
        while not (run / "go").exists():
            time.sleep(PACE_S)
        save_unit(telemetry, attempt, step)
    return record_stopped(attempt, step, telemetry.stop_reason())


def save_with_worker(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Train with a worker until asked to stop, and save what only the worker knows."""
    pipe, worker = start_worker()
    step = 0
    while not telemetry.should_stop():
        step = ask_worker(pipe, "step")
        telemetry.write(step, {"reward": 1.0})
    with telemetry.phase("save"):
        time.sleep(100 * PACE_S)  # a save takes time, in which the worker must not go
        save_unit(telemetry, attempt, ask_worker(pipe, "save"))
    code = record_stopped(attempt, step, telemetry.stop_reason())
    worker.kill()
    return code


def lose_worker(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Train with a worker that leaves with exit code 9, without a word."""
    pipe, _ = start_worker()
    try:
        telemetry.write(ask_worker(pipe, "step"), {"reward": 1.0})
        save_unit(telemetry, attempt, 1)
        ask_worker(pipe, "leave")
    except EOFError as error:
        return record_failed(attempt, telemetry.step, error)
    return 0


def blame_worker(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Take SIGTERM for the end of a worker, as one that heard it too would end."""
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda signum, _: heard.append(signum))
    telemetry.write(7, {"reward": 1.0})
    while not heard:
        time.sleep(PACE_S)
    return record_failed(attempt, telemetry.step, EOFError())


def start_worker() -> tuple[Connection, multiprocessing.process.BaseProcess]:
    """A worker process and the pipe to it."""
    spawning = multiprocessing.get_context("spawn")
    mine, its = spawning.Pipe()
    worker = spawning.Process(target=work_for, args=(its,), daemon=True)
    worker.start()
    its.close()
    return mine, worker


def work_for(pipe: Connection) -> None:
    """Do as told; leave when the trainer does, and not by a signal meant for it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    step = 0
    while True:
        word = pipe.recv()
        if word == "leave":
            os._exit(9)
        if word == "grow":
            fill_memory()
        step += word == "step"
        pipe.send(step)


def ask_worker(pipe: Connection, word: str) -> int:
    """The step that the worker is at."""
    pipe.send(word)
    return int(pipe.recv())


def outgrow_limit(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Ask for more memory than a limit of the process allows."""
    telemetry.write(5, {"reward": 1.0})
    save_unit(telemetry, attempt, 5)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, hard))
    try:
        bytearray(2 << 30)
    except MemoryError as error:
        return record_failed(attempt, telemetry.step, error)
    return 0


def outgrow_cgroup(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Fill 512 MB, more than its control group has."""
    telemetry.write(5, {"reward": 1.0})
    save_unit(telemetry, attempt, 5)
    return fill_memory()


def outgrow_cgroup_in_worker(telemetry: RunTelemetry, attempt: AttemptFolder) -> int:
    """Let a worker fill more memory than the control group has."""
    pipe, _ = start_worker()
    telemetry.write(5, {"reward": 1.0})
    save_unit(telemetry, attempt, 5)
    try:
        return ask_worker(pipe, "grow")
    except EOFError as error:
        return record_failed(attempt, telemetry.step, error)


def fill_memory() -> int:
    """Take up 512 MB; returns how many blocks that were."""
    return len([os.urandom(1 << 20) * 8 for _ in range(64)])


def folder_of(attempt: AttemptFolder) -> RunFolder:
    """The run that an attempt belongs to."""
    return RunFolder.at(attempt.path.parent.parent)


HARD_WAYS: dict[str, Callable[[RunTelemetry, AttemptFolder], int]] = {
    "hang": hang,
    "oversleep": oversleep,
    "promise_little": promise_little,
    "save_units": save_units,
    "save_slowly": save_slowly,
    "save_with_worker": save_with_worker,
    "lose_worker": lose_worker,
    "blame_worker": blame_worker,
    "outgrow_limit": outgrow_limit,
    "outgrow_cgroup": outgrow_cgroup,
    "outgrow_cgroup_in_worker": outgrow_cgroup_in_worker,
}
