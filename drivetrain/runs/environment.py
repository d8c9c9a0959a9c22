"""The environment of a run's processes: who they belong to, and what they must not inherit."""

import os

from drivetrain.runs.folder import AttemptFolder, RunFolder
from drivetrain.settings import PROJECT

HOME, RUN, ATTEMPT = "DRIVETRAIN_HOME", "DRIVETRAIN_RUN", "DRIVETRAIN_ATTEMPT"
CORES = "DRIVETRAIN_CORES"
"""How many cores a run has leased; read by `drivetrain.machine.cores`."""


def marks_of(folder: RunFolder, attempt: AttemptFolder) -> dict[str, str]:
    """What the trainer of an attempt, and all that it starts, is told apart by."""
    return {HOME: str(folder.home), RUN: folder.id, ATTEMPT: str(attempt.number)}


def code_path() -> dict[str, str]:
    """Where a child finds this very code, whatever folder it runs in."""
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    # Each once: the end of one run may start the next, without end.
    paths = dict.fromkeys(filter(None, [str(PROJECT), *known]))
    return {"PYTHONPATH": os.pathsep.join(paths)}


def unmarked() -> dict[str, str]:
    """The environment of this process for one that is no part of any attempt.

    Whoever starts a run from within another would else hand its marks on, and the supervisor
    of the one would pass for a left-over of the other.
    """
    own = {RUN, ATTEMPT, CORES}
    return {name: value for name, value in os.environ.items() if name not in own}
