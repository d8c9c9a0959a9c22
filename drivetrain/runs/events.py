"""What happened in a run, one line of JSON each."""

import json
import math
import os
from collections.abc import Mapping

from drivetrain.runs.folder import RunFolder

LONGEST_LINE = 4_000
"""Bytes: one write of less than 4 KB to the end of a file is whole."""


def append_line(folder: RunFolder, facts: Mapping[str, object]) -> None:
    """One whole line at the end of the events, in one write."""
    line = json.dumps({name: _plain(fact) for name, fact in facts.items()})
    if len(line) > LONGEST_LINE:
        kept = {name: facts[name] for name in ("t", "attempt", "step", "event")}
        line = json.dumps({**kept, "cut": len(line)})
    descriptor = os.open(
        folder.events, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644
    )
    try:
        os.write(descriptor, line.encode() + b"\n")
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
