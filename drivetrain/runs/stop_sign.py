"""How a trainer hears that it should save and leave."""

import math
import os
import signal
from types import FrameType

from drivetrain.clock import Clock
from drivetrain.runs.atomic import read_json
from drivetrain.runs.boot import Identity
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.follow_up import asked_to_stop
from drivetrain.runs.locks import is_held
from drivetrain.runs.record import Reason

LOOK_EVERY_S = 0.5


class StopSign:
    """Whether, and why, a trainer should stop."""

    def __init__(self, folder: RunFolder, attempt: int, clock: Clock) -> None:
        self._folder = folder
        self._attempt = attempt
        self._clock = clock
        self._told = False
        self._asked: Reason | None = None
        self._looked_at = -math.inf

    def listen(self) -> None:
        """Take SIGTERM as a request to save and leave; the handler only remembers it."""
        signal.signal(signal.SIGTERM, self._remember)

    def is_up(self) -> bool:
        """Whether to stop; the folder is looked at twice a second at most."""
        now = self._clock.mono()
        if self._asked is None and now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._asked = self._asked_for()
        return self._told or self._asked is not None

    @property
    def is_told(self) -> bool:
        """Whether a signal came; asks nothing of the disk."""
        return self._told

    def reason(self) -> Reason:
        """A stop request counts before a lost supervisor, and that before a bare signal."""
        asked = self._asked or self._asked_for()
        if asked is not None:
            return asked
        return "supervisor_died" if self._is_left() else "preempted"

    def _is_left(self) -> bool:
        """Whether the supervisor is gone; its lock may be held by somebody who settles that."""
        proc = read_json(self._folder.attempt(self._attempt).proc) or {}
        supervisor = Identity.parse(proc.get("supervisor"))
        if supervisor is None:  # not on record yet
            return not is_held(self._folder.run_lock)
        return os.getppid() != supervisor.pid

    def _asked_for(self) -> Reason | None:
        return asked_to_stop(self._folder, self._attempt)

    def _remember(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._told = True
