"""How much room is left where a run saves, and what it has saved there."""

import math
import shutil
from contextlib import suppress

from drivetrain.checkpoint_units import Unit, newest
from drivetrain.clock import Clock
from drivetrain.errors import DataError
from drivetrain.runs.folder import RunFolder

LOOK_EVERY_S = 10.0
LEAST_FREE = 1 << 30
ROOM_FOR_SAVES = 2
"""Below this many times the newest unit, the next saves may not fit."""


class DiskWatch:
    """Looks at the disk now and then, and notices once when it is running full.

    free: bytes, None where nobody tells.  last_unit: step of the newest whole saved state.
    """

    def __init__(self, folder: RunFolder, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._looked_at = -math.inf
        self.free: int | None = None
        self.is_low = False
        self.last_unit: int | None = None

    def expire(self) -> None:
        """Something was saved: the next look must be a new one."""
        self._looked_at = -math.inf

    def notice(self) -> str | None:
        """What to warn of, if the disk has just become too full for what is to come."""
        now = self._clock.mono()
        if now - self._looked_at < LOOK_EVERY_S:
            return None
        self._looked_at = now
        was_low = self.is_low
        with suppress(OSError):
            self._look()
        if was_low or not self.is_low or self.free is None:
            return None
        return f"only {self.free / 1e6:,.0f} MB are free in {self._folder.home}"

    def _look(self) -> None:
        unit = newest(self._folder.units)
        self.last_unit = None if unit is None else unit.step
        self.free = shutil.disk_usage(self._folder.path).free
        self.is_low = self.free < max(LEAST_FREE, ROOM_FOR_SAVES * _size_of(unit))


def _size_of(unit: Unit | None) -> int:
    """Bytes of a unit, as it tells itself; 0 for none."""
    if unit is None:
        return 0
    with suppress(DataError):  # pruned at this moment
        return sum(int(told["bytes"]) for told in unit.meta["files"].values())
    return 0
