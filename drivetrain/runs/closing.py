"""Settling what outlives a run, such as its page in a tracker, without waiting for it."""

import subprocess
import sys
from contextlib import suppress

from drivetrain.runs.environment import code_path, unmarked
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import look_at, read_request
from drivetrain.runs.record import Ended

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
