"""Meeting others, as nuPlan counts it: whose fault a collision is, and how near the next one.

What a frame writes down about both is enough to judge them at the end, with the lanes known.
"""

import math

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.collide import BEHIND_COS, collision_span
from drivetrain.sim.compiled import compiled
from drivetrain.sim.scenario import Category
from drivetrain.sim.score.record import CAR, GROUPS, THING, VRU
from drivetrain.sim.state import Body

AHEAD_COS = math.cos(math.radians(30.0))
TTC_STEP_S = 0.1
LEAST_TTC_S = 0.95
"""nuPlan samples multiples of TTC_STEP_S: 0.9 is too near, 1.0 is not."""
TTC_STANDS_MPS = 0.005
LAST_SAMPLE = 9
"""Only the sampled times below LEAST_TTC_S lower a score."""

ALLOWED = (0, 0, 1)
"""Collisions at fault, in the order of GROUPS, that leave some of a score."""

_CATEGORY_GROUPS = np.full(len(Category), CAR)
_CATEGORY_GROUPS[[Category.PEDESTRIAN, Category.BICYCLE]] = VRU
_CATEGORY_GROUPS[Category.STATIC] = THING


@compiled
def group_of(category: int) -> int:
    """VRU, CAR or THING."""
    return int(_CATEGORY_GROUPS[category])


@compiled
def impact_mps(ego_mps: float, other_mps: float, turned_rad: float) -> float:
    """How much speed the ego loses in a collision of equal masses: nuPlan's energy."""
    square = ego_mps * ego_mps + other_mps * other_mps
    return 0.5 * math.sqrt(max(square - 2.0 * ego_mps * other_mps * math.cos(turned_rad), 0.0))


@compiled
def bearing(ego: Body, rear_to_centre_m: float, other: Body) -> tuple[bool, bool]:
    """(ahead, behind): whether another's middle is less than 30 or more than 150 degrees off.

    Seen from the ego's rear axle.
    """
    dx, dy = other.x - ego.x, other.y - ego.y
    ahead = dx * ego.cos + dy * ego.sin + rear_to_centre_m
    aside = dy * ego.cos - dx * ego.sin
    distance = math.sqrt(ahead * ahead + aside * aside)
    return ahead > AHEAD_COS * distance, ahead < BEHIND_COS * distance


@compiled
def sampled(span: tuple[float, float], last: int) -> float:
    """The first of the times TTC_STEP_S * (1 ... last) within a span of time, else infinity."""
    # A hair of tolerance: 0.3 and 3 * 0.1 are two numbers.
    first = max(math.ceil(span[0] / TTC_STEP_S - 1e-9), 1.0)
    time = first * TTC_STEP_S
    return time if first <= last and time <= span[1] + 1e-9 else math.inf


@compiled
def time_to_meet(ego: Body, other: Body, last: int) -> float:
    """The sampled time at which two boxes meet that keep speed and heading, else infinity."""
    return sampled(collision_span(ego, other), last)


@compiled
def collision_score(hits: NDArray[np.int64]) -> float:
    """1 without a hit; else for each group 1 - hits / (allowed + 1), multiplied.

    hits: [GROUPS] collisions at fault.
    """
    score = 1.0
    for group in range(GROUPS):
        score *= max(0.0, 1.0 - hits[group] / (ALLOWED[group] + 1.0))
    return score
