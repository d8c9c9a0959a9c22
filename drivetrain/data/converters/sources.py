"""Which files stand behind the sources that somebody names: the same for every converter."""

from collections.abc import Callable, Sequence
from pathlib import Path

from drivetrain.errors import NotFoundError
from drivetrain.text import quote


def found_in(
    sources: Sequence[Path], look: Callable[[Path], list[Path]], what: str, hint: str
) -> list[Path]:
    """What every source holds, each once, in the order of the sources.

    look: finds what one source holds.  what, hint: what it is, and how to name some.

    Raises: NotFoundError where a source holds nothing.
    """
    found: list[Path] = []
    for source in sources:
        here = look(source)
        if not here:
            raise NotFoundError(f"There is no {what} at {quote(str(source), 200)}; {hint}.")
        found += here
    return list(dict.fromkeys(found))


def files_at(source: Path, pattern: str) -> list[Path]:
    """The file named, or those below a folder that fit a pattern, by name."""
    named = sorted(source.rglob(pattern)) if source.is_dir() else [source]
    # Reading a pipe would wait for ever.
    return [file for file in named if file.is_file()]
