"""Where runs stand and wait, after moving on those that can: every look does this first."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from drivetrain.errors import RequestError
from drivetrain.runs import registry
from drivetrain.runs.closing import close_left_open
from drivetrain.runs.look import Run
from drivetrain.runs.waiting import Waiting


def moved_on(home: Path) -> tuple[registry.Overview, Sequence[Waiting]]:
    """Where all runs stand and in which order they wait, after moving on those that can."""
    overview = registry.overview(home)
    close_left_open(home, overview.ended)
    if not overview.queued:
        return overview, ()
    # Starting runs takes modules that a status without a queue need not load.
    from drivetrain.runs.schedule import queue_of, schedule_step

    # Who may only read this home still sees it, and so does whoever set something to nonsense.
    with suppress(OSError, RequestError):
        schedule_step(home)
        overview = registry.overview(home)
    try:
        return overview, queue_of(home, overview)
    except RequestError:
        return overview, _held_up(overview.queued)


def _held_up(queued: Sequence[Run]) -> list[Waiting]:
    """The waiting runs, oldest first, where nobody can tell how many a GPU takes."""
    waits_for = "a number in `DRIVETRAIN_GPU_SLOTS`"
    oldest_first = sorted(queued, key=lambda run: run.created)
    return [Waiting(run, at, waits_for, None) for at, run in enumerate(oldest_first, start=1)]


def place_in_queue(run: Run) -> Waiting | None:
    """A run's place in the queue, None where it does not wait; moves on those that can.

    Also where the run itself is over: if the look at it found that, nobody else was left to
    begin the next.
    """
    _, queue = moved_on(run.folder.home)
    return next((waiting for waiting in queue if waiting.run.id == run.id), None)
