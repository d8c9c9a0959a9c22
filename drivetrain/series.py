"""Numbers of a run over its steps, and whether they rise. Loads nothing heavy."""

import itertools
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Point = tuple[int, float]
"""Step, value."""
Series = Sequence[Point]


@dataclass(frozen=True, slots=True)
class History:
    """What a run told about itself, oldest first.

    numbers: of its learning, by name.  evaluations: of its validation drives, by name.
    best_at: steps at which a policy was the best so far.  warnings: step and text.
    """

    numbers: Mapping[str, Series] = field(default_factory=dict)
    evaluations: Mapping[str, Series] = field(default_factory=dict)
    best_at: Sequence[int] = ()
    warnings: Sequence[tuple[int, str]] = ()


def rising_p(values: Sequence[float]) -> float:
    """How often chance alone rises as much: the trend test of Mann (1945) and Kendall.

    One-sided, by the normal approximation with ties; 0.5 where nothing rises or falls.
    """
    n = len(values)
    score = sum(
        (later > earlier) - (later < earlier)
        for at, earlier in enumerate(values)
        for later in values[at + 1 :]
    )
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    if variance <= 0 or score == 0:
        return 0.5
    z = (score - math.copysign(1, score)) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))


def falling_p(values: Sequence[float]) -> float:
    """Likewise for a fall."""
    return rising_p([-value for value in values])


def noise_of(values: Sequence[float]) -> float:
    """The standard deviation that neighbours differ by, whatever the trend (von Neumann 1941).

    By the median of their differences: one leap does not count as noise.
    """
    gaps = [abs(later - earlier) for earlier, later in itertools.pairwise(values)]
    return 1.4826 * statistics.median(gaps) / math.sqrt(2) if gaps else 0.0


def smoothed(values: Sequence[float], width: int = 3) -> list[float]:
    """The median of each `width` neighbours; empty where there are fewer."""
    return [statistics.median(values[at : at + width]) for at in range(len(values) - width + 1)]
