"""Whether a drive stayed on the drivable area, within nuPlan's tolerance."""

import math

from drivetrain.sim.compiled import called, inlined
from drivetrain.sim.lane_map import LaneMap
from drivetrain.sim.score.corners import CORNERS, corner_at
from drivetrain.sim.score.drive import Drive
from drivetrain.sim.score.ground import (
    distance_to,
    is_near_drivable,
    is_paved,
    knows_drivable,
)
from drivetrain.sim.state import Bytes, Ints

TOLERANCE_M = 0.3


@called
def drivable_score(
    roads: LaneMap,
    road: int,
    drive: Drive,
    crosses: Bytes,
    half_sizes: tuple[float, float],
) -> float:
    """1, or 0 if a corner of the box was ever TOLERANCE_M off the drivable area.

    NaN where the road does not know its drivable area. A box can leave it only across an edge,
    so that frames which meet none are looked at only while the last one was partly outside.
    crosses: [frames].
    """
    if not knows_drivable(roads, road):
        return math.nan
    no_edges = roads.first_edge[road] == roads.first_edge[road + 1]
    outside = True
    for i in range(len(crosses)):
        if not (outside or no_edges or crosses[i]):
            continue
        outside = False
        for corner in range(CORNERS):
            cx, cy = corner_at(drive.x[i], drive.y[i], drive.heading[i], half_sizes, corner)
            if not is_paved(roads.ground, road, cx, cy):
                outside = True
                if _is_far(roads, road, cx, cy, drive.lanes[i], drive.counts[i]):
                    return 0.0
    return 1.0


@inlined
def _is_far(roads: LaneMap, road: int, x: float, y: float, lanes: Ints, count: int) -> bool:
    """Whether a point is off both the drivable area and the lanes of the ego's middle."""
    for k in range(count):
        if distance_to(roads.ground.borders, roads.area[lanes[k]], x, y) < TOLERANCE_M:
            return False
    return not is_near_drivable(roads.ground, road, x, y, TOLERANCE_M)
