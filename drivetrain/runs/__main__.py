"""`python -m drivetrain.runs finish RUN`: what a supervisor becomes when its run is over."""

import sys
from pathlib import Path

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import look_at
from drivetrain.runs.registry import note
from drivetrain.runs.schedule import schedule_step


def finish(path: Path) -> None:
    """Remember the end in the index, then start what waited for it."""
    folder = RunFolder.at(path)
    run = look_at(folder)
    if run is not None:
        note(folder.home, run)
    schedule_step(folder.home)


if __name__ == "__main__":
    _, verb, where = sys.argv
    if verb != "finish":
        sys.exit(f"`{verb}` is no step of a run; there is `finish RUN`.")
    finish(Path(where))
