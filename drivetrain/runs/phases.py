"""How long evaluations, saves and the like take, and by when a run must be heard of again.

A check-in is a promise: whoever is about to be silent says for how long at most.  A fixed
heartbeat would call a long evaluation dead, and a dead run alive.
"""

STEPPING_PROMISE_S = 30.0
FIRST_PROMISE_S = 300.0
"""For a slow phase never seen before: compiling and loading take minutes on a busy machine."""
SPARE_S = 60.0
CAUTION = 3.0
LEARNING = ("train", "bc", "gail")
"""Phases made of steps, each of which is a sign of life."""


class Phases:
    """What the run is busy with, and what that took before.  All times: s, monotonic."""

    def __init__(self, name: str, now: float) -> None:
        self._stack = [(name, now)]
        self._took: dict[str, list[float]] = {}
        self._heard_at = now
        self._longest_gap_s = 0.0
        self.next_by = now + FIRST_PROMISE_S

    @property
    def name(self) -> str:
        """The phase that the run is in."""
        return self._stack[-1][0]

    @property
    def is_learning(self) -> bool:
        """Whether steps are being made."""
        return self.name in LEARNING

    def begin_training(self, now: float) -> bool:
        """Whether these are the first steps: they end the start."""
        name, since = self._stack[0]
        if name != "import":
            return False
        self._took["import"] = [now - since]
        self._stack[0] = ("train", now)
        self._heard_at = now
        return True

    def enter(self, name: str, now: float) -> None:
        """A phase begins; one that is slow promises more."""
        self._stack.append((name, now))
        self._heard_at = now
        self.next_by = now + self._promise_s(name)

    def leave(self, now: float) -> None:
        """The phase is over; the one around it goes on."""
        name, since = self._stack.pop()
        self._took.setdefault(name, []).append(now - since)
        self._heard_at = now
        self.next_by = now + self._promise_s(self.name)

    def check_in(self, now: float) -> None:
        """Heard of: renew the promise, never shorten it."""
        if self.is_learning:
            self._longest_gap_s = max(self._longest_gap_s, now - self._heard_at)
            self.next_by = now + self._promise_s("train")
        else:
            self.next_by = max(self.next_by, now + STEPPING_PROMISE_S)
        self._heard_at = now

    def mean_s(self, name: str) -> float | None:
        """How long such a phase took on average, or None where none was seen."""
        took = self._took.get(name)
        return sum(took) / len(took) if took else None

    def longest_s(self, name: str) -> float | None:
        """How long the longest such phase took, or None where none was seen."""
        took = self._took.get(name)
        return max(took) if took else None

    def _promise_s(self, name: str) -> float:
        if name == "train":
            return max(STEPPING_PROMISE_S, CAUTION * self._longest_gap_s)
        longest_s = self.longest_s(name)
        # A start loads, compiles and fills its first rollout, and happens once.
        if longest_s is None or name == "import":
            return FIRST_PROMISE_S
        return CAUTION * longest_s + SPARE_S
