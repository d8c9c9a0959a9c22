"""A conversion says how far it is: a bar on a terminal, lines elsewhere."""

import io
from pathlib import Path

from typing_extensions import override

from drivetrain.data.conversion_progress import Progress
from drivetrain.data.convert_file import Outcome

FILES = [Path(f"{name}.db") for name in "abcd"]
SIZES = dict.fromkeys(FILES, 100)


class HandClock:
    """A clock that goes as told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def wall(self) -> float:
        return self.now

    def mono(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that people look at."""

    @override
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end() -> None:
    stream, clock = io.StringIO(), HandClock()
    progress = Progress(stream, clock)
    progress.begin(SIZES, FILES[1:])
    for file, seconds in zip(FILES[1:], (0.5, 0.5, 0.5), strict=True):
        clock.now += seconds
        progress.done(file, Outcome(scenarios=10, seconds=150.0))
    assert stream.getvalue().splitlines() == [
        "1 of 4 files were converted before",
        "2/4 b.db, 10 scenarios, 300 s of driving per s, 1 s left",
        "4/4 d.db, 30 scenarios, 300 s of driving per s",
    ]


def test_a_terminal_gets_one_line_that_is_drawn_again() -> None:
    stream, clock = Terminal(), HandClock()
    progress = Progress(stream, clock)
    progress.begin(SIZES, FILES)
    for file in FILES:
        clock.now += 60.0
        progress.done(file, Outcome(scenarios=1, seconds=15.0))
    lines = stream.getvalue().split("\r")[1:]
    assert lines[0].startswith("[#####               ] 1/4 a.db, 1 scenarios, 0 s")
    assert "3 min left" in lines[0]
    assert lines[-1].startswith("[####################] 4/4 d.db, 4 scenarios")
    assert stream.getvalue().count("\n") == 1
