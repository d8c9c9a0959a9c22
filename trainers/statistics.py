"""How sure a number is: intervals for rates and means."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE_Z = 1.959964
"""Two-sided 95 %."""

BOOTSTRAP_DRAWS = 10_000
DRAWN_AT_ONCE = 1 << 20
"""Episodes in memory at a time: all draws of a large set would be gigabytes."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened, with its 95 % interval."""

    count: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


def rate_of(happened: NDArray[np.bool_]) -> Rate:
    """The share of True, with Wilson's score interval (Wilson 1927): sane at 0 and at 1.

    happened: [episodes], at least one.
    """
    n, count = len(happened), int(happened.sum())
    share, z2 = count / n, CONFIDENCE_Z**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = CONFIDENCE_Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Rate(count, share, max(0.0, centre - half), min(1.0, centre + half))


def known_mean(values: NDArray[np.floating]) -> float | None:
    """The mean of those that are not NaN; None where all are."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def known_mean_of(values: NDArray[np.floating]) -> Mean | None:
    """Likewise, with its interval."""
    known = values[~np.isnan(values)]
    return mean_of(known) if known.size else None


def mean_of(values: NDArray[np.floating]) -> Mean:
    """The mean, with a percentile bootstrap over episodes (Efron 1979), always the same draws.

    values: [episodes], at least one.
    """
    chance, means = np.random.default_rng(0), np.empty(BOOTSTRAP_DRAWS)
    rows = max(1, DRAWN_AT_ONCE // len(values))
    for at in range(0, BOOTSTRAP_DRAWS, rows):
        block = means[at : at + rows]
        draws = chance.integers(len(values), size=(len(block), len(values)))
        block[:] = values[draws].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Mean(float(values.mean()), float(low), float(high))
