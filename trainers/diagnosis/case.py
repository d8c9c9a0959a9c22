"""What a rule looks at, and what it finds."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from drivetrain.sections import section_of
from drivetrain.series import History

RECENT = 10
"""Updates that tell how a run does now."""
ENOUGH = 3
"""Fewer are no evidence."""

Weight = Literal["problem", "note"]


@dataclass(frozen=True, slots=True)
class Change:
    """A setting to change: `--set path=value`."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, in plain words, with the numbers it rests on and what to change."""

    rule: str
    weight: Weight
    text: str
    numbers: Mapping[str, float]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A run as a rule sees it.  step: where it stands.  total: steps it was asked for."""

    algorithm: str
    request: Mapping[str, Any]
    history: History
    step: int
    total: int | None

    def recent(self, name: str, count: int = RECENT) -> list[float]:
        """The newest values of a number; empty where there are too few to judge by.

        Those of validation drives where learning itself does not tell it.
        """
        told = self.history.numbers.get(name) or self.history.evaluations.get(name, ())
        values = [value for _, value in told][-count:]
        return values if len(values) >= ENOUGH else []

    def usual(self, name: str) -> float | None:
        """The median of the newest values."""
        values = self.recent(name)
        return statistics.median(values) if values else None

    def evaluated(self, name: str) -> list[float]:
        """Every value of a number of the validation drives."""
        return [value for _, value in self.history.evaluations.get(name, ())]

    def setting(self, path: str) -> Any:
        """A setting's value by its path; None where the request has none of this name."""
        value: Any = self.request
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def own(self, name: str) -> str:
        """The path of a setting of the run's algorithm."""
        return f"{section_of(self.algorithm, self.setting('mode'))}.{name}"

    def scaled(
        self, path: str, factor: float, *, least: float = 0.0, most: float = float("inf")
    ) -> tuple[Change, ...]:
        """The setting times a factor, within what is sensible; nothing if it is no number."""
        value = self.setting(path)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return ()
        wanted = min(most, max(least, value * factor))
        if isinstance(value, int):
            wanted = max(1, round(wanted))
        text = str(wanted) if isinstance(wanted, int) else f"{wanted:.2g}"
        return () if float(text) == value else (Change(path, text),)

    def set_to(self, path: str, value: str) -> tuple[Change, ...]:
        """The setting at a given value; nothing where it is that already, or is not there."""
        is_there = isinstance(self.setting(path.rpartition(".")[0] or path), Mapping)
        return (Change(path, value),) if is_there and str(self.setting(path)) != value else ()

    def slower(self) -> tuple[Change, ...]:
        """A third of the learning rate, at most what is usual."""
        return self.scaled(self.own("learning_rate"), 1 / 3, most=1e-3)
