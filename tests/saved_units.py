"""Small units to save, to damage and to look at again."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from drivetrain import checkpoint_units
from drivetrain.checkpoint_units import Unit

FILES = ("policy.pt", "optim.pt", "rng.pt")
PIECES = 3


def content(name: str, step: int) -> bytes:
    """What a file of a unit holds, different for each."""
    return json.dumps({"file": name, "step": step}).encode() * PIECES


def fills(
    step: int, names: tuple[str, ...] = FILES
) -> Mapping[str, Callable[[BinaryIO], object]]:
    """What fills the files, in several writes each."""

    def fill(name: str) -> Callable[[BinaryIO], object]:
        piece = content(name, step)
        third = len(piece) // PIECES
        return lambda file: [
            file.write(piece[at : at + third]) for at in range(0, len(piece), third)
        ]

    return {name: fill(name) for name in names}


def save(units: Path, step: int, names: tuple[str, ...] = FILES) -> Unit:
    """Save a unit as a trainer does, without anything around it."""
    return checkpoint_units.write(units, step, fills(step, names), {"attempt": 1, "best": 0.5})


def step_in(file: Path) -> int:
    """The step that a saved file tells of; it is whole."""
    text = file.read_bytes()
    step = json.loads(text[: len(text) // PIECES])["step"]
    assert text == content("policy.pt", step)
    return int(step)


def steps_in(units: Path) -> list[int]:
    """The steps of all folders that look like units, oldest first."""
    return sorted(int(at.name) for at in units.iterdir() if at.name.isdigit())


def drafts_in(folder: Path) -> list[str]:
    """What unfinished writes left anywhere below a folder."""
    return [at.name for at in folder.rglob(".tmp-*")]
