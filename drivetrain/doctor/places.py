"""Is the home fit to hold runs: writable, with locks that lock, and room for the next save."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from drivetrain.doctor.finding import Finding, Level
from drivetrain.numbers import gigabytes
from drivetrain.runs.folder import runs_folder
from drivetrain.runs.mounts import is_networked, kind_of
from drivetrain.settings import state_folder
from drivetrain.text import quote

LITTLE_DISK = 1 << 30
"""Bytes: below this, logs and events of a long run may not fit beside its saves."""
SAVES_KEPT = 3
"""The two newest and the best one stay, and a new one is whole before an old one goes."""
ELSEWHERE = "or keep runs elsewhere: `DRIVETRAIN_HOME=DIR bin/train status`"


def check_home(home: Path) -> Iterator[Finding]:
    """Whether runs can be written, locked and linked there."""
    runs = runs_folder(home)
    is_in_the_way = os.path.lexists(runs) and not runs.is_dir()
    place = runs if is_in_the_way else home
    yield _usable("home", place, f"Make it writable for you, {ELSEWHERE}.")


def check_state(_home: Path) -> Iterator[Finding]:
    """Whether the folder that all homes of the user share can be used."""
    do = "Make it writable for you, or name another folder with `XDG_STATE_HOME`."
    yield _usable("state", state_folder(), do)


def check_file_system(home: Path) -> Iterator[Finding]:
    """Whether other machines may share the home: then its locks say little about them."""
    kind = kind_of(home)
    if is_networked(home):
        yield Finding(
            "file system",
            "warning",
            f"{quote(str(home), 200)} is on {quote(str(kind))}, which other machines may "
            "share; a run of theirs may look as if it had vanished.",
            f"Use the home from one machine, {ELSEWHERE}.",
        )
    else:
        yield Finding("file system", "ok", f"The home is on {quote(kind or 'a local disk')}.")


def check_disk(home: Path) -> Iterator[Finding]:
    """Whether the next saves fit, by the largest unit that the home holds."""
    place = _existing(home)
    system, free = os.statvfs(place), shutil.disk_usage(place).free
    unit = _largest_unit(home)
    room = f"{gigabytes(free)} are free for {quote(str(home), 200)}"
    level: Level = "ok"
    if free < 1.5 * unit:
        level, room = "problem", f"Only {room}, and a save takes {gigabytes(unit)}"
    elif system.f_files and not system.f_favail:
        level, room = "problem", f"{room}, but no more files can be made"
    elif free < max(LITTLE_DISK, SAVES_KEPT * unit):
        level, room = "warning", f"Only {room}"
    yield Finding(
        "disk", level, f"{room}.", "" if level == "ok" else f"Free some, {ELSEWHERE}."
    )


def _usable(name: str, folder: Path, do: str) -> Finding:
    shown = quote(str(folder), 200)
    try:
        lack = _what_lacks(folder) if folder.is_dir() else _ask_for_rights(folder)
    except OSError as error:
        says = f"{shown} cannot be written: {error.strerror or error}."
        return Finding(name, "problem", says, do)
    if lack:
        says = f"{shown} is on a file system without working {lack}."
        return Finding(name, "problem", says, f"Use a local disk, {ELSEWHERE}.")
    return Finding(name, "ok", f"{shown} can be written.")


def _ask_for_rights(folder: Path) -> str:
    """See that a folder can be made; it is not, since nothing is written before a start."""
    # A link that leads nowhere is in the way as a file is.
    place = next(place for place in folder.parents if os.path.lexists(place))
    if os.path.lexists(folder) or not place.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return ""


def _what_lacks(place: Path) -> str:
    """What this folder's file system cannot do, found out by doing it; empty if nothing."""
    trial = place / f".doctor-{os.urandom(4).hex()}"
    descriptor = os.open(trial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    other = os.open(trial, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.write(descriptor, b"trial")
        os.fsync(descriptor)
        return "" if _locks_lock(descriptor, other) else "locks"
    finally:
        os.close(descriptor)
        os.close(other)
        trial.unlink()


def _locks_lock(first: int, second: int) -> bool:
    with suppress(OSError):
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above that is there."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def _largest_unit(home: Path) -> int:
    """Bytes of the largest save in the home."""
    units = (home / "checkpoints").glob("*/units/[0-9]*")
    return max(map(_size, units), default=0)


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with suppress(OSError):  # a save being replaced at this moment
            total += file.stat().st_size
    return total
