"""How far a conversion is: a bar that is drawn again on a terminal, lines elsewhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from drivetrain.clock import SYSTEM, Clock
from drivetrain.data.convert_file import Outcome
from drivetrain.text import plain

BAR = 20
EVERY_S = {True: 0.1, False: 2.0}
"""How often a terminal is drawn again, and how often a log gets a line."""


class Progress:
    """Counts what is done and says so now and then."""

    def __init__(self, stream: TextIO, clock: Clock = SYSTEM) -> None:
        self._stream = stream
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._sizes: Mapping[Path, int] = {}
        self._files = 0
        self._scenarios = 0
        self._driven_s = 0.0
        self._bytes = 0
        self._bytes_left = 0
        self._begun = self._last = clock.mono()

    def begin(self, sizes: Mapping[Path, int], left: Sequence[Path]) -> None:
        """The bytes of every source file, and which of them are left to convert."""
        self._sizes = sizes
        self._files = len(sizes) - len(left)
        self._bytes_left = sum(sizes[file] for file in left)
        self._begun = self._clock.mono()
        self._last = self._begun - EVERY_S[self._is_terminal]
        if self._files:
            self.say(f"{self._files} of {len(sizes)} files were converted before")

    def done(self, file: Path, outcome: Outcome) -> None:
        """One more file is finished."""
        self._files += 1
        self._scenarios += outcome.scenarios
        self._driven_s += outcome.seconds
        self._bytes += self._sizes[file]
        self._bytes_left -= self._sizes[file]
        now = self._clock.mono()
        is_last = self._files == len(self._sizes)
        if now - self._last >= EVERY_S[self._is_terminal] or is_last:
            self._last = now
            self._write(self._line(file, now - self._begun), stays=is_last)

    def say(self, text: str) -> None:
        """Something a person should see now."""
        self._write(text, stays=True)

    def _write(self, text: str, *, stays: bool) -> None:
        if self._is_terminal:
            text = f"\r{text}\033[K"
        self._stream.write(f"{text}\n" if stays or not self._is_terminal else text)
        self._stream.flush()

    def _line(self, file: Path, elapsed_s: float) -> str:
        total = len(self._sizes)
        words = [
            f"{self._files}/{total} {plain(file.name, 40)}",
            f"{self._scenarios} scenarios",
        ]
        if elapsed_s > 0:
            words.append(f"{self._driven_s / elapsed_s:.0f} s of driving per s")
        if self._bytes and self._bytes_left:
            words.append(f"{_span(elapsed_s * self._bytes_left / self._bytes)} left")
        bar = "#" * (BAR * self._files // total)
        return f"[{bar:<{BAR}}] " * self._is_terminal + ", ".join(words)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
