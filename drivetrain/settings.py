"""Where things are: the environment, read once per question."""

import os
from pathlib import Path

from drivetrain.errors import RequestError
from drivetrain.text import plain

PROJECT = Path(__file__).resolve().parent.parent
BUILT_IN_CONFIGS = PROJECT / "configs" / "planning"


def home() -> Path:
    """The folder of runs, checkpoints and logs: `DRIVETRAIN_HOME`, else `./experiments`."""
    return Path(os.environ.get("DRIVETRAIN_HOME") or "experiments").absolute()


def state_folder() -> Path:
    """What all homes of a user share on this machine: `$XDG_STATE_HOME/drivetrain`."""
    shared = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(shared) / "drivetrain"


def gpu_slots() -> int:
    """How many runs may share one GPU: `DRIVETRAIN_GPU_SLOTS`, else 1.

    Raises:
        RequestError: it is set to something else than a whole number from 1.
    """
    told = os.environ.get("DRIVETRAIN_GPU_SLOTS") or "1"
    if not told.isdecimal() or int(told) < 1:
        raise RequestError(
            f"`DRIVETRAIN_GPU_SLOTS` is `{plain(told, 20)}`; it is the number of runs that may"
            " share one GPU, from 1. Try `export DRIVETRAIN_GPU_SLOTS=1`."
        )
    return int(told)
