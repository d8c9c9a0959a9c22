"""What a converter offers, and what the machine that runs it understands.

A converter is a module. It reads one source file (or folder) at a time and knows nothing of
sets, splits, processes or interruptions: `drivetrain/data/conversion.py` does all that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from drivetrain.sim.scenario import Scenario
from drivetrain.text import plain

FARTHEST_M = 1e7
"""From the equator to a pole: no coordinate of a map or recording is larger."""


class UnfitFileError(Exception):
    """A source file that is no use as a whole; the text is the reason it is counted under."""


@dataclass(frozen=True, slots=True)
class Repair:
    """Something that was mended and kept; counted by name, lest data change in silence."""

    what: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may ask of a conversion; a converter heeds what concerns it.

    maps: folder of the maps, where recordings and maps lie apart.
    types: the only scenario types wanted; empty for all.
    per_type: at most so many scenarios of each type from one source file.
    """

    maps: Path | None = None
    types: tuple[str, ...] = ()
    per_type: int | None = None


def other_type(type_: str) -> str:
    """The reason of a scenario whose type nobody asked for: it names what there is instead."""
    return f"other_type_{plain(type_)}"


class Converter(Protocol):
    """The face of a converter's module."""

    SOURCE: str
    VERSION: int
    """Counts up whenever the same file would become other scenarios: finished parts of an
    interrupted conversion are used again only by the version that made them."""

    @staticmethod
    def check_options(options: Options) -> None:
        """Passes where a conversion can begin.

        Raises: RequestError or NotFoundError where every file would fail.
        """
        ...

    @staticmethod
    def files_in(sources: Sequence[Path]) -> list[Path]:
        """The units of work behind the sources, in an order that depends on names alone.

        Raises: NotFoundError where there are none.
        """
        ...

    @staticmethod
    def scenarios_of(file: Path, options: Options) -> Iterator[Scenario | Repair | str]:
        """The scenarios of a file; text is the reason why one was left out.

        Raises: UnfitFileError where the file as a whole is no use.
        """
        ...
