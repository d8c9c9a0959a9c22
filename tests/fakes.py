"""Stand-ins that keep what they were told."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from trainers.contract import Phase


class FakeTelemetry:
    """Remembers numbers, events and phases; asks to stop when its test says so.

    stop_at: the step from which on `should_stop` is true.
    stop_in: the phase in which it is true, whatever the step.
    """

    def __init__(self, *, stop_at: int | None = None, stop_in: Phase | None = None) -> None:
        self.numbers: list[tuple[int, dict[str, float]]] = []
        self.events: list[str] = []
        self.phases: list[Phase] = []
        self._open: list[Phase] = []
        self._step = 0
        self._stop_at = stop_at
        self._stop_in = stop_in

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        self._step = step
        self.numbers.append((step, dict(numbers)))

    def event(self, step: int, name: str, **facts: object) -> None:
        del step, facts
        self.events.append(name)

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        self.phases.append(name)
        self._open.append(name)
        try:
            yield
        finally:
            self._open.pop()

    def should_stop(self) -> bool:
        if self._stop_in is not None:
            return self._stop_in in self._open
        return self._stop_at is not None and self._step >= self._stop_at

    def last(self, name: str) -> float:
        """The newest value of a number."""
        return next(told[name] for _, told in reversed(self.numbers) if name in told)
