"""`python -m drivetrain.runs finish RUN`: what a supervisor becomes when its run is over."""

import os
import sys
from pathlib import Path

from drivetrain.errors import UserError
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import look_at, read_request
from drivetrain.runs.record import Ended
from drivetrain.runs.registry import note
from drivetrain.runs.schedule import schedule_step


def finish(path: Path) -> None:
    """Remember the end in the index, start what waited for it, then settle what outlives it.

    By now the supervisor's slots are free: its descriptors ended with the program it was.
    """
    folder = RunFolder.at(path)
    run = look_at(folder)
    if run is not None:
        note(folder.home, run)
    try:
        schedule_step(folder.home, wait=True)
    except (OSError, UserError) as error:
        # The next command takes the step again; this goes to the run's log.
        sys.stderr.write(f"The queue did not move on: {error}\n")
    _close(folder)


def _close(folder: RunFolder) -> None:
    """Become the run's closer, unless there is none or the run goes on."""
    run, asked = look_at(folder), read_request(folder)
    if run is None or asked is None or not isinstance(run.state, Ended):
        return
    if asked.plan.closer:
        words = [*asked.plan.closer, str(folder.path)]
        os.execv(words[0], words)  # noqa: S606 - list arguments, no shell


if __name__ == "__main__":
    _, verb, where = sys.argv
    if verb != "finish":
        sys.exit(f"`{verb}` is no step of a run; there is `finish RUN`.")
    finish(Path(where))
