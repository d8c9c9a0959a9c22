"""Which lanes a drive was on, frame by frame: nuPlan's `get_route` for the middle of a box."""

from drivetrain.sim.compiled import called, inlined
from drivetrain.sim.lane_map import LaneMap
from drivetrain.sim.score.drive import Drive
from drivetrain.sim.score.ground import (
    along_baseline,
    distance_to,
    is_in_intersection,
    is_inside,
    lanes_at,
    leads_to,
)
from drivetrain.sim.state import Ints

NEAR_CONNECTOR_M = 5.0


@called
def keep_lanes(roads: LaneMap, before: Ints, count: int, x: float, y: float, out: Ints) -> int:
    """The lanes of before that hold a point; if there was one only, also what follows it.

    before: [count ...].  out: [lanes], takes their numbers.  Returns how many.
    """
    kept = 0
    for k in range(count):
        if kept < len(out) and is_inside(roads.ground.borders, roads.area[before[k]], x, y):
            out[kept] = before[k]
            kept += 1
    if kept == 0 and count == 1:
        lane = before[0]
        for k in range(roads.followers.first[lane], roads.followers.first[lane + 1]):
            follower = roads.followers.lane[k]
            if kept < len(out) and is_inside(roads.ground.borders, roads.area[follower], x, y):
                out[kept] = follower
                kept += 1
    return kept


@called
def associate(roads: LaneMap, road: int, drive: Drive) -> None:
    """Finds the lanes of every frame; fills lanes, counts, inside and along of the drive."""
    x, y, lanes, counts = drive.x, drive.y, drive.lanes, drive.counts
    for i in range(len(x)):
        count = 0
        if i > 0 and counts[i - 1] > 0:
            count = keep_lanes(roads, lanes[i - 1], counts[i - 1], x[i], y[i], lanes[i])
        drive.inside[i] = 1
        if count == 0:
            count = lanes_at(roads, road, x[i], y[i], lanes[i])
            if i > 1 and counts[i - 1] > 0 and roads.is_connector[lanes[i - 1, 0]]:
                near = _near_connectors(roads, road, drive, i, count)
                count = near if near > 0 else count
                drive.inside[i] = near == 0
        counts[i] = count
    _drop_extra_connectors(roads, drive)
    for i in range(len(x)):
        if counts[i] > 0:
            drive.along[i] = along_baseline(roads.baselines, lanes[i, 0], x[i], y[i])


@inlined
def _near_connectors(roads: LaneMap, road: int, drive: Drive, i: int, count: int) -> int:
    """Who cuts a corner through another connector stays on the ones it came from."""
    x, y, lanes = drive.x[i], drive.y[i], drive.lanes
    if count > 0 and not roads.is_connector[lanes[i, 0]]:
        return 0
    if count == 0 and not is_in_intersection(roads.ground, road, x, y):
        return 0
    near = 0
    for k in range(drive.counts[i - 1]):
        lane = lanes[i - 1, k]
        if distance_to(roads.ground.borders, roads.area[lane], x, y) < NEAR_CONNECTOR_M:
            lanes[i, near] = lane
            near += 1
    return near


@inlined
def _drop_extra_connectors(roads: LaneMap, drive: Drive) -> None:
    """From the end: of several connectors, those that the drive turned out to be on."""
    lanes, counts = drive.lanes, drive.counts
    for i in range(len(counts) - 2, -1, -1):
        count, after = counts[i], counts[i + 1]
        if count <= 1:
            continue
        kept = 0
        if after > 0 and not roads.is_connector[lanes[i + 1, 0]]:
            for k in range(count):
                if leads_to(roads.followers, lanes[i, k], lanes[i + 1, 0]):
                    lanes[i, kept] = lanes[i, k]
                    kept += 1
        # Where nothing follows, nothing is kept: nuPlan's rule has it so.
        if kept > 0:
            counts[i] = kept
        elif after < count and _has_all(lanes[i], count, lanes[i + 1], after):
            for k in range(after):
                lanes[i, k] = lanes[i + 1, k]
            counts[i] = after


@inlined
def _has_all(lanes: Ints, count: int, others: Ints, other_count: int) -> bool:
    """Whether the first lanes hold every one of the others."""
    for j in range(other_count):
        if not has(lanes, count, others[j]):
            return False
    return True


@inlined
def has(lanes: Ints, count: int, lane: int) -> bool:
    """Whether a lane is among the first ones."""
    for k in range(count):
        if lanes[k] == lane:
            return True
    return False
