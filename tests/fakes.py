"""Stand-ins that keep what they were told."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from trainers.contract import Phase


class Killed(BaseException):
    """A SIGKILL, as far as one process can stand for another: nothing is saved any more."""


class FakeTelemetry:
    """Remembers numbers, events and phases; asks to stop when its test says so.

    stop_at: the step from which on `should_stop` is true.
    stop_in: the phase in which it is true, whatever the step.
    stop_when: whether it is true, asked anew each time.
    stop_at_look, kill_at_look: the how-manieth look at `should_stop` stops, or kills.
    """

    def __init__(
        self,
        *,
        stop_at: int | None = None,
        stop_in: Phase | None = None,
        stop_when: Callable[[], bool] | None = None,
        stop_at_look: int | None = None,
        kill_at_look: int | None = None,
    ) -> None:
        self.numbers: list[tuple[int, dict[str, float]]] = []
        self.facts: list[tuple[int, str, dict[str, object]]] = []
        self.phases: list[Phase] = []
        self.looks = 0
        self.begun_at: int | None = None
        self.total: int | None = None
        self.pauses: tuple[int | None, float | None] = (None, None)
        self._open: list[Phase] = []
        self._step = 0
        self._stop_at = stop_at
        self._stop_in = stop_in
        self._stop_when = stop_when
        self._stop_at_look = stop_at_look
        self._kill_at_look = kill_at_look

    def expect(
        self, total: int, *, eval_every: int | None = None, save_every_s: float | None = None
    ) -> None:
        self.total = total
        self.pauses = (eval_every, save_every_s)

    def begin_at(self, step: int) -> None:
        self.begun_at = step

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        self._step = step
        self.numbers.append((step, dict(numbers)))

    def event(self, step: int, name: str, **facts: object) -> None:
        self.facts.append((step, name, facts))

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        self.phases.append(name)
        self._open.append(name)
        try:
            yield
        finally:
            self._open.pop()

    def should_stop(self) -> bool:
        self.looks += 1
        if self.looks == self._kill_at_look:
            raise Killed
        if self._stop_when is not None:
            return self._stop_when()
        if self._stop_in is not None:
            return self._stop_in in self._open
        if self._stop_at_look is not None:
            return self.looks >= self._stop_at_look
        return self._stop_at is not None and self._step >= self._stop_at

    @property
    def events(self) -> list[str]:
        """The names of what happened."""
        return [name for _, name, _ in self.facts]

    @property
    def warnings(self) -> list[str]:
        """What somebody should know."""
        return [str(facts["text"]) for _, name, facts in self.facts if name == "warning"]

    def last(self, name: str) -> float:
        """The newest value of a number."""
        return next(told[name] for _, told in reversed(self.numbers) if name in told)
