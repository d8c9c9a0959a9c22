"""A driving line, and the part of it that an ego may be asked to drive."""

from dataclasses import dataclass

import numpy as np

from drivetrain.data import lines
from drivetrain.data.lines import Floats
from drivetrain.sim.scenario import Path

PAST_EXPERT_M = 5.0
"""So much farther than its expert came leads a route at least."""


@dataclass(frozen=True, slots=True)
class DrivingLine:
    """Where a driver went and would go on.

    path: as traffic drives it, on beyond the map.  lanes_m: how far along it there are lanes.
    """

    path: Path
    lanes_m: float

    def as_route(self, expert_m: Floats) -> Path:
        """The line as far as there are lanes, or the expert came.  expert_m: [steps, 2].

        Who leaves the map is gone, but an ego would be led where there may be no road. On its
        route it has arrived before.
        """
        passed_m, _, _ = lines.project(self.path.points_m, expert_m)
        return _up_to(self.path, max(self.lanes_m, float(passed_m.max()) + PAST_EXPERT_M))


def _up_to(path: Path, end_m: float) -> Path:
    """A path up to its first point at or behind an arc length."""
    way_m = lines.arc_length(path.points_m)
    count = max(2, int(np.searchsorted(way_m, end_m)) + 1)
    if count >= len(way_m):
        return path
    return Path(
        path.points_m[:count],
        path.half_width_m[:count],
        path.limit_mps[:count],
        tuple(stop for stop in path.stops if stop.along_m <= way_m[count - 1]),
    )
