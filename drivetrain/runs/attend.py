"""A run watched from a terminal: one line that says how far it is, until it has ended."""

from itertools import compress
from pathlib import Path
from typing import TextIO

from drivetrain.numbers import UNKNOWN, percent, short_count, short_duration, short_number
from drivetrain.runs.look import Run
from drivetrain.runs.record import Ended, Stalled, Stopping
from drivetrain.runs.wait import wait_for

BAR_CELLS = 24
QUIET_LINES = 10
"""Where nobody sees a line change, a new one comes after each tenth of the way."""


def attend(home: Path, run_id: str, show: TextIO, timeout_s: float | None = None) -> Run:
    """The run once it has ended, or as it is when the time is over.

    show: where the progress goes; a terminal sees one line that changes.

    Raises:
        NotFoundError: there is no such run.
    """
    meter = Meter(show)
    try:
        return wait_for(home, run_id, timeout_s, meter.show)
    finally:
        meter.close()


def progress_line(run: Run) -> str:
    """`demo [######------] 25% 500K / 2M · reward 5.2 · 12K steps/s · ETA 4m`."""
    seen = run.progress
    if seen is None:
        return f"{run.id} {_word(run)}"
    share = min(1.0, seen.step / seen.total) if seen.total else 0.0
    filled = round(share * BAR_CELLS)
    parts = [
        f"{run.id} [{'#' * filled}{'-' * (BAR_CELLS - filled)}] {percent(share)} "
        f"{short_count(seen.step)} / {short_count(seen.total)}",
        f"reward {short_number(seen.reward)}",
        f"{short_count(seen.rate)} steps/s",
        f"ETA {short_duration(seen.eta_s)}" if not isinstance(run.state, Ended) else "",
        _word(run) if isinstance(run.state, Stalled | Stopping | Ended) else seen.phase,
    ]
    is_known = (part and UNKNOWN not in part.split() for part in parts)
    return " · ".join(compress(parts, is_known))


class Meter:
    """The line, rewritten in place on a terminal and printed now and then elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._in_place = stream.isatty()
        self._told: tuple[str, int] | None = None

    def show(self, run: Run) -> None:
        """Say where the run stands now, if that is news."""
        if self._in_place:
            # Back to the line's start, and clear what a longer line left behind.
            self._stream.write(f"\r{progress_line(run)}\x1b[K")
            self._stream.flush()
            return
        news = (_word(run), self._tenths(run))
        if news != self._told:
            self._told = news
            self._stream.write(f"{progress_line(run)}\n")
            self._stream.flush()

    def close(self) -> None:
        """Leave the line as it is and go to the next."""
        if self._in_place:
            self._stream.write("\n")
            self._stream.flush()

    def _tenths(self, run: Run) -> int:
        seen = run.progress
        return seen.step * QUIET_LINES // seen.total if seen and seen.total else 0


def _word(run: Run) -> str:
    return run.state.how if isinstance(run.state, Ended) else type(run.state).__name__.lower()
