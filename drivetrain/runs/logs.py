"""The last lines of a run's log, found from its end: 1 GB costs no more than 1 MB.

A supervisor cuts a log that has grown too long; what came before is in `log_before`.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from drivetrain.runs.folder import RunFolder

if TYPE_CHECKING:
    from drivetrain.runs.nudge import Nudge

BLOCK_BYTES = 65_536
LONGEST_LINE = 65_536
"""Bytes of a line that are shown: output without line ends must not fill the memory."""
NAP_S = 0.2
MEMORY_BYTES = 256
"""What a follower knows of the last that it read, to find its place in a log that was cut."""
CUT_BYTES = 1 << 22
"""How far back it looks for that place."""


def tail(folder: RunFolder, lines: int, grep: str | None = None) -> Iterator[str]:
    """The last lines, oldest first; with `grep` the last that contain it, in any case."""
    yield from _last(_blocks(folder.log, folder.log_before), lines, grep)


def follow(folder: RunFolder, lines: int, grep: str | None = None) -> Iterator[str]:
    """The last lines, then every new one as it comes, until the run has ended."""
    # Only who follows a log asks how its run stands, and pays for finding out.
    from drivetrain.runs.nudge import Nudge

    nudge = Nudge(folder.home)
    while not folder.log.exists():
        if _is_over(folder, nudge):
            return
        time.sleep(NAP_S)
    with folder.log.open("rb", buffering=0) as file:
        growth = _Growth(file, folder.log_before)
        yield from _last(_blocks(folder.log, folder.log_before, growth.at), lines, grep)
        for line in _grown(growth, folder, nudge):
            if _matches(line, grep):
                yield line


class _Growth:
    """What is added to a log from now on, even across a cut.  at: bytes read of the log."""

    def __init__(self, file: FileIO, before: Path) -> None:
        self._file = file
        self._before = before
        file.seek(max(0, file.seek(0, os.SEEK_END) - MEMORY_BYTES))
        self._seen = file.read()
        self.at = file.tell()

    def read(self) -> bytes:
        """All that was added since the last time."""
        missed = b""
        if self._is_cut():
            missed = self._missed()
            self._file.seek(0)
        added = missed + self._file.read()
        self._seen = (self._seen + added)[-MEMORY_BYTES:]
        self.at = self._file.tell()
        return added

    def _is_cut(self) -> bool:
        """Whether what was read last is no longer where it was."""
        size = min(self.at, len(self._seen))
        last = os.pread(self._file.fileno(), size, self.at - size)
        return not self._seen.endswith(last) or len(last) < size

    def _missed(self) -> bytes:
        """What was added before the cut and not read any more."""
        with suppress(FileNotFoundError), self._before.open("rb") as before:
            before.seek(max(0, before.seek(0, os.SEEK_END) - CUT_BYTES))
            _, seen, missed = before.read().rpartition(self._seen or b"\0")
            return missed if seen else b""
        return b""


def _last(blocks: Iterator[bytes], lines: int, grep: str | None) -> list[str]:
    """The last matching lines, oldest first."""
    matching = (line for line in _backwards(blocks, grep) if _matches(line, grep))
    return list(islice(matching, lines))[::-1]


def _blocks(log: Path, before: Path, end: int | None = None) -> Iterator[bytes]:
    """The bytes of a log up to `end`, then of the one before: from the last to the first."""
    for path, stop in ((log, end), (before, None)):
        with suppress(FileNotFoundError), path.open("rb") as file:
            at = file.seek(0, os.SEEK_END) if stop is None else stop
            while at > 0:
                start = max(0, at - BLOCK_BYTES)
                file.seek(start)
                yield file.read(at - start)
                at = start


def _backwards(blocks: Iterator[bytes], grep: str | None) -> Iterator[str]:
    """Every line that may match, from the last to the first."""
    rest, is_last = b"", True
    for block in blocks:
        text = block + rest
        if _cannot_match(text, grep):
            rest, is_last = text.partition(b"\n")[0][:LONGEST_LINE], False
            continue
        head, *whole = text.split(b"\n")
        for line in reversed(whole):
            # Nothing follows the last line end of a log that is whole.
            if line or not is_last:
                yield _as_text(line)
            is_last = False
        rest = head[:LONGEST_LINE]
    if rest or not is_last:
        yield _as_text(rest)


def _cannot_match(text: bytes, grep: str | None) -> bool:
    """Whether it is certain at a glance that no line of a text contains what is looked for.

    Only plain ASCII has one lower case alone: `K` is also the lower case of the Kelvin sign.
    """
    if grep is None or not grep.isascii() or not text.isascii():
        return False
    return grep.lower().encode() not in text.lower()


def _grown(growth: _Growth, folder: RunFolder, nudge: "Nudge") -> Iterator[str]:
    """Every line written from now on, until the run has ended."""
    rest, is_over = b"", False
    while not is_over:
        # Asked before reading, so that all an ended run wrote is read.
        is_over = _is_over(folder, nudge)
        *whole, rest = (rest + growth.read()).split(b"\n")
        yield from map(_as_text, whole)
        rest = rest[:LONGEST_LINE]
        if not is_over:
            time.sleep(NAP_S)
    if rest:
        yield _as_text(rest)


def _is_over(folder: RunFolder, nudge: "Nudge") -> bool:
    """Whether nothing will be written any more; what waits to be begun is nudged."""
    from drivetrain.runs.look import look_at
    from drivetrain.runs.record import is_active

    run = look_at(folder)
    if run is None:
        return True
    nudge.give(run)
    return not is_active(run.state)


def _matches(line: str, grep: str | None) -> bool:
    return grep is None or grep.casefold() in line.casefold()


def _as_text(line: bytes) -> str:
    """A line as a terminal would end up showing it: a carriage return starts it anew."""
    text = line[:LONGEST_LINE].decode("utf-8", "replace").rstrip("\r")
    return text.rpartition("\r")[2]
