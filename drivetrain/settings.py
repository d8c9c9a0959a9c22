"""Where things are: the environment, read once per question."""

import os
from pathlib import Path

from drivetrain.errors import RequestError
from drivetrain.text import plain

PROJECT = Path(__file__).resolve().parent.parent
BUILT_IN_CONFIGS = PROJECT / "configs" / "planning"


def home() -> Path:
    """The folder of runs, checkpoints and logs: `DRIVETRAIN_HOME`, else `./experiments`.

    Raises:
        RequestError: its name is no UTF-8, or the current folder was deleted.
    """
    told = os.environ.get("DRIVETRAIN_HOME") or "experiments"
    try:
        folder = Path(told).absolute()
        # Records name it, and they are UTF-8.
        os.fspath(folder).encode()
    except FileNotFoundError:
        what = "The current folder was deleted"
    except UnicodeEncodeError:
        what = "The name of the folder for runs is not UTF-8"
    else:
        return folder
    raise RequestError(
        f"{what}; runs need one that is there, by a name that can be written down."
        " Try `DRIVETRAIN_HOME=DIR bin/train status`."
    )


def state_folder() -> Path:
    """What all homes of a user share on this machine: `$XDG_STATE_HOME/drivetrain`.

    A relative `XDG_STATE_HOME` is passed over, as its standard has it: programs in different
    folders would not share it.

    Raises:
        FileNotFoundError: nobody knows where this user is at home, as in some containers.
    """
    told = os.environ.get("XDG_STATE_HOME")
    try:
        shared = (
            Path(told) if told and told.startswith("/") else Path.home() / ".local" / "state"
        )
    except RuntimeError as error:
        raise FileNotFoundError(f"no folder for state: {error}") from error
    return shared / "drivetrain"


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
