"""What happened in a run, one line of JSON each."""

import errno
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from drivetrain.runs.folder import RunFolder

LONGEST_LINE = 4_000
"""Bytes: one write of less than 4 KB to the end of a file is whole."""


def append_line(folder: RunFolder, facts: Mapping[str, object]) -> None:
    """One whole line at the end of the events, in one write.

    Raises:
        OSError: the disk did not take it; nothing of it is there.
    """
    line = json.dumps({name: _plain(fact) for name, fact in facts.items()})
    if len(line) > LONGEST_LINE:
        kept = {name: facts[name] for name in ("t", "attempt", "step", "event")}
        line = json.dumps({**kept, "cut": len(line)})
    data = line.encode() + b"\n"
    with _open(folder) as descriptor:
        written = os.write(descriptor, data)
        if written < len(data):
            # A disk that filled up in the middle; half a line would spoil the next one too.
            os.ftruncate(descriptor, os.lseek(descriptor, 0, os.SEEK_END) - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder.events))


def mend_end(folder: RunFolder) -> None:
    """End a line that a power cut tore, so that the next one begins anew.

    Raises:
        OSError: the disk did not take it.
    """
    with _open(folder) as descriptor:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.write(descriptor, b"\n")


@contextmanager
def _open(folder: RunFolder) -> Iterator[int]:
    """A descriptor of the events, which grow at their end alone."""
    descriptor = os.open(
        folder.events, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644
    )
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def finite(number: float) -> float | None:
    """JSON has no NaN."""
    plain = float(number)
    return plain if math.isfinite(plain) else None


def _plain(fact: object) -> object:
    """A fact as JSON can hold it."""
    if isinstance(fact, float):
        return finite(fact)
    if fact is None or isinstance(fact, str | int | bool):
        return fact
    if isinstance(fact, Mapping):
        return {str(name): _plain(part) for name, part in fact.items()}
    if isinstance(fact, list | tuple):
        return [_plain(part) for part in fact]
    return str(fact)
