"""How far a drive came along the expert's route: a chain of roadblocks with a baseline each."""

import math

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import called, compiled, inlined
from drivetrain.sim.lane_map import LaneMap
from drivetrain.sim.score.association import has
from drivetrain.sim.score.drive import Drive
from drivetrain.sim.score.ground import along_baseline, is_in_block
from drivetrain.sim.state import Floats, Ints

Numbers = NDArray[np.int32]

LEAST_PROGRESS_M = 2.0
"""Below this, nuPlan does not tell one progress from another (its documentation says 0.1)."""
ENOUGH_PROGRESS = 0.2


@compiled
def blocks_of(roads: LaneMap, drive: Drive, out: Ints) -> int:
    """The chain of roadblocks of a drive: the first lane of each, and how many there are.

    drive: associated.  out: [frames].
    """
    lanes, counts, blocks, last = drive.lanes, drive.counts, 0, -1
    for i in range(len(counts)):
        # A frame that shares a lane with the last one that counted shows nothing new.
        if counts[i] == 0 or (last >= 0 and _shares(lanes, counts, last, i)):
            continue
        last, lane = i, lanes[i, 0]
        if blocks == 0 or roads.block[out[blocks - 1]] != roads.block[lane]:
            out[blocks] = lane
            blocks += 1
    return blocks


@inlined
def _shares(lanes: Ints, counts: Ints, one: int, other: int) -> bool:
    for k in range(counts[one]):
        if has(lanes[other], counts[other], lanes[one, k]):
            return True
    return False


@called
def come_along(roads: LaneMap, road: int, blocks: Numbers, drive: Drive, out: Floats) -> None:
    """Metres along a chain of roadblocks since the first frame; never back to a former block.

    blocks: [blocks] lanes, at least one.  drive: associated.  out: [frames].
    """
    x, y = drive.x, drive.y
    block, total = 0, 0.0
    along = along_baseline(roads.baselines, blocks[0], x[0], y[0])
    out[0] = 0.0
    for i in range(1, len(x)):
        lane = blocks[block]
        if _is_in(roads, road, roads.block[lane], drive, i):
            place = _along(roads, lane, drive, i)
            total += place - along
            along = place
        else:
            found, skipped_m = _next_block(roads, road, blocks, block, x[i], y[i])
            if found >= 0:
                last = roads.baselines.first[lane + 1] - 1
                rest = np.float64(roads.baselines.m[last]) - along
                along = _along(roads, blocks[found], drive, i)
                total += rest + along - _along_of(roads, blocks[found], last) + skipped_m
                block = found
        out[i] = total


@inlined
def _is_in(roads: LaneMap, road: int, block: int, drive: Drive, i: int) -> bool:
    """Whether a frame lies in a roadblock; its own lane mostly tells."""
    is_known = drive.counts[i] > 0 and drive.inside[i]
    if is_known and roads.block[drive.lanes[i, 0]] == block:
        return True
    return bool(is_in_block(roads, road, block, drive.x[i], drive.y[i]))


@inlined
def _along(roads: LaneMap, lane: int, drive: Drive, i: int) -> float:
    """Where on a lane's baseline a frame lies; mostly it is known."""
    if drive.counts[i] > 0 and drive.lanes[i, 0] == lane:
        return float(drive.along[i])
    return float(along_baseline(roads.baselines, lane, drive.x[i], drive.y[i]))


@inlined
def _next_block(
    roads: LaneMap, road: int, blocks: Numbers, block: int, x: float, y: float
) -> tuple[int, float]:
    """The next block that holds a point, or -1; and the metres of those that it left out."""
    before, metres = block, 0.0
    for candidate in range(block + 1, len(blocks)):
        if is_in_block(roads, road, roads.block[blocks[candidate]], x, y):
            return candidate, metres
        if candidate + 1 < len(blocks):
            lane = blocks[candidate]
            last_before = roads.baselines.first[blocks[before] + 1] - 1
            first_after = roads.baselines.first[blocks[candidate + 1]]
            metres += _along_of(roads, lane, first_after) - _along_of(roads, lane, last_before)
            before = candidate
    return -1, 0.0


@inlined
def _along_of(roads: LaneMap, lane: int, point: int) -> float:
    """Where on a lane's baseline a point of another one lies."""
    x, y = np.float64(roads.baselines.x[point]), np.float64(roads.baselines.y[point])
    return along_baseline(roads.baselines, lane, x, y)


@compiled
def progress_score(ego_m: float, expert_m: float) -> float:
    """The ego's share of the expert's progress; 0 for who went back."""
    if math.isnan(expert_m) or math.isnan(ego_m):
        return math.nan
    if ego_m < -LEAST_PROGRESS_M:
        return 0.0
    return min(1.0, max(ego_m, LEAST_PROGRESS_M) / max(expert_m, LEAST_PROGRESS_M))
