"""Moving the queue on for somebody who watches a run that waits in it."""

from contextlib import suppress
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.errors import UserError
from drivetrain.runs.look import Run
from drivetrain.runs.record import Queued

EVERY_S = 2.0


class Nudge:
    """Moves a home's queue on now and then: nobody else may be left who does."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._given_at = SYSTEM.mono()

    def give(self, run: Run) -> None:
        """Take a step, where this run waits and the last one was a while ago."""
        if not isinstance(run.state, Queued) or SYSTEM.mono() - self._given_at <= EVERY_S:
            return
        # Few runs wait, and starting one takes modules that watching it does not.
        from drivetrain.runs.schedule import schedule_step

        with suppress(OSError, UserError):
            schedule_step(self._home)
        self._given_at = SYSTEM.mono()
