"""How good a proposal is, by nuPlan's closed-loop metrics over its four seconds.

Score = multipliers * (5 progress + 5 time to collision + 2 comfort) / 12, as PDM-Closed weighs
them. Multipliers: collisions at fault, leaving the road, driving against the lanes. Progress is
a share of the best proposal's. The first state is the same for all and is not judged.
"""

import math
from typing import NamedTuple

import numpy as np

from drivetrain.sim.actions import PROPOSALS
from drivetrain.sim.collide import (
    BEHIND_COS,
    STATIC_CATEGORY,
    boxes_touch,
    collision_reason,
    time_to_collision,
)
from drivetrain.sim.compiled import inlined
from drivetrain.sim.config import STEP_S
from drivetrain.sim.pdm.forecast import Forecast
from drivetrain.sim.proposals import proposal_of
from drivetrain.sim.score.comfort import (
    ACROSS_MPS2,
    ALONG_MPS2,
    JERK_ALONG_MPS3,
    JERK_WINDOW,
    YAW_ACCELERATION_RADPS2,
    YAW_RATE_RADPS,
    YAW_WINDOW,
)
from drivetrain.sim.score.meeting import AHEAD_COS, LEAST_TTC_S
from drivetrain.sim.state import Body, Floats, State

PROGRESS_WEIGHT, TTC_WEIGHT, COMFORT_WEIGHT = 5.0, 5.0, 2.0
LEAST_PROGRESS_M = 0.1
"""Where no proposal gets farther, all progress alike."""
ASIDE_COST = 0.005
"""Taken off per metre between a proposal's line and the route: where nothing is gained aside,
the ego goes back to its lane's middle."""


class Verdicts(NamedTuple):
    """What came of each proposal.  All [proposals].

    factor: the product of the multipliers.  objects: how many were hit at fault.
    clear: 1 if nobody was close to being hit.
    comfort: 1 if every bound was kept.  failed_s: when the factor fell to 0, inf if never.
    hit_s: when the first collision at fault came, inf if none.  throttle, turn: its first
    action.
    """

    factor: Floats
    objects: Floats
    progress_m: Floats
    clear: Floats
    comfort: Floats
    failed_s: Floats
    hit_s: Floats
    throttle: Floats
    turn: Floats


class Traces(NamedTuple):
    """What comfort and direction are judged by, of the proposal at hand.  All [steps + 1].

    moved_along: along the lane, but 0 in the route's own.
    """

    acceleration: Floats
    speed: Floats
    yaw_rate: Floats
    moved_along: Floats


class Hits(NamedTuple):
    """Whom a step ran into at fault, and how soon it would run into somebody ahead."""

    bodies: int
    objects: int
    soonest_s: float


@inlined
def meet_forecast(
    state: State,
    w: int,
    forecast: Forecast,
    near: int,
    step: int,
    ego: Body,
    rear_to_centre_m: float,
    lane_room_m: float,
) -> Hits:
    """The ego among the others of a step; whom it has run into counts once."""
    b = state.bodies
    reach = ego.half_length + ego.half_width
    bodies, objects, soonest = 0, 0, math.inf
    for k in range(near):
        j = forecast.slot[k]
        dx, dy = forecast.x[step, k] - ego.x, forecast.y[step, k] - ego.y
        closing = abs(b.vx[w, j] - ego.vx) + abs(b.vy[w, j] - ego.vy)
        close = reach + b.half_length[w, j] + b.half_width[w, j] + LEAST_TTC_S * closing
        if forecast.met[k] or dx * dx + dy * dy > close * close:
            continue
        other = Body(
            forecast.x[step, k],
            forecast.y[step, k],
            b.cos[w, j],
            b.sin[w, j],
            b.vx[w, j],
            b.vy[w, j],
            b.half_length[w, j],
            b.half_width[w, j],
        )
        if boxes_touch(ego, other):
            forecast.met[k] = 1
            category = int(b.category[w, j])
            _, is_own = collision_reason(ego, rear_to_centre_m, other, category, lane_room_m)
            bodies += is_own and category != STATIC_CATEGORY
            objects += is_own and category == STATIC_CATEGORY
        elif threatens(ego, rear_to_centre_m, dx, dy, lane_room_m):
            soonest = min(soonest, time_to_collision(ego, other))
    return Hits(bodies, objects, soonest)


