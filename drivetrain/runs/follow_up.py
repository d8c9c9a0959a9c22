"""Whether an attempt that ended is followed by another."""

from drivetrain.clock import SYSTEM
from drivetrain.runs.atomic import read_json
from drivetrain.runs.boot import this_boot
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.launched import read_launch
from drivetrain.runs.plan import Plan
from drivetrain.runs.record import AUTO_RESUMED, Ended, Queued, Reason

REST_S = 60.0
"""From a preemption until the run may go on by itself: a machine that goes down is then off."""


def asked_to_stop(folder: RunFolder, attempt: int) -> Reason | None:
    """Why this very attempt is to stop: somebody wants it, or its time is over."""
    asked = read_json(folder.stop_request)
    if asked is None or asked.get("attempt") != attempt:
        return None
    return "time_limit" if asked.get("reason") == "time_limit" else "user_stop"


def is_asked_to_stop(folder: RunFolder, attempt: int) -> bool:
    """Whether this very attempt was asked to stop."""
    return asked_to_stop(folder, attempt) is not None


def is_asked_to_resume(folder: RunFolder, attempt: int) -> bool:
    """Whether somebody asked the run to go on after the end of this very attempt."""
    asked = read_json(folder.resume_request)
    return asked is not None and asked.get("attempt") == attempt


def goes_on_by_itself(folder: RunFolder, plan: Plan, end: Ended) -> bool:
    """Whether the run goes on unasked: an end from outside, a later unit, and tries left.

    A machine that was restarted says nothing about the run, so that asks for no later unit.
    """
    return (
        end.reason in AUTO_RESUMED
        and plan.auto_resumes > 0
        and not is_asked_to_stop(folder, end.attempt)
        and (end.reason == "reboot" or _got_further(folder, end))
        and _resumed_in_a_row(folder, end.attempt) < plan.auto_resumes
    )


def rests_s(folder: RunFolder, state: Queued) -> float:
    """Seconds for which a run must not go on by itself yet; 0 where it may.

    The machine asked for its place back.  Taken again at once it would be lost with the
    machine; once that is up again, it is free.
    """
    if state.by != "auto":
        return 0.0
    before = folder.attempt(state.attempt - 1)
    if (read_json(before.exit) or {}).get("reason") != "preempted":
        return 0.0
    if (read_json(before.proc) or {}).get("boot_id") != this_boot().id:
        return 0.0
    passed_s = SYSTEM.wall() - state.since
    # Less than none has passed where the clock was set back; it may have been by hours.
    return max(0.0, REST_S - passed_s) if passed_s >= 0 else 0.0


def _got_further(folder: RunFolder, end: Ended) -> bool:
    """Whether the attempt saved a later state than the one it began with."""
    launch = read_launch(folder.attempt(end.attempt))
    began_at = 0 if launch is None else launch.from_step
    return end.unit is not None and end.unit > began_at


def _resumed_in_a_row(folder: RunFolder, last: int) -> int:
    """How many attempts up to this one the run made by itself, since somebody last asked."""
    count = 0
    for attempt in map(folder.attempt, range(last, 0, -1)):
        launch = read_launch(attempt)
        if launch is not None and launch.by != "auto":
            break
        # A launch that nobody took up was no try.
        count += launch is not None and attempt.exit.exists()
    return count
