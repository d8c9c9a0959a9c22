"""How far plans are from what the expert did next: nuPlan's open-loop score, at 1 Hz."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HORIZONS_S = (3, 5, 8)
MOST_DISTANCE_M = 8.0
MOST_HEADING_RAD = 0.8
MISS_M = (6.0, 8.0, 16.0)
"""A plan misses at a horizon where it is ever farther from the expert than this."""
MOST_MISSES = 0.3
WEIGHTS = (1.0, 1.0, 2.0, 2.0)
"""Of average and final distance, average and final heading error."""


class OpenLoop(NamedTuple):
    """Mean errors over all plans.  All [horizons] but for the score.

    misses: the share of plans that miss.
    """

    average_m: Floats
    final_m: Floats
    average_rad: Floats
    final_rad: Floats
    misses: Floats
    score: float


def open_loop(plans: Floats, expert: Floats) -> OpenLoop:
    """What plans are worth; each says where the middle of the car is 1, 2 ... 8 s later.

    plans, expert: [plans, seconds, 3], x, y and heading.
    """
    away = np.hypot(plans[..., 0] - expert[..., 0], plans[..., 1] - expert[..., 1])
    turned = np.abs(wrapped(plans[..., 2] - expert[..., 2]))
    average_m, final_m = _means(away)
    average_rad, final_rad = _means(turned)
    misses = np.array(
        [(away[:, :h].max(axis=1) > m).mean() for h, m in zip(HORIZONS_S, MISS_M, strict=True)]
    )
    shares = [
        max(0.0, 1.0 - float(errors.mean()) / most)
        for errors, most in (
            (average_m, MOST_DISTANCE_M),
            (final_m, MOST_DISTANCE_M),
            (average_rad, MOST_HEADING_RAD),
            (final_rad, MOST_HEADING_RAD),
        )
    ]
    hits = float((misses <= MOST_MISSES).all())
    score = hits * float(np.average(shares, weights=WEIGHTS))
    return OpenLoop(average_m, final_m, average_rad, final_rad, misses, score)


def wrapped(angle_rad: Floats) -> Floats:
    """The same angles between -pi and pi."""
    return np.remainder(angle_rad + np.pi, 2 * np.pi) - np.pi


def _means(errors: Floats) -> tuple[Floats, Floats]:
    """Average and final errors per horizon, over all plans.  errors: [plans, seconds]."""
    average = np.array([errors[:, :horizon].mean() for horizon in HORIZONS_S])
    final = np.array([errors[:, horizon - 1].mean() for horizon in HORIZONS_S])
    return average, final