@inlined
def threatens(
    ego: Body, rear_to_centre_m: float, dx: float, dy: float, lane_room_m: float
) -> bool:
    """Whether nuPlan's time to collision looks at somebody that far from the ego's middle.

    Those less than 30 degrees off, seen from the rear axle; beside its own lane the ego has to
    look to all sides but behind.
    """
    ahead = dx * ego.cos + dy * ego.sin + rear_to_centre_m
    aside = dy * ego.cos - dx * ego.sin
    least = AHEAD_COS if lane_room_m >= 0.0 else BEHIND_COS
    return ahead > least * math.sqrt(ahead * ahead + aside * aside)


@inlined
def slope(values: Floats, count: int, window: int, at: int) -> float:
    """The slope per second of the line through the samples around one, as nuPlan filters.

    Held at both ends.

    values: [count or more], STEP_S apart.
    """
    size = min(window, count)
    first = min(max(at - size // 2, 0), count - size)
    middle, total, squares = 0.5 * (size - 1), 0.0, 0.0
    for k in range(size):
        total += (k - middle) * values[first + k]
        squares += (k - middle) * (k - middle)
    return total / (squares * STEP_S)


@inlined
def is_comfortable(traces: Traces, count: int) -> bool:
    """Whether all samples but the first keep nuPlan's bounds, with the true lateral one."""
    low, high = ALONG_MPS2
    for at in range(1, count):
        along, turning = traces.acceleration[at], traces.yaw_rate[at]
        jerk = slope(traces.acceleration, count, JERK_WINDOW, at)
        spin = slope(traces.yaw_rate, count, YAW_WINDOW, at)
        if not (
            low < along < high
            and abs(jerk) < JERK_ALONG_MPS3
            and abs(traces.speed[at] * turning) < ACROSS_MPS2
            and abs(turning) < YAW_RATE_RADPS
            and abs(spin) < YAW_ACCELERATION_RADPS2
        ):
            return False
    return True


@inlined
def score_all(verdicts: Verdicts, scores: Floats) -> int:
    """Every proposal's score; returns the best one, of equals the last: the fastest.

    Where all fail, the one that fails last is best, of equals the slowest, in the route's line.
    scores: [proposals], NaN where the proposal failed.
    """
    whole = PROGRESS_WEIGHT + TTC_WEIGHT + COMFORT_WEIGHT
    farthest = 0.0
    for k in range(PROPOSALS):
        farthest = max(farthest, verdicts.progress_m[k] * verdicts.factor[k])
    best = -1
    for k in range(PROPOSALS):
        factor, progress = verdicts.factor[k], 1.0
        scores[k] = math.nan
        if factor == 0.0:
            continue
        if farthest > LEAST_PROGRESS_M:
            progress = max(verdicts.progress_m[k] * factor, 0.0) / farthest
        sums = PROGRESS_WEIGHT * progress + TTC_WEIGHT * verdicts.clear[k]
        sums += COMFORT_WEIGHT * verdicts.comfort[k]
        line, _ = proposal_of(k)
        scores[k] = factor * sums / whole - ASIDE_COST * abs(line)
        if best < 0 or scores[k] >= scores[best]:
            best = k
    return best if best >= 0 else least_bad(verdicts)


@inlined
def least_bad(verdicts: Verdicts) -> int:
    """Of proposals that all fail the one that fails last, then the slowest, then the middle."""
    best = 0
    for k in range(1, PROPOSALS):
        ours, theirs = verdicts.failed_s[k], verdicts.failed_s[best]
        line, share = proposal_of(k)
        best_line, best_share = proposal_of(best)
        slower = share < best_share or (share == best_share and abs(line) < abs(best_line))
        if ours > theirs or (ours == theirs and slower):
            best = k
    return best


def new_verdicts() -> Verdicts:
    """Room for the verdicts on one world's proposals."""
    return Verdicts(*(np.full(PROPOSALS, np.nan) for _ in Verdicts._fields))
