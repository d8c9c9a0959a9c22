"""The metrics behind a drive's score, as a replay shows them."""

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from drivetrain.sim.score.terms import METRICS, MULTIPLIERS, WEIGHTS

NOT_KNOWN: Final = "not known"

METRIC_WORDS: Final = {
    "nuplan_no_ego_at_fault_collisions": "No collision at fault",
    "nuplan_drivable_area_compliance": "On drivable area",
    "nuplan_ego_is_making_progress": "Makes progress",
    "nuplan_driving_direction_compliance": "Driving direction",
    "nuplan_ego_progress_along_expert_route": "Progress of the expert's",
    "nuplan_time_to_collision_within_bound": "Time to collision",
    "nuplan_speed_limit_compliance": "Speed limit",
    "nuplan_ego_is_comfortable": "Comfort",
    "comfort": "Comfort of the true motion",
    "driving_direction": "Direction in every frame",
    "lateral_mps2": "Most lateral acceleration",
}


class MetricRow(NamedTuple):
    """A metric in words.

    kind: `good`, `bad` or neither.  counts: what it does to the score, empty for nothing.
    """

    name: str
    value: str
    kind: str
    counts: str


def metric_rows(metrics: Mapping[str, float]) -> list[MetricRow]:
    """Every metric, those that the score is made of first.  metrics: NaN where not known."""
    return [_row(name, metrics.get(name, math.nan)) for name in METRICS]


def _row(name: str, value: float) -> MetricRow:
    words, counts = METRIC_WORDS[name], _counts(name)
    if not math.isfinite(value):
        return MetricRow(words, NOT_KNOWN, "", counts)
    if name == "lateral_mps2":
        return MetricRow(words, f"{value:.2f} m/s²", "", counts)
    # What the score is multiplied by is all or a failing; of the others, nothing is.
    failing_below = 1.0 if name in MULTIPLIERS else math.ulp(0.0)
    kind = "good" if value >= 1.0 else "bad" if value < failing_below else ""
    return MetricRow(words, f"{value:.2f}", kind, counts)


def _counts(name: str) -> str:
    at = METRICS.index(name) - len(MULTIPLIERS)
    if at < 0:
        return "factor"
    return f"weight {WEIGHTS[at]:g}" if at < len(WEIGHTS) else ""
