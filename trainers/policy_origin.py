"""Which algorithm made a policy file, told without torch and before anything starts.

A policy file is a zip whose `data.pkl` says how its tensors lie.  Its words are listed here one
after the other; nothing is built from them, so that no file can run code.
"""

import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path

from drivetrain.errors import DataError
from drivetrain.text import listing, quote

LARGEST_INDEX = 4 * 1024 * 1024
"""Bytes of `data.pkl` that are looked at; ours are a hundredth of that."""
STARTS_FROM = {
    "PPO": ("PPO", "BC", "HYBRID"),
    "SAC": ("SAC",),
    "BC": ("BC", "PPO", "HYBRID"),
    "HYBRID": ("BC", "PPO", "HYBRID"),
}
"""Whose policies each algorithm can start from: those with its own networks."""


def check_start(algorithm: str, file: Path) -> None:
    """Refuse a policy that this algorithm cannot start from.

    Raises:
        DataError: another algorithm made it, or it is no policy file.
    """
    made_by = _made_by(file)
    if made_by in STARTS_FROM[algorithm]:
        return
    verb = made_by.lower()
    raise DataError(
        f"{quote(str(file))} is a policy of {made_by}, whose networks are others; {algorithm} "
        f"starts from one of {listing(STARTS_FROM[algorithm])}. "
        f"Try `/train {verb} --init-from PATH`, or leave it out."
    )


def _made_by(file: Path) -> str:
    words = _words(file)
    for word in words:
        if word == "algorithm":
            made_by = next(words, None)
            if made_by in STARTS_FROM:
                return made_by
    raise _no_policy(file)


def _words(file: Path) -> Iterator[str]:
    """The texts in a policy file's index, in their order.

    Raises:
        DataError: it has no such index.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            inside = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            with archive.open(inside) as stream:
                index = stream.read(LARGEST_INDEX)
        for _, argument, _ in pickletools.genops(index):
            if isinstance(argument, str):
                yield argument
    except (zipfile.BadZipFile, StopIteration, OSError, ValueError, NotImplementedError) as bad:
        raise _no_policy(file) from bad


def _no_policy(file: Path) -> DataError:
    return DataError(
        f"{quote(str(file))} is no policy of a run; a run leaves `best.pt` and `last.pt` "
        "in its folder under `checkpoints`. "
        "Try `/train ppo --init-from experiments/checkpoints/RUN/best.pt`."
    )
