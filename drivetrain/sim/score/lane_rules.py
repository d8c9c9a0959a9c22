"""What lanes ask of a drive: their direction, and their speed limit."""

import math

import numpy as np

from drivetrain.sim.compiled import called, compiled
from drivetrain.sim.lane_map import LaneMap
from drivetrain.sim.score.drive import Drive
from drivetrain.sim.score.ground import along_baseline
from drivetrain.sim.state import Floats, Ints

DIRECTION_S = 1.0
AGAINST_HALF_M = 2.0
AGAINST_NONE_M = 6.0
OVERSPEED_MPS = 2.23


@called
def moves_along(
    roads: LaneMap,
    drive: Drive,
    as_nuplan: bool,  # noqa: FBT001 - which of two formulas
    out: Floats,
) -> None:
    """Metres that each frame of an associated drive moved along the baseline of its lane.

    nuPlan's formula has quirks: the frame that enters a lane and the next one count 0, so does
    a place at the very start of a baseline, and after frames without a lane the whole gap
    counts as one move. Otherwise every move is measured on the lane it ends in.  out: [frames].
    """
    lanes, counts, along = drive.lanes, drive.counts, drive.along
    last, before, known = -1, 0.0, False
    if counts[0] > 0:
        last = lanes[0, 0]
    for i in range(len(along)):
        out[i] = 0.0
        if counts[i] == 0:
            continue
        lane = lanes[i, 0]
        if not as_nuplan:
            if i > 0 and counts[i - 1] > 0 and lanes[i - 1, 0] == lane:
                out[i] = along[i] - along[i - 1]
            elif i > 0:
                x, y = drive.x[i - 1], drive.y[i - 1]
                out[i] = along[i] - along_baseline(roads.baselines, lane, x, y)
        elif lane == last:
            if known and along[i] != 0.0:
                out[i] = along[i] - before
            before, known = along[i], True
        else:
            last, known = lane, False


@compiled
def most_against(moves: Floats, window: int) -> float:
    """The farthest drive against the lanes within window + 1 frames, as a number >= 0."""
    backward = False
    for move in moves:
        backward |= move < 0.0
    # The first frame does not move, so that without a move back nothing is below 0.
    if not backward:
        return 0.0
    least = math.inf
    for i in range(len(moves)):
        total = 0.0
        for k in range(max(0, i - window), i + 1):
            total += moves[k]
        least = min(least, total)
    return abs(least)


@compiled
def direction_score(against_m: float) -> float:
    """1, 1/2 or 0 for what `most_against` found."""
    if against_m < AGAINST_HALF_M:
        return 1.0
    return 0.5 if against_m < AGAINST_NONE_M else 0.0


@compiled
def limit_at(roads: LaneMap, lanes: Ints, count: int) -> float:
    """The highest limit of the lanes of a frame; NaN where there is none or one is unknown."""
    highest = 0.0 if count > 0 else math.nan
    for k in range(count):
        limit = np.float64(roads.rule_mps[lanes[k]])
        if not limit > 0.0:
            return math.nan
        highest = max(highest, limit)
    return highest


@compiled
def speed_score(roads: LaneMap, drive: Drive, step_s: float) -> float:
    """1 less the mean excess over the limit as a share of OVERSPEED_MPS.

    Frames without a known limit are no violation; NaN where no frame has one.
    """
    total, known = 0.0, 0
    for i in range(len(drive.speed)):
        limit = limit_at(roads, drive.lanes[i], drive.counts[i])
        if not math.isnan(limit):
            known += 1
            total += max(0.0, drive.speed[i] - limit)
    if known == 0:
        return math.nan
    lasts = (len(drive.speed) - 1) * step_s
    return 1.0 if lasts <= 0.0 else max(0.0, 1.0 - total * step_s / (OVERSPEED_MPS * lasts))
