"""How sure a number is: intervals for rates, means and differences between drivers.

Episodes of one recorded drive resemble each other: an interval counts drives, called groups,
where it is told which episode belongs to which.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE_Z = 1.959964
"""Two-sided 95 %."""

BOOTSTRAP_DRAWS = 10_000
FLIPS = 10_000
"""Sign patterns that are tried where not all of them can be."""
MOST_EXACT = 13
"""Groups of which every pattern of signs is tried: 2^13 is no more than FLIPS."""
DRAWN_AT_ONCE = 1 << 20
"""Values in memory at a time: all draws of a large set would be gigabytes."""

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]
"""[episodes] the number of each episode's group, from 0."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened, with its 95 % interval."""

    count: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its 95 % interval; None where one recorded drive alone is known."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one driver's mean is above another's, with its 95 % interval, or None.

    p: how often chance alone makes a difference as large, if who drove did not matter.
    """

    mean: float
    low: float | None
    high: float | None
    p: float


def numbered(names: NDArray[np.str_]) -> Groups:
    """[episodes] names of groups as numbers, in the order in which they first appear."""
    _, first, inverse = np.unique(names, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return place[inverse]


def rate_of(happened: NDArray[np.bool_], groups: Groups | None = None) -> Rate:
    """The share of True, with Wilson's score interval (Wilson 1927): sane at 0 and at 1.

    happened: [episodes], at least one.
    """
    count, share = int(happened.sum()), float(happened.mean())
    n = float(len(happened)) if groups is None else _effective(happened, groups)
    z2 = CONFIDENCE_Z**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = CONFIDENCE_Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Rate(count, share, max(0.0, centre - half), min(1.0, centre + half))


def _effective(happened: NDArray[np.bool_], groups: Groups) -> float:
    """How many independent episodes tell as much as these (Korn and Graubard 1998).

    Where all episodes agree nothing tells how much groups resemble themselves: each counts
    as one episode then.
    """
    sizes, share = np.bincount(groups), happened.mean()
    n, k = len(happened), len(sizes)
    if k == n:
        return float(n)
    if k == 1 or share in (0.0, 1.0):
        return float(k)
    residuals = np.bincount(groups, weights=happened - share)
    variance = k / (k - 1) * float((residuals**2).sum()) / n**2
    return float(n) if variance == 0 else min(n, share * (1 - share) / variance)


def known_mean(values: NDArray[np.floating]) -> float | None:
    """The mean of those that are not NaN; None where all are."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def known_mean_of(values: NDArray[np.floating], groups: Groups | None = None) -> Mean | None:
    """Likewise, with its interval."""
    known = ~np.isnan(values)
    if not known.any():
        return None
    return mean_of(values[known], None if groups is None else groups[known])


def mean_of(values: NDArray[np.floating], groups: Groups | None = None) -> Mean:
    """The mean, with a percentile bootstrap over groups (Efron 1979), always the same draws.

    values: [episodes], at least one.  Without groups every episode is one of its own.
    """
    low, high = _interval((values[None, :],), _sorted_out(values, groups))
    return Mean(float(values.mean()), low, high)


def mean_over_runs(values: Floats, groups: Groups) -> Mean:
    """The mean over runs and episodes; runs are drawn anew as groups are.

    values: [runs, episodes].
    """
    low, high = _interval((values,), _sorted_out(values[0], groups))
    return Mean(float(values.mean()), low, high)


def difference_of(ours: Floats, theirs: Floats, groups: Groups) -> Difference:
    """Ours less theirs on the same episodes: a bootstrap over runs and groups, and its p.

    ours, theirs: [runs, episodes] of either driver, one run for each seed.  Their runs are
    drawn apart: seed 1 of one algorithm has nothing to do with seed 1 of another.
    """
    groups = _sorted_out(ours[0], groups)
    low, high = _interval((ours, -theirs), groups)
    gaps = ours.mean(axis=0) - theirs.mean(axis=0)
    return Difference(float(gaps.mean()), low, high, sign_flip_p(gaps, groups))


def sign_flip_p(gaps: Floats, groups: Groups) -> float:
    """How often the sum is as far from 0 with signs by chance, one for each group.

    gaps: [episodes] paired differences.  Exact for few groups, else with FLIPS patterns, of
    which the one that was seen is one (Phipson and Smyth 2010).
    """
    sums = np.bincount(groups, weights=gaps)
    sums = sums[sums != 0]
    seen = abs(float(sums.sum())) * (1 - 1e-9)
    if len(sums) <= MOST_EXACT:
        patterns = np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums)) & 1
        return float((np.abs((2 * patterns - 1) @ sums) >= seen).mean())
    chance, as_far = np.random.default_rng(0), 0
    rows = max(1, DRAWN_AT_ONCE // len(sums))
    for at in range(0, FLIPS, rows):
        size = (min(rows, FLIPS - at), len(sums))
        signs = chance.integers(0, 2, size=size, dtype=np.int8) * 2.0 - 1.0
        as_far += int((np.abs(signs @ sums) >= seen).sum())
    return (1 + as_far) / (1 + FLIPS)


def holm(ps: Sequence[float]) -> list[float]:
    """The same p, each as if it were the only one asked for (Holm 1979)."""
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, at in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[at]))
        adjusted[at] = highest
    return adjusted


def _sorted_out(values: NDArray[np.floating], groups: Groups | None) -> Groups:
    """Group numbers without a gap; every episode its own where there are none."""
    if groups is None:
        return np.arange(len(values))
    _, numbers = np.unique(groups, return_inverse=True)
    return numbers.astype(np.int64)


def _interval(
    parts: Sequence[NDArray[np.floating]], groups: Groups
) -> tuple[float, float] | tuple[None, None]:
    """The 95 % interval of the sum of the parts' means.  parts: [runs, episodes] each.

    Of groups as of runs one fewer is drawn than there are, see `_drawn_runs`.
    """
    sizes = np.bincount(groups).astype(np.float64)
    if len(sizes) == 1 < len(groups):
        return None, None
    sums = [
        np.stack([np.bincount(groups, weights=run, minlength=len(sizes)) for run in part])
        for part in parts
    ]
    chance, means = np.random.default_rng(0), np.empty(BOOTSTRAP_DRAWS)
    rows = max(1, DRAWN_AT_ONCE // len(sizes))
    # Runs first, all at once: how many groups are drawn at once changes no draw.
    runs = [_drawn_runs(len(part), chance) for part in parts]
    for at in range(0, BOOTSTRAP_DRAWS, rows):
        block = means[at : at + rows]
        draws = chance.integers(len(sizes), size=(len(block), max(1, len(sizes) - 1)))
        total = np.zeros(len(block))
        for part, drawn in zip(sums, runs, strict=True):
            for run, share in zip(part, drawn[at : at + rows].T, strict=True):
                total += share * run[draws].sum(axis=1)
        block[:] = total / sizes[draws].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _drawn_runs(runs: int, chance: np.random.Generator) -> Floats:
    """[draws, runs] the share of each run in each draw.

    One fewer is drawn than there are: with few runs that many would make the interval too
    narrow by the root of runs / (runs - 1) (Rao and Wu 1988).
    """
    drawn = max(1, runs - 1)
    if runs == 1:
        return np.ones((BOOTSTRAP_DRAWS, 1))
    return chance.multinomial(drawn, np.full(runs, 1 / runs), size=BOOTSTRAP_DRAWS) / drawn
