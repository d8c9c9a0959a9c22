"""How fast training goes and when it will be over.

The rate is an exponentially weighted mean of steps/s with a half-life of 2 min, over time in
which training trained: evaluations and saves are counted apart.
"""

from collections import deque

HALF_LIFE_S = 120.0
WINDOW_S = 600.0
WIDE_SPREAD = 0.3
FEWEST_UPDATES = 2
SHORTEST_S = 30.0


class Pace:
    """Steps over training time."""

    def __init__(self, first_step: int = 0) -> None:
        self._step = first_step
        self._trained_s = 0.0
        self._since_s = 0.0
        self._weighted = 0.0
        self._weight = 0.0
        self._updates = 0
        self._recent: deque[tuple[float, float]] = deque()

    def train_for(self, duration_s: float) -> None:
        """Training went on for this long."""
        self._since_s += duration_s

    def reach(self, step: int) -> None:
        """Training is at this step now."""
        done, took_s = step - self._step, self._since_s
        if done <= 0 or took_s <= 0:
            return
        self._step, self._since_s = step, 0.0
        self._trained_s += took_s
        self._updates += 1
        kept = 0.5 ** (took_s / HALF_LIFE_S)
        rate = done / took_s
        self._weighted = kept * self._weighted + (1 - kept) * rate
        self._weight = kept * self._weight + (1 - kept)
        self._recent.append((self._trained_s, rate))
        while self._recent[0][0] < self._trained_s - WINDOW_S:
            self._recent.popleft()

    @property
    def trained_s(self) -> float:
        """Time in which training trained, up to the last step heard of."""
        return self._trained_s

    @property
    def rate(self) -> float | None:
        """Steps/s, or None before the first steps."""
        # Dividing by the weight so far takes out the pull of the first value, zero.
        return self._weighted / self._weight if self._weight > 0 else None

    def range(self) -> tuple[float, float] | None:
        """The 10th and 90th percentile of the rate over 10 min, where they lie far apart."""
        if self.rate is None or len(self._recent) < 10:
            return None
        rates = sorted(rate for _, rate in self._recent)
        low, high = rates[len(rates) // 10], rates[-1 - len(rates) // 10]
        return (low, high) if high - low > WIDE_SPREAD * self.rate else None

    def is_known(self) -> bool:
        """Whether the rate has been seen long enough to tell the future from it."""
        return self._updates >= FEWEST_UPDATES and self._trained_s >= SHORTEST_S


def eta_s(left: int, rate: float, pauses_s: float) -> float:
    """Seconds to the end: steps left at this rate, and evaluations and saves in between."""
    return left / rate + pauses_s
