"""Where things are: the environment, read once per question."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BUILT_IN_CONFIGS = PROJECT / "configs" / "planning"


def home() -> Path:
    """The folder of runs, checkpoints and logs: `DRIVETRAIN_HOME`, else `./experiments`."""
    return Path(os.environ.get("DRIVETRAIN_HOME") or "experiments").absolute()


def state_folder() -> Path:
    """What all homes of a user share on this machine: `$XDG_STATE_HOME/drivetrain`."""
    shared = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(shared) / "drivetrain"
