"""Checkpoints: tensors and plain data, whole or absent, checked against their own hash.

A file is written beside its name, synced and renamed into place, so a reader sees the old one
or the new one. It is read with `weights_only=True`: a checkpoint cannot run code.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251 - to refuse pickles, not to read them
from typing import Any

import torch

from drivetrain.errors import DataError, NotFoundError

FORMAT = 1
State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A policy as it stood after `step` environment steps, with all that is needed to drive it.

    policy, optimiser: state dicts.  request: the run's request as plain data.
    observation_size, action_size: the shapes the policy was made for.
    """

    algorithm: str
    step: int
    policy: State
    optimiser: State
    request: State
    observation_size: int
    action_size: int


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint so that `path` is never half a file."""
    content = asdict(checkpoint)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            torch.save({"format": FORMAT, "sha256": content_hash(content), **content}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


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
    content = _read(path)
    if content.pop("format", None) != FORMAT:
        raise DataError(
            f"`{path}` is no checkpoint of format {FORMAT}. Try another run's `best.pt`."
        )
    if content.pop("sha256", None) != content_hash(content):
        raise DataError(
            f"`{path}` is damaged: its hash differs. Try the run's other checkpoint."
        )
    return Checkpoint(**content)


def _read(path: Path) -> dict[str, Any]:
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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
