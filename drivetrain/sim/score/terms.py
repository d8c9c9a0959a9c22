"""The numbers that an episode's score is made of, by name."""

import math
from typing import NamedTuple

from drivetrain.sim.compiled import compiled


class Terms(NamedTuple):
    """All metrics of an episode; NaN is what its data cannot tell.

    nuplan_*: as nuPlan has them, quirks included; the score is made of these.
    comfort: the same bounds on what physics says of the car's middle and of its turning.
    driving_direction: without the frames that nuPlan's formula leaves out.
    lateral_mps2: the largest v * w, which nuPlan's comfort never sees.
    """

    nuplan_no_ego_at_fault_collisions: float
    nuplan_drivable_area_compliance: float
    nuplan_ego_is_making_progress: float
    nuplan_driving_direction_compliance: float
    nuplan_ego_progress_along_expert_route: float
    nuplan_time_to_collision_within_bound: float
    nuplan_speed_limit_compliance: float
    nuplan_ego_is_comfortable: float
    comfort: float
    driving_direction: float
    lateral_mps2: float


METRICS = Terms._fields
MULTIPLIERS = METRICS[:4]
WEIGHTS = (5.0, 5.0, 4.0, 2.0)
"""Of progress, time to collision, speed limit and comfort, in the order of `Terms`."""


@compiled
def score_of(terms: Terms) -> float:
    """The product of the multipliers, times the weighted mean of the rest; NaNs left out.

    NaN without progress: standing still would be worth most of a score.
    """
    if math.isnan(terms.nuplan_ego_progress_along_expert_route):
        return math.nan
    score = 1.0
    for factor in (
        terms.nuplan_no_ego_at_fault_collisions,
        terms.nuplan_drivable_area_compliance,
        terms.nuplan_ego_is_making_progress,
        terms.nuplan_driving_direction_compliance,
    ):
        score *= 1.0 if math.isnan(factor) else factor
    total, weight = 0.0, 0.0
    means = (
        terms.nuplan_ego_progress_along_expert_route,
        terms.nuplan_time_to_collision_within_bound,
        terms.nuplan_speed_limit_compliance,
        terms.nuplan_ego_is_comfortable,
    )
    for k in range(len(means)):
        if not math.isnan(means[k]):
            total += WEIGHTS[k] * means[k]
            weight += WEIGHTS[k]
    return score * total / weight
