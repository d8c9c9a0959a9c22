"""Whether the ego keeps to its lane: all four corners in common or in connected lanes."""

import math
from typing import NamedTuple

import numpy as np

from drivetrain.sim.compiled import called, inlined
from drivetrain.sim.lane_map import LaneMap
from drivetrain.sim.score.association import has, keep_lanes
from drivetrain.sim.score.drive import MOST_LANES
from drivetrain.sim.score.ground import lanes_at, leads_to
from drivetrain.sim.state import Bytes, Floats, Ints

CORNERS = 4
FRONT_LEFT, REAR_LEFT, REAR_RIGHT, FRONT_RIGHT = range(CORNERS)


class Corners(NamedTuple):
    """Room to follow the corners.

    lanes: [CORNERS, MOST_LANES].  counts: [CORNERS].  before, now: [CORNERS * MOST_LANES], the
    lanes of all corners together in the last frame and in this one.
    """

    lanes: Ints
    counts: Ints
    before: Ints
    now: Ints


def new_corners() -> Corners:
    """Room for one ego."""
    most = CORNERS * MOST_LANES
    return Corners(
        np.zeros((CORNERS, MOST_LANES), np.int64),
        np.zeros(CORNERS, np.int64),
        np.zeros(most, np.int64),
        np.zeros(most, np.int64),
    )


@inlined
def corner_at(
    x: float, y: float, heading: float, half_sizes: tuple[float, float], corner: int
) -> tuple[float, float]:
    """A corner of a box, in nuPlan's order: front left, rear left, rear right, front right."""
    half_length, half_width = half_sizes
    ahead = half_length if corner in (FRONT_LEFT, FRONT_RIGHT) else -half_length
    aside = half_width if corner in (FRONT_LEFT, REAR_LEFT) else -half_width
    cos, sin = math.cos(heading), math.sin(heading)
    return x + ahead * cos - aside * sin, y + ahead * sin + aside * cos


@called
def keeps_to_lanes(
    roads: LaneMap,
    road: int,
    x: Floats,
    y: Floats,
    heading: Floats,
    half_sizes: tuple[float, float],
    corners: Corners,
    out: Bytes,
) -> None:
    """For every frame whether all corners are in common or connected lanes.

    x, y, heading: [frames] of the box.  out: [frames].
    """
    before = 0
    for i in range(len(x)):
        now = 0
        for corner in range(CORNERS):
            cx, cy = corner_at(x[i], y[i], heading[i], half_sizes, corner)
            row, count = corners.lanes[corner], 0
            if before > 0:
                count = keep_lanes(roads, corners.before, before, cx, cy, row)
            if count == 0:
                count = lanes_at(roads, road, cx, cy, row)
                if i == 1:
                    before = _join(corners.before, before, row, count)
            corners.counts[corner] = count
            now = _join(corners.now, now, row, count)
        for k in range(now):
            corners.before[k] = corners.now[k]
        before = now
        out[i] = _are_connected(roads, corners)


@inlined
def _join(lanes: Ints, count: int, others: Ints, other_count: int) -> int:
    """Add those of the others that are not among the lanes; returns the new count."""
    for k in range(other_count):
        if count < len(lanes) and not has(lanes, count, others[k]):
            lanes[count] = others[k]
            count += 1
    return count


@inlined
def _are_connected(roads: LaneMap, corners: Corners) -> bool:
    """All corners share a lane; or the rear ones do, and the front ones are in it or after it.

    A corner without any lane is in no common one.
    """
    lanes, counts = corners.lanes, corners.counts
    for corner in range(CORNERS):
        if counts[corner] == 0:
            return False
    for k in range(counts[0]):
        lane, shared = lanes[0, k], True
        for corner in range(1, CORNERS):
            shared = shared and has(lanes[corner], counts[corner], lane)
        if shared:
            return True
    if not _rears_meet(roads, corners):
        return False
    for k in range(counts[REAR_RIGHT]):
        lane = lanes[REAR_RIGHT, k]
        if _joins_all(roads, corners, lane):
            return True
        for after in range(roads.followers.first[lane], roads.followers.first[lane + 1]):
            if _joins_all(roads, corners, roads.followers.lane[after]):
                return True
    return False


@inlined
def _rears_meet(roads: LaneMap, corners: Corners) -> bool:
    """Whether the rear corners share a lane, or one is in what follows the other's."""
    for k in range(corners.counts[REAR_LEFT]):
        for j in range(corners.counts[REAR_RIGHT]):
            left, right = corners.lanes[REAR_LEFT, k], corners.lanes[REAR_RIGHT, j]
            if (
                left == right
                or leads_to(roads.followers, left, right)
                or leads_to(roads.followers, right, left)
            ):
                return True
    return False


@inlined
def _joins_all(roads: LaneMap, corners: Corners, lane: int) -> bool:
    """Whether a lane of the right rear side is one of the left rear side and of both fronts.

    To the rear side belong a corner's lanes and what follows them, to the front side a corner's
    lanes and what leads to them.
    """
    lanes, counts = corners.lanes, corners.counts
    found = has(lanes[REAR_LEFT], counts[REAR_LEFT], lane)
    for k in range(counts[REAR_LEFT]):
        found = found or leads_to(roads.followers, lanes[REAR_LEFT, k], lane)
    for corner in (FRONT_LEFT, FRONT_RIGHT):
        front = has(lanes[corner], counts[corner], lane)
        for k in range(counts[corner]):
            front = front or leads_to(roads.followers, lane, lanes[corner, k])
        found = found and front
    return found
