"""How fast a path can be driven at ease: curves and lower limits ahead, met in time."""

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.scenario import PATH_SPACING_M
from drivetrain.sim.traffic import UNKNOWN_LIMIT_MPS

CURVE_MPS2 = 2.5
"""Lateral acceleration a curve is driven with."""
SLOWING_MPS2 = 1.5
"""Deceleration towards a curve or a lower limit ahead."""

Floats = NDArray[np.float64]


def easy_speeds(direction: Floats, limit_mps: Floats) -> Floats:
    """The speed at each point from which every curve and limit ahead can still be met.

    direction: [points, 2], unit tangents PATH_SPACING_M apart.  limit_mps: [points], NaN where
    none is known.  Returns [points]: v^2 <= min(limit^2, a_lat / curvature), and from one point
    to the one before at most 2 a_slow d more.
    """
    here, there = direction[:-1], direction[1:]
    turn = np.abs(here[:, 0] * there[:, 1] - here[:, 1] * there[:, 0])
    curvature = np.append(turn, 0.0) / PATH_SPACING_M
    limit = np.where(np.isnan(limit_mps), UNKNOWN_LIMIT_MPS, limit_mps)
    square = np.minimum(limit**2, CURVE_MPS2 / np.maximum(curvature, 1e-6))
    # Later points bind earlier ones: the least of what each would allow after slowing to it.
    slowing = 2.0 * SLOWING_MPS2 * PATH_SPACING_M * np.arange(len(square))
    bound = np.minimum.accumulate((square + slowing)[::-1])[::-1] - slowing
    speeds: Floats = np.sqrt(bound)
    return speeds
