"""Kernel locks say who is alive: they end with their holder, however it ends.

A forked child would keep its parent's lock, so lock holders only ever fork to exec.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAP_S = 0.005


def is_held(path: Path) -> bool:
    """Whether a living process holds this lock.  The probe is gone before it returns."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a lock for the time of a block, waiting for it if need be."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def held_if_free(path: Path, patience_s: float = 0.0) -> Iterator[bool]:
    """Hold a lock for the time of a block if nobody does; yields whether it worked.

    patience_s: how long to wait for whoever has it.
    """
    give_up_at = time.monotonic() + patience_s
    while (descriptor := take_if_free(path)) is None and time.monotonic() < give_up_at:
        time.sleep(NAP_S)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def take_if_free(path: Path) -> int | None:
    """A descriptor that holds a lock until its last copy is closed; None if somebody has it."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def hold_for_life(path: Path) -> None:
    """Hold a lock until this process ends; the kernel lets it go, nothing else does."""
    fcntl.flock(_open(path), fcntl.LOCK_EX)


def _open(path: Path) -> int:
    """A descriptor that no exec inherits; the file is made if it is missing."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
