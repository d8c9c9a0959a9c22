"""Starting real runs in a test, meeting them at a moment, and ending them with it."""

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from drivetrain import checkpoint_units
from drivetrain.checkpoint_units import Unit
from drivetrain.clock import SYSTEM
from drivetrain.runs import registry
from drivetrain.runs.atomic import read_json
from drivetrain.runs.boot import Identity
from drivetrain.runs.folder import AttemptFolder, RunFolder
from drivetrain.runs.launch import RunSpec, Started, start_run
from drivetrain.runs.look import Run
from drivetrain.runs.plan import Plan
from drivetrain.runs.record import Ended, Queued, Running
from drivetrain.runs.stop import request_stop
from drivetrain.runs.wait import wait_for
from drivetrain.settings import PROJECT

TRAINER = Path(__file__).with_name("small_trainer.py")
PATIENCE_S = 60.0
NAP_S = 0.01
ANY_TIME = Plan()


class _Met(Exception):  # noqa: N818 - a moment, not an error
    """The moment that was waited for."""


def spec(
    way: str, run_id: str | None = "r1", digest: str = "d1", plan: Plan = ANY_TIME
) -> RunSpec:
    """A run that trains in one way of the small trainer."""
    return RunSpec(
        algorithm="PPO",
        request_json='{"seed": 0}',
        digest=digest,
        config_yaml="seed: 0\n",
        command=(sys.executable, str(TRAINER), way),
        run_id=run_id,
        plan=plan,
    )


def start(
    home: Path,
    way: str,
    run_id: str | None = "r1",
    digest: str = "d1",
    plan: Plan = ANY_TIME,
) -> Started:
    """Start it in the background."""
    return start_run(home, spec(way, run_id, digest, plan))


def meet(home: Path, run_id: str, is_so: Callable[[Run], bool]) -> Run:
    """The run at the first moment at which something is so."""
    met: list[Run] = []

    def look(run: Run) -> None:
        if is_so(run):
            met.append(run)
            raise _Met

    try:
        last = wait_for(home, run_id, PATIENCE_S, look)
    except _Met:
        return met[0]
    raise AssertionError(f"it never was so; in the end {last.state}, {last.progress}")


def start_and_meet(home: Path, way: str, run_id: str = "r1", plan: Plan = ANY_TIME) -> Run:
    """Start a run and meet it once it trains."""
    start(home, way, run_id, plan=plan)
    return meet(home, run_id, is_training)


def is_training(run: Run) -> bool:
    """Whether it has taken its first steps."""
    return isinstance(run.state, Running) and run.progress is not None and run.progress.step > 0


def ended(home: Path, run_id: str = "r1") -> Ended:
    """How the run ended, waiting for it."""
    state = wait_for(home, run_id, PATIENCE_S).state
    assert isinstance(state, Ended), state
    return state


def save(folder: RunFolder, step: int) -> Unit:
    """A whole saved state of this step, as a trainer would leave it."""
    files = {"policy.pt": lambda file: file.write(b"weights")}
    return checkpoint_units.write(folder.units, step, files, {})


def finished(home: Path, run_id: str = "r1") -> Ended:
    """How the run ended, once its supervisor has moved the queue on and is gone as well."""
    end = ended(home, run_id)
    proc = read_json(attempt_of(RunFolder(home, run_id)).proc) or {}
    supervisor = Identity.parse(proc.get("supervisor"))
    give_up_at = SYSTEM.mono() + PATIENCE_S
    while supervisor is not None and supervisor.is_alive():
        assert SYSTEM.mono() < give_up_at, "the finisher never finished"
        time.sleep(NAP_S)
    return end


def at_once(code: str, arguments: Sequence[Sequence[str]], folder: Path) -> list[str]:
    """What processes say that go on at the same moment: when the gate opens.

    code: prints `ready`, then shares the lock of the file that is its last argument.
    """
    gate = folder / "gate"
    with gate.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", code, *words, str(gate)],
                cwd=PROJECT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for words in arguments
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
    return [process.communicate(timeout=PATIENCE_S)[0].strip() for process in processes]


def attempt_of(folder: RunFolder) -> AttemptFolder:
    """The last attempt, which is there."""
    attempt = folder.last_attempt()
    assert attempt is not None
    return attempt


def pid_of(folder: RunFolder, who: str) -> int:
    """The pid of `supervisor` or `trainer`, as recorded."""
    proc = read_json(attempt_of(folder).proc)
    assert proc is not None
    return int(proc[who]["pid"])


def kill(folder: RunFolder, who: str, signum: int = signal.SIGKILL) -> None:
    """Send a signal to `supervisor` or `trainer`."""
    os.kill(pid_of(folder, who), signum)


def kill_both(folder: RunFolder) -> None:
    """Supervisor and trainer at once: the one is stopped before it can see the other die.

    Both are gone afterwards, and so are their locks.
    """
    handles = [os.pidfd_open(pid_of(folder, who)) for who in ("supervisor", "trainer")]
    kill(folder, "supervisor", signal.SIGSTOP)
    kill(folder, "trainer")
    kill(folder, "supervisor")
    for handle in handles:
        gone, *_ = select.select([handle], [], [], PATIENCE_S)
        os.close(handle)
        assert gone


def end_all(home: Path) -> None:
    """Leave no run of a test behind."""
    seen = registry.overview(home)
    # First those that wait: the end of another would start them.
    for run in seen.queued + seen.active:
        attempt = run.folder.last_attempt()
        if isinstance(run.state, Queued) or attempt is None or not attempt.proc.exists():
            request_stop(home, run.id, force=True)
        else:
            with suppress(ProcessLookupError):  # it may end at this moment by itself
                kill(run.folder, "trainer")
        over = meet(home, run.id, lambda run: isinstance(run.state, Ended | Queued))
        if isinstance(over.state, Queued):  # to go on by itself
            request_stop(home, run.id)
