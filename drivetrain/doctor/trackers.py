"""Is every run that is over also over in the tracker?"""

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.doctor.finding import Finding
from drivetrain.doctor.folders import run_folders
from drivetrain.runs.closing import is_left_open
from drivetrain.runs.environment import code_path, unmarked
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import look_at, read_request

PATIENCE_S = 120.0
MOST_S = 600.0
"""For all runs together: where a tracker hangs, nobody waits for it once for every run."""


def check_trackers(home: Path) -> Iterator[Finding]:
    """Runs that have ended and that the tracker still shows as running."""
    is_right, time_left = True, _TimeLeft()
    for folder in run_folders(home):
        run = look_at(folder)
        if run is not None and is_left_open(run):
            is_right = False
            yield Finding(
                "trackers",
                "warning",
                f"Run `{folder.id}` has ended, and MLflow was not told how.",
                "`/train doctor --fix` tells it.",
                partial(_close, folder, time_left),
            )
    if is_right:
        yield Finding("trackers", "ok", "MLflow knows how every run ended.")


class _TimeLeft:
    """What is left of the time for all repairs of an examination; it runs from the first."""

    def __init__(self) -> None:
        self._over_at: float | None = None

    def seconds(self) -> float:
        """None left is 0."""
        if self._over_at is None:
            self._over_at = SYSTEM.mono() + MOST_S
        return max(0.0, self._over_at - SYSTEM.mono())


def _close(folder: RunFolder, time_left: _TimeLeft) -> str:
    asked = read_request(folder)
    closer = () if asked is None else asked.plan.closer
    patience_s = min(PATIENCE_S, time_left.seconds())
    if not patience_s:
        return f"Not closed in MLflow: run `{folder.id}`, for want of time; look once more."
    try:
        done = subprocess.run(  # noqa: S603 - the words that its starter recorded, no shell
            [*closer, str(folder.path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env=unmarked() | code_path(),
            check=False,
            timeout=patience_s,
        )
    except subprocess.TimeoutExpired:
        return f"Not closed in MLflow: run `{folder.id}`, after {patience_s:.0f} s of trying."
    if done.returncode:
        return f"Not closed in MLflow: run `{folder.id}` (exit code {done.returncode})."
    return f"Told MLflow how run `{folder.id}` ended."
