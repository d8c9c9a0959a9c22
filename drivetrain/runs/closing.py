"""Settling what outlives a run, such as its page in a tracker, without waiting for it."""

import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.runs.atomic import read_json
from drivetrain.runs.environment import code_path, unmarked
from drivetrain.runs.folder import RunFolder, runs_folder
from drivetrain.runs.locks import is_held
from drivetrain.runs.look import Run, look_at, read_request
from drivetrain.runs.record import Ended

JUST_ENDED_S = 10.0
"""So long after an end its closer may not have begun yet."""
PAUSE_S = 60.0
"""Between two closers that looks at a home start: a tracker may be out of order for days."""

DETACHED = "import os, sys\nos.fork() or os.execv(sys.argv[1], sys.argv[1:])"
"""A grandchild is nobody's to bury: a door that stays open for days collects no zombies."""


def close_detached(folder: RunFolder) -> None:
    """Start the closer of a run that is over, if it has one, in a session of its own.

    Back at once.  A run that goes on is not closed.
    """
    run, asked = look_at(folder), read_request(folder)
    if run is None or asked is None or not asked.plan.closer:
        return
    if not isinstance(run.state, Ended):
        return
    import subprocess  # few looks find a run to close

    with suppress(OSError):  # no room for a process: whoever looks for open pages closes it
        subprocess.run(  # noqa: S603 - list arguments, no shell
            [sys.executable, "-I", "-S", "-c", DETACHED, *asked.plan.closer, str(folder.path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            env=unmarked() | code_path(),
            check=False,
        )


def is_left_open(run: Run) -> bool:
    """Whether a run is over, and its closer, if it has one, has not done its work."""
    end = run.state
    if not isinstance(end, Ended) or SYSTEM.wall() - (end.at or 0.0) < JUST_ENDED_S:
        return False
    told = (read_json(run.folder.tracking) or {}).get("closed")
    if isinstance(told, dict) and told.get("attempt") == end.attempt:
        return False
    asked = read_request(run.folder)
    # One that was stopped in the queue has nothing to show.
    has_closer = asked is not None and bool(asked.plan.closer) and run.progress is not None
    return has_closer and not is_held(run.folder.tracking_lock)


def close_left_open(home: Path, runs: Iterable[Run]) -> None:
    """Start the closer of one of these runs whose own was killed, if there is one such.

    Back at once, and does nothing if another look at this home did the same a moment ago.
    """
    left = next(filter(is_left_open, runs), None)
    if left is None:
        return
    stamp = runs_folder(home) / ".closing"
    with suppress(OSError):  # who may only read this home closes nothing
        started_at = stamp.stat().st_mtime if stamp.exists() else 0.0
        if abs(SYSTEM.wall() - started_at) >= PAUSE_S:
            stamp.touch()
            close_detached(left.folder)
