"""The reward in named parts: progress, multiplied by how well it was driven, less a crash.

r = route * dRC * lane * speed * comfort * ttc - collision - off_road, where dRC is the new
progress as a share of the expert's distance, never more than 1 over an episode (Jaeger et al.
2025, CaRL). The soft factors follow nuPlan's score and its configuration.
"""

import math
from typing import NamedTuple

from drivetrain.sim.compiled import compiled
from drivetrain.sim.score.comfort import (
    ACROSS_MPS2,
    ALONG_MPS2,
    JERK_ALONG_MPS3,
    YAW_ACCELERATION_RADPS2,
    YAW_RATE_RADPS,
)
from drivetrain.sim.score.lane_rules import OVERSPEED_MPS
from drivetrain.sim.score.meeting import LEAST_TTC_S

REWARD_PARTS = (
    "route",
    "lane",
    "speed",
    "comfort",
    "ttc",
    "collision",
    "off_road",
    "red_light",
)
"""route: dRC of the step. lane, speed, comfort, ttc: factors in [0, 1]. collision, off_road:
1 in the step of an episode's first one. After either there is no progress left to earn, also
where the episode goes on: running into others must not pay. red_light: 1 in the step that it
ends. The order is that of `Parts`."""

LEAST_EXPERT_M = 10.0
"""Where the expert hardly moved, a metre must not be worth the whole reward."""


class Parts(NamedTuple):
    """One step's parts, in the order of REWARD_PARTS."""

    route: float
    lane: float
    speed: float
    comfort: float
    ttc: float
    collision: float
    off_road: float
    red_light: float


class Weights(NamedTuple):
    """What the whole route, a collision, leaving the road and a red light are worth."""

    route: float
    collision: float
    off_road: float
    red_light: float


@compiled
def route_share(best_m: float, new_best_m: float, expert_m: float) -> float:
    """The new progress as a share of the expert's, of which there is no more than all.

    best_m, new_best_m: the farthest point reached before and after, so that going back and
    forth pays nothing.
    """
    whole = max(expert_m, LEAST_EXPERT_M)
    return (min(new_best_m, whole) - min(best_m, whole)) / whole


@compiled
def lane_factor(offset_m: float, half_width_m: float) -> float:
    """1 up to half a metre from the line, falling to 1/2 at the lane's boundary."""
    free = max(half_width_m - 0.5, 0.1)
    return 1.0 - 0.5 * min(max((abs(offset_m) - 0.5) / free, 0.0), 1.0)


@compiled
def speed_factor(speed_mps: float, limit_mps: float) -> float:
    """1 within the limit, 0 from OVERSPEED_MPS above it on; 1 where there is no limit."""
    if math.isnan(limit_mps):
        return 1.0
    over = max(0.0, speed_mps - limit_mps)
    return max(0.0, 1.0 - over / OVERSPEED_MPS)


@compiled
def acceleration_in_the_middle(
    rear_mps2: float,
    yaw_rate_radps: float,
    yaw_acceleration_radps2: float,
    rear_to_centre_m: float,
) -> float:
    """Along the car, as nuPlan's score has it: a + r (w^2 + dw/dt), r from the rear axle."""
    spin = yaw_rate_radps * yaw_rate_radps + yaw_acceleration_radps2
    return rear_mps2 + rear_to_centre_m * spin


@compiled
def comfort_factor(
    along_mps2: float,
    across_mps2: float,
    jerk_mps3: float,
    yaw_rate_radps: float,
    yaw_acceleration_radps2: float,
) -> float:
    """Halved by each of five bounds that is broken; those of nuPlan's score, before smoothing.

    A whole drive is uncomfortable by one such step: a share kept would cost too little.
    """
    factor = 1.0 if ALONG_MPS2[0] < along_mps2 < ALONG_MPS2[1] else 0.5
    factor *= 1.0 if abs(across_mps2) < ACROSS_MPS2 else 0.5
    factor *= 1.0 if abs(jerk_mps3) < JERK_ALONG_MPS3 else 0.5
    factor *= 1.0 if abs(yaw_rate_radps) < YAW_RATE_RADPS else 0.5
    factor *= 1.0 if abs(yaw_acceleration_radps2) < YAW_ACCELERATION_RADPS2 else 0.5
    return factor


@compiled
def ttc_factor(seconds: float) -> float:
    """1/2 while a collision is less than LEAST_TTC_S away, else 1.

    Not latched for the episode: the policy does not see whether it once came too close, and so
    could not tell why the same situation pays half.
    """
    return 0.5 if seconds < LEAST_TTC_S else 1.0


@compiled
def total(parts: Parts, weights: Weights) -> float:
    """The reward of one step."""
    soft = parts.lane * parts.speed * parts.comfort * parts.ttc
    crash = weights.collision * parts.collision + weights.off_road * parts.off_road
    crash += weights.red_light * parts.red_light
    # A crash earns no progress: driving through others must not pay even once.
    crashed = parts.collision + parts.off_road + parts.red_light > 0.0
    return (0.0 if crashed else weights.route * parts.route * soft) - crash
