"""Whether an attempt that ended is followed by another."""

from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.launched import read_launch
from drivetrain.runs.plan import Plan
from drivetrain.runs.record import AUTO_RESUMED, Ended


def is_asked_to_stop(folder: RunFolder, attempt: int) -> bool:
    """Whether somebody asked this very attempt to stop."""
    asked = read_json(folder.stop_request)
    return asked is not None and asked.get("attempt") == attempt


def is_asked_to_resume(folder: RunFolder, attempt: int) -> bool:
    """Whether somebody asked the run to go on after the end of this very attempt."""
    asked = read_json(folder.resume_request)
    return asked is not None and asked.get("attempt") == attempt


def goes_on_by_itself(folder: RunFolder, plan: Plan, end: Ended) -> bool:
    """Whether the run goes on unasked: an end from outside, a later unit, and tries left."""
    return (
        end.reason in AUTO_RESUMED
        and plan.auto_resumes > 0
        and not is_asked_to_stop(folder, end.attempt)
        and _got_further(folder, end)
        and _resumed_in_a_row(folder, end.attempt) < plan.auto_resumes
    )


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
