"""Files and folders that are whole or absent: made under passing names, by one writer."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

LOCK = ".lock"
DRAFT = ".tmp-"

Fill = Callable[[BinaryIO], object]
"""Writes the content of one file, front to back; the file offers `write` and `flush` alone."""


def write_file(path: Path, fill: Fill) -> dict[str, Any]:
    """Write and sync a new file; returns its size and its hash.

    Raises:
        OSError: the disk is full or fails, whatever `fill` makes of that.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        sink = _Sink(descriptor)
        try:
            fill(cast(BinaryIO, sink))
        finally:
            # Torch turns a full disk into a RuntimeError about positions: here is its cause.
            if sink.error is not None:
                raise sink.error
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return {"bytes": sink.bytes, "sha256": sink.digest.hexdigest()}


def sync_folder(path: Path) -> None:
    """The names in a folder survive a power cut from here on."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Write in a folder once other writers are done, or dead: the kernel frees their lock."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Let an error name this file: a full disk names none, and a draft tells nobody much."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def draft_in(folder: Path) -> Path:
    """A passing name that nothing else bears."""
    return folder / f"{DRAFT}{os.urandom(8).hex()}"


def clear_drafts(folder: Path) -> None:
    """Remove what writers that were killed left in a folder; only for one that is `alone`."""
    for path in folder.iterdir():
        if path.name.startswith(DRAFT):
            remove(path)


def put_away(path: Path) -> None:
    """Remove a folder or a file that nobody may meet half gone."""
    if path.exists():
        away = draft_in(path.parent)
        path.rename(away)
        remove(away)


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there; what refuses to go is left to a sweep."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


class _Sink:
    """A file that grows only at its end, and knows the hash of what went into it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.digest = hashlib.sha256()
        self.bytes = 0
        self.error: OSError | None = None

    def write(self, data: bytes | memoryview) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        self.digest.update(left)
        self.bytes += size
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            self.error = error
            raise
        return size

    def flush(self) -> None:
        """Nothing is held back."""
