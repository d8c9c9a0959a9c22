"""What a check finds, and how a repair says what it did."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Level = Literal["ok", "warning", "problem"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    says: one sentence.  do: what a person does about it, with a command where there is one.
    repair: puts it right without losing anything and says what it did; None where only a
    person can, or nothing needs to.
    """

    check: str
    level: Level
    says: str
    do: str = ""
    repair: Callable[[], str] | None = None


Check = Callable[[Path], Iterable[Finding]]
"""Looks at a home, or at the machine it is on, and changes nothing."""
