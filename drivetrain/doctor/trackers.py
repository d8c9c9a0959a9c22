"""Is every run that is over also over in the tracker?"""

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.doctor.finding import Finding
from drivetrain.doctor.folders import run_folders
from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import look_at, read_request
from drivetrain.runs.record import Ended

PATIENCE_S = 120.0
JUST_ENDED_S = 120.0
"""So long the process that closes the tracker's run may still be at it."""


def check_trackers(home: Path) -> Iterator[Finding]:
    """Runs that have ended and that the tracker still shows as running."""
    is_right = True
    for folder in run_folders(home):
        if _is_open(folder):
            is_right = False
            yield Finding(
                "trackers",
                "warning",
                f"Run `{folder.id}` has ended, and MLflow was not told how.",
                "`/train doctor --fix` tells it.",
                partial(_close, folder),
            )
    if is_right:
        yield Finding("trackers", "ok", "MLflow knows how every run ended.")


def _is_open(folder: RunFolder) -> bool:
    """Whether the last end is older than its closing takes, and was never closed."""
    asked, run, attempt = read_request(folder), look_at(folder), folder.last_attempt()
    if asked is None or run is None or attempt is None or not asked.plan.closer:
        return False
    if run.progress is None:  # stopped in the queue: there is nothing to show
        return False
    end = run.state
    if not isinstance(end, Ended) or SYSTEM.wall() - (end.at or 0.0) < JUST_ENDED_S:
        return False
    closed = (read_json(folder.tracking) or {}).get("closed")
    return not (isinstance(closed, dict) and closed.get("attempt") == attempt.number)


def _close(folder: RunFolder) -> str:
    asked = read_request(folder)
    closer = () if asked is None else asked.plan.closer
    try:
        done = subprocess.run(  # noqa: S603 - the words that its starter recorded, no shell
            [*closer, str(folder.path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=folder.path,
            check=False,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        return f"Not closed in MLflow: run `{folder.id}`, after {PATIENCE_S:g} s of trying."
    if done.returncode:
        return f"Not closed in MLflow: run `{folder.id}` (exit code {done.returncode})."
    return f"Told MLflow how run `{folder.id}` ended."
