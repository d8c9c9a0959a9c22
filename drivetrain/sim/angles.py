"""Cosine and sine of a stored heading, without the library's slow care for huge angles."""

import math

from drivetrain.sim.compiled import compiled

_QUARTER = math.pi / 2
_QUARTER_REST = 6.123233995736766e-17
"""What the float64 lacks of the real pi / 2."""


@compiled
def unit_vector(heading_rad: float) -> tuple[float, float]:
    """(cos, sin) of an angle from -pi to pi, as stored headings are, as exact as float64 is.

    Taylor series of what is left of the nearest quarter turn: the first term left out is below
    1e-18. The library's two calls were a quarter of a step in replayed traffic.
    """
    quarters = math.floor(heading_rad / _QUARTER + 0.5)
    rest = (heading_rad - quarters * _QUARTER) - quarters * _QUARTER_REST
    square = rest * rest
    sin = rest * _sum_of_sine(square)
    cos = _sum_of_cosine(square)
    turned = int(quarters) & 3
    if turned & 1:
        cos, sin = -sin, cos
    return (-cos, -sin) if turned & 2 else (cos, sin)


@compiled
def _sum_of_sine(square: float) -> float:
    """Sin(x) / x for a given x * x: 1 - x^2/3! + x^4/5! - ..."""
    total = 1.0 - square * (1 / 272)
    total = 1.0 - square * (1 / 210) * total
    total = 1.0 - square * (1 / 156) * total
    total = 1.0 - square * (1 / 110) * total
    total = 1.0 - square * (1 / 72) * total
    total = 1.0 - square * (1 / 42) * total
    total = 1.0 - square * (1 / 20) * total
    return 1.0 - square * (1 / 6) * total


@compiled
def _sum_of_cosine(square: float) -> float:
    """Cos(x) for a given x * x: 1 - x^2/2! + x^4/4! - ..."""
    total = 1.0 - square * (1 / 306)
    total = 1.0 - square * (1 / 240) * total
    total = 1.0 - square * (1 / 182) * total
    total = 1.0 - square * (1 / 132) * total
    total = 1.0 - square * (1 / 90) * total
    total = 1.0 - square * (1 / 56) * total
    total = 1.0 - square * (1 / 30) * total
    total = 1.0 - square * (1 / 12) * total
    return 1.0 - square * (1 / 2) * total
