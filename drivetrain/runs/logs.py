"""The last lines of a run's log, found from its end: 1 GB costs no more than 1 MB."""

import os
import time
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import look_at
from drivetrain.runs.record import is_active

BLOCK_BYTES = 65_536
LONGEST_LINE = 65_536
"""Bytes of a line that are shown: output without line ends must not fill the memory."""
NAP_S = 0.2


def tail(folder: RunFolder, lines: int, grep: str | None = None) -> Iterator[str]:
    """The last lines, oldest first; with `grep` the last that contain it, in any case."""
    try:
        file = folder.log.open("rb")
    except FileNotFoundError:
        return
    with file:
        found = _last(file, file.seek(0, os.SEEK_END), lines, grep)
    yield from found


def follow(folder: RunFolder, lines: int, grep: str | None = None) -> Iterator[str]:
    """The last lines, then every new one as it comes, until the run has ended."""
    while not folder.log.exists():
        if _is_over(folder):
            return
        time.sleep(NAP_S)
    with folder.log.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        yield from _last(file, end, lines, grep)
        file.seek(end)
        for line in _grown(file, folder):
            if _matches(line, grep):
                yield line


def _last(file: BinaryIO, end: int, lines: int, grep: str | None) -> list[str]:
    """The last matching lines that begin before `end`, oldest first."""
    matching = (line for line in _backwards(file, end) if _matches(line, grep))
    return list(islice(matching, lines))[::-1]


def _backwards(file: BinaryIO, end: int) -> Iterator[str]:
    """Every line, from the last to the first, in blocks from the end."""
    rest, is_last = b"", True
    while end > 0:
        start = max(0, end - BLOCK_BYTES)
        file.seek(start)
        head, *whole = (file.read(end - start) + rest).split(b"\n")
        for line in reversed(whole):
            # Nothing follows the last line end of a log that is whole.
            if line or not is_last:
                yield _as_text(line)
            is_last = False
        rest, end = head[:LONGEST_LINE], start
    if rest or not is_last:
        yield _as_text(rest)


def _grown(file: BinaryIO, folder: RunFolder) -> Iterator[str]:
    """Every line written from now on, until the run has ended."""
    rest, is_over = b"", False
    while not is_over:
        # Asked before reading, so that all an ended run wrote is read.
        is_over = _is_over(folder)
        *whole, rest = (rest + file.read()).split(b"\n")
        yield from map(_as_text, whole)
        rest = rest[:LONGEST_LINE]
        if not is_over:
            time.sleep(NAP_S)
    if rest:
        yield _as_text(rest)


def _is_over(folder: RunFolder) -> bool:
    """Whether nothing will be written any more."""
    run = look_at(folder)
    return run is None or not is_active(run.state)


def _matches(line: str, grep: str | None) -> bool:
    return grep is None or grep.casefold() in line.casefold()


def _as_text(line: bytes) -> str:
    """A line as a terminal would end up showing it: a carriage return starts it anew."""
    text = line[:LONGEST_LINE].decode("utf-8", "replace").rstrip("\r")
    return text.rpartition("\r")[2]
