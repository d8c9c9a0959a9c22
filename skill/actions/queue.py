"""Where runs stand and wait, after moving on those that can: every look does this first."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from drivetrain.runs import registry
from drivetrain.runs.look import Run
from drivetrain.runs.record import Queued
from drivetrain.runs.waiting import Waiting


def moved_on(home: Path) -> tuple[registry.Overview, Sequence[Waiting]]:
    """Where all runs stand and in which order they wait, after moving on those that can."""
    overview = registry.overview(home)
    if not overview.queued:
        return overview, ()
    # Starting runs takes modules that a status without a queue need not load.
    from drivetrain.runs.schedule import queue_of, schedule_step

    with suppress(OSError):  # who may only read this home still sees it
        schedule_step(home)
        overview = registry.overview(home)
    return overview, queue_of(home, overview)


def place_in_queue(run: Run) -> Waiting | None:
    """A run's place in the queue, None where it does not wait."""
    if not isinstance(run.state, Queued):
        return None
    _, queue = moved_on(run.folder.home)
    return next((waiting for waiting in queue if waiting.run.id == run.id), None)
