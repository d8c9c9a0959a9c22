"""Policy files, `policy.pt` of a unit and thus `best.pt` and `last.pt`: all it takes to drive.

Tensors and plain data, checked against their own hash and read with `weights_only=True`: a
checkpoint cannot run code.  They are whole or absent, as units are: see `checkpoint_units.py`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251 - to refuse pickles, not to read them
from typing import Any, BinaryIO

import torch

from drivetrain.errors import DataError, NotFoundError

FORMAT = 2
State = Mapping[str, Any]
"""Tensors and plain data by name."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A policy as it stood after `step` environment steps, with all that is needed to drive it.

    policy: its state dict.  request: the run's request as plain data.
    observation_size, action_size: the shapes the policy was made for.
    """

    algorithm: str
    step: int
    policy: State
    request: State
    observation_size: int
    action_size: int


def write(checkpoint: Checkpoint, file: BinaryIO) -> None:
    """Write the policy file, front to back."""
    content = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    torch.save({"format": FORMAT, "sha256": content_hash(content), **content}, file)


def load(path: Path) -> Checkpoint:
    """The checkpoint at `path`, verified.

    Raises:
        NotFoundError: there is no such file.
        DataError: it is damaged, of another format, or no checkpoint of ours.
    """
    if not path.is_file():
        raise NotFoundError(
            f"There is no checkpoint `{path}`; a run keeps `best.pt` and `last.pt` under "
            "`experiments/checkpoints/<run>`. Try `/train status` for the runs."
        )
    content = dict(read_state(path))
    if content.pop("format", None) != FORMAT:
        raise DataError(
            f"`{path}` is no checkpoint of format {FORMAT}. Try another run's `best.pt`."
        )
    if content.pop("sha256", None) != content_hash(content):
        raise DataError(
            f"`{path}` is damaged: its hash differs. Try the run's other checkpoint."
        )
    return Checkpoint(**content)


def read_state(path: Path) -> State:
    """The tensors and plain data of a file, on the CPU.

    Raises:
        DataError: it is damaged, or holds anything else.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, EOFError, OSError, UnpicklingError) as error:
        raise _unreadable(path) from error
    if not isinstance(content, dict):
        raise _unreadable(path)
    return content


def _unreadable(path: Path) -> DataError:
    return DataError(
        f"`{path}` cannot be read as a checkpoint; it is damaged or no checkpoint at all. "
        "Try the run's other checkpoint."
    )


def content_hash(content: object) -> str:
    """SHA-256 over every tensor and plain value, the same for equal content."""
    digest = hashlib.sha256()
    _feed(digest, content)
    return digest.hexdigest()


def _feed(digest: "hashlib._Hash", value: object) -> None:
    match value:
        case torch.Tensor():
            digest.update(f"tensor {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        case Mapping():
            digest.update(b"{")
            for key in sorted(value, key=str):
                digest.update(f"{key}:".encode())
                _feed(digest, value[key])
            digest.update(b"}")
        case str():
            digest.update(f"str {value!r}".encode())
        case Sequence():
            digest.update(b"[")
            for item in value:
                _feed(digest, item)
            digest.update(b"]")
        case _:
            digest.update(f"{type(value).__name__} {value!r}".encode())
