"""The line that says how far a run is."""

import io
from pathlib import Path

from typing_extensions import override

from drivetrain.runs.attend import Meter, progress_line
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import Run
from drivetrain.runs.progress import Progress
from drivetrain.runs.record import Ended, Record, Running, Starting

DONE = Ended("succeeded", "completed", "", unit=100, step=100, next_action="")


class Terminal(io.StringIO):
    """A stream that rewrites its lines."""

    @override
    def isatty(self) -> bool:
        return True


def run(state: Record, step: int | None) -> Run:
    seen = None
    if step is not None:
        seen = Progress(1, "train", step, total=100, reward=5.23, rate=12_000.0, eta_s=240.0)
    return Run("demo", "PPO", 0.0, state, seen, RunFolder(Path("/home"), "demo"))


def test_the_line_shows_share_reward_rate_and_time_left() -> None:
    assert progress_line(run(Running(1), 25)) == (
        "demo [######------------------] 25% 25 / 100 · reward 5.2 · 12K steps/s · "
        "ETA 4m · train"
    )


def test_a_run_that_has_told_nothing_yet_has_its_state_only() -> None:
    assert progress_line(run(Starting(1), None)) == "demo starting"


def test_a_run_beyond_its_total_does_not_overflow_the_bar() -> None:
    assert progress_line(run(DONE, 130)).startswith(f"demo [{'#' * 24}] 100% 130 / 100 · ")


def test_a_terminal_sees_one_line_that_changes() -> None:
    terminal = Terminal()
    meter = Meter(terminal)
    for step in (1, 2, 3):
        meter.show(run(Running(1), step))
    meter.close()
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().count("\r") == 3


def test_a_file_gets_a_line_for_each_tenth_and_each_change_of_state() -> None:
    file = io.StringIO()
    meter = Meter(file)
    for step in range(31):
        meter.show(run(Running(1), step))
    meter.show(run(DONE, 31))
    meter.close()
    lines = file.getvalue().splitlines()
    assert [line.split("] ")[1].split("%")[0] for line in lines] == [
        "0",
        "10",
        "20",
        "30",
        "31",
    ]
    assert lines[-1].endswith(" · succeeded")
