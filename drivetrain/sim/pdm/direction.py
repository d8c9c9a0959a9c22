"""Whether a proposal drives against the traffic, where the road knows its lanes."""

from drivetrain.sim.compiled import inlined
from drivetrain.sim.lane_map import LaneMap
from drivetrain.sim.score.ground import along_baseline, lanes_at
from drivetrain.sim.state import Body, Ints


@inlined
def moved_along(roads: LaneMap, road: int, before: Body, now: Body, lanes: Ints) -> float:
    """How far a step went along the lane that it ended in, in m: below 0 against it.

    0 where there is no lane.  lanes: room for the lanes at a point.
    """
    if lanes_at(roads, road, now.x, now.y, lanes) == 0:
        return 0.0
    there = along_baseline(roads.baselines, lanes[0], now.x, now.y)
    return there - along_baseline(roads.baselines, lanes[0], before.x, before.y)
