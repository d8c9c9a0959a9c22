"""Mirroring a run in MLflow while it trains, beside the training and never in its way."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from typing_extensions import override

from drivetrain.runs.folder import RunFolder
from drivetrain.tracking.mirror import Mirror
from drivetrain.tracking.store import first_line, silence_mlflow

EVERY_S = 5.0
LONGEST_PAUSE_S = 300.0
DOUBLINGS = 6
"""From EVERY_S past the longest pause; a number without a bound would end in an overflow."""

LEAVE_S = 5.0
"""How long a trainer waits for the last lines at most; the closer tells the rest."""

SHARE = 0.005
"""Of one core's time: mirroring takes no more of it than that, and pauses longer instead."""


class Telling(Protocol):
    """What shows people whether the mirror works: `on`, or `off: …`."""

    tracker: str


@contextmanager
def mirroring(folder: RunFolder, attempt: int, telemetry: Telling) -> Iterator[None]:
    """For the time of a block, MLflow is told every few seconds what the events tell."""
    silence_mlflow()
    thread = _Thread(folder, attempt, telemetry)
    thread.start()
    try:
        yield
    finally:
        thread.leave()


class _Thread(threading.Thread):
    """Catches up, pauses, and after an error pauses longer; what it missed it tells later."""

    def __init__(self, folder: RunFolder, attempt: int, telemetry: Telling) -> None:
        super().__init__(name="mlflow", daemon=True)
        self._folder = folder
        self._mirror = Mirror(folder)
        self._attempt = attempt
        self._telemetry = telemetry
        self._left = threading.Event()
        self._is_on = False
        self._failures = 0
        self._silent = self._told()

    @override
    def run(self) -> None:
        """The thread's life."""
        pause_s = EVERY_S
        while not self._left.wait(pause_s):
            # Two threads that import at once can meet halfway in a package: torch goes first,
            # and the first number says that it is through.
            if self._told() > self._silent:
                pause_s = self._pass()

    def leave(self) -> None:
        """Finish what is under way, if that is soon."""
        self._left.set()
        self.join(LEAVE_S)

    def _told(self) -> int:
        """Bytes of events so far."""
        try:
            return self._folder.events.stat().st_size
        except OSError:
            return 0

    def _pass(self) -> float:
        """Tell one portion; returns how long to pause then, in s."""
        try:
            if not self._is_on:
                self._mirror.go_on(self._attempt)
            begun = time.thread_time()
            self._mirror.catch_up(portions=1)
            cost_s = time.thread_time() - begun
        except Exception as error:  # noqa: BLE001 - whatever MLflow says, training goes on
            self._mirror, self._is_on = Mirror(self._folder), False
            self._failures += 1
            self._telemetry.tracker = f"off: {first_line(error)}"
            return min(LONGEST_PAUSE_S, EVERY_S * 2.0 ** min(self._failures, DOUBLINGS))
        self._is_on, self._failures = True, 0
        self._telemetry.tracker = "on"
        return min(LONGEST_PAUSE_S, max(EVERY_S, cost_s / SHARE))
