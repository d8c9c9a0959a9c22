"""Asking a run to stop.  The file is what counts; the signal only saves half a second."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from drivetrain.clock import SYSTEM
from drivetrain.errors import UserError
from drivetrain.runs.asker import Asker, facts_of
from drivetrain.runs.atomic import read_json, replace_json
from drivetrain.runs.boot import Identity
from drivetrain.runs.folder import AttemptFolder
from drivetrain.runs.locks import held_if_free, is_held
from drivetrain.runs.look import Run, locked_state
from drivetrain.runs.patience import in_time
from drivetrain.runs.record import Ended, Queued, Running, Stalled, Starting, Stopping, Verdict
from drivetrain.runs.registry import find_run, note
from drivetrain.runs.saved import newest_step
from drivetrain.runs.settle import record_end

Did = Literal["asked", "forced", "repeated", "never_started", "over"]


@dataclass(frozen=True, slots=True)
class StopReply:
    """The run after the request, and what the request did.

    asked: it saves and leaves.  forced: it leaves without grace.  repeated: it was stopping
    already, nothing changed.  never_started: it had not begun, and will not.  over: it had
    already ended.
    """

    run: Run
    did: Did


def request_stop(
    home: Path,
    run_id: str,
    *,
    grace_s: float | None = None,
    force: bool = False,
    asked_by: Asker | None = None,
) -> StopReply:
    """Ask a run to save and stop; asking again changes nothing and says so.

    grace_s: how long it may save before it is killed; by default 120 s or three times its
    longest save.  force: no grace.  asked_by: None where nobody is known.

    Raises:
        NotFoundError: there is no such run.
        ConflictError: somebody else holds the run and does not let go.
    """
    request = {
        "by": "user",
        "asked_by": facts_of(asked_by),
        "wall": SYSTEM.wall(),
        "grace_s": grace_s,
        "force": force,
    }
    did: Did = in_time(run_id, lambda: _act(find_run(home, run_id), request))
    if did == "never_started":
        _settle_elsewhere(home, run_id)
    return StopReply(find_run(home, run_id), did)


def _act(run: Run, request: dict[str, Any]) -> Did | None:
    """Do what this state asks for; None where it is just changing."""
    attempt = run.folder.last_attempt()
    match run.state:
        case Ended():
            return "over"
        case Queued() | Starting() if _cancel(run, request):
            return "never_started"
        case Starting() | Running() | Stalled() | Stopping() if attempt is not None:
            return _ask(run, attempt, request)
        case _:
            return None


def _cancel(run: Run, request: dict[str, Any]) -> bool:
    """Whether the run ended here, before any supervisor had it."""
    with held_if_free(run.folder.run_lock) as mine:
        if not mine:
            return False
        state = locked_state(run.folder)
        if not isinstance(state, Queued | Starting):
            return False
        attempt = run.folder.attempt(state.attempt)
        attempt.path.mkdir(parents=True, exist_ok=True)
        _leave(run, attempt, request)
        # A run that waits to go on stands where it stood.
        step = run.progress.step if run.progress else None
        words = "stopped before it began" if step is None else "stopped before it went on"
        verdict = Verdict("stopped", "user_stop", words, step)
        record_end(attempt, verdict, newest_step(run.folder))
        return True


def _settle_elsewhere(home: Path, run_id: str) -> None:
    """What a supervisor's end would have seen to: index, tracker, and runs that wait for it."""
    from drivetrain.runs.closing import close_detached  # subprocess: a mere request needs none
    from drivetrain.runs.schedule import schedule_step

    run = find_run(home, run_id)
    note(home, run)
    if run.progress is not None:
        close_detached(run.folder)
    with suppress(OSError, UserError):  # the stop is done; the next command takes the step
        schedule_step(home, wait=True)


def _ask(run: Run, attempt: AttemptFolder, request: dict[str, Any]) -> Did:
    """Leave the request in the folder and wake the supervisor, if one is left."""
    before = read_json(run.folder.stop_request) or {}
    is_repeat = before.get("attempt") == attempt.number
    if is_repeat and (before.get("force") or not request["force"]):
        return "repeated"
    _leave(run, attempt, request)
    if is_held(run.folder.run_lock):
        _signal(attempt, "supervisor", signal.SIGTERM)
    elif request["force"]:
        # It saves without its supervisor, and nobody else is left who could end it.
        _signal(attempt, "trainer", signal.SIGKILL)
    return "forced" if request["force"] else "asked"


def _leave(run: Run, attempt: AttemptFolder, request: dict[str, Any]) -> None:
    replace_json(run.folder.stop_request, {"v": 1, "attempt": attempt.number} | request)


def _signal(attempt: AttemptFolder, who: str, signum: signal.Signals) -> None:
    """A signal to the `supervisor` or the `trainer`, if it is certain which process that is."""
    process = Identity.parse((read_json(attempt.proc) or {}).get(who))
    if process is None:
        return
    with suppress(OSError):
        # Opened before it is checked: from here on the pid cannot pass to another process.
        handle = os.pidfd_open(process.pid)
        try:
            if process.is_same():
                signal.pidfd_send_signal(handle, signum)
        finally:
            os.close(handle)
