"""Time comes in through the door: a test hands in its own clock."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two kinds of time: one for people, one for durations."""

    def wall(self) -> float:
        """Seconds since 1970, as people count; it may jump."""

    def mono(self) -> float:
        """Seconds on CLOCK_MONOTONIC: comparable within one boot, stands still in suspend."""


class SystemClock:
    """The clock of this machine."""

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.clock_gettime(time.CLOCK_REALTIME)

    def mono(self) -> float:
        """Seconds since some moment of this boot, the same for every process."""
        return time.clock_gettime(time.CLOCK_MONOTONIC)


SYSTEM: Clock = SystemClock()
