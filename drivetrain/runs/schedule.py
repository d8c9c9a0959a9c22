"""Moving queued runs on, without a daemon: every start and every end takes this step."""

from pathlib import Path

from drivetrain.runs.attempt import begin_attempt
from drivetrain.runs.folder import runs_folder
from drivetrain.runs.locks import held_if_free
from drivetrain.runs.registry import overview


def schedule_step(home: Path) -> int:
    """Start what waits, oldest first; returns how many.  One process at a time does it."""
    if not runs_folder(home).is_dir():
        return 0
    with held_if_free(runs_folder(home) / ".schedule.lock") as mine:
        waiting = overview(home, ended_limit=0).queued if mine else ()
        for run in reversed(waiting):
            begin_attempt(run.folder)
    return len(waiting)
