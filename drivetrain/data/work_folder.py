"""The finished part of a conversion, kept beside its target until the set is whole.

One conversion at a time owns the folder, by a lock that the kernel frees whatever happens. A
shard's name says what it was made of, so a conversion that comes later uses those that fit.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivetrain.data import integrity
from drivetrain.data.convert_file import Job
from drivetrain.data.shards import SUFFIX
from drivetrain.drafts import LOCK, remove
from drivetrain.errors import ConflictError


def work_folder_of(out: Path) -> Path:
    """Where the conversion to `out` keeps what is finished."""
    return out.parent / f".{out.name}.converting"


@contextmanager
def owned(out: Path) -> Iterator[Path]:
    """The work folder of `out`, for us alone; removed at the end unless shards are in it.

    Raises: ConflictError where another conversion to `out` is under way.
    """
    folder = work_folder_of(out)
    descriptor = _lock(folder, out)
    try:
        for path in folder.iterdir():
            # A killed conversion left half a shard, or half a set.
            if path.suffix != SUFFIX and path.name != LOCK:
                remove(path)
        yield folder
    finally:
        if not any(path.suffix == SUFFIX for path in folder.iterdir()):
            remove(folder)
        os.close(descriptor)


def shard_name(job: Job, version: int, file: Path) -> str:
    """What the shard of a file is called: the same for the same input, and for no other.

    version: the converter's.  A source file counts as the same by path, size and time.
    """
    maps = job.options.maps
    made_of = [
        integrity.VERSION,
        version,
        job.as_json(),
        None if maps is None else _stamp(maps),
        str(file.absolute()),
        _stamp(file),
    ]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:40] + SUFFIX


def clear(folder: Path) -> None:
    """Take all shards away: those of the set that is whole now, and those of other options."""
    for path in folder.glob(f"*{SUFFIX}"):
        remove(path)


def size_of(file: Path) -> int:
    """The bytes of a source file, or of a folder of them; 0 for one that is gone."""
    return sum(size for _, size, _ in _stamp(file))


def _stamp(path: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of change of a file, or of every file below a folder."""
    stamps = []
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        try:
            facts = file.stat()
        except OSError:
            continue
        if not file.is_dir():
            name = "" if file == path else str(file.relative_to(path))
            stamps.append((name, facts.st_size, facts.st_mtime_ns))
    return stamps


def _lock(folder: Path, out: Path) -> int:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            continue  # whoever was here before took the folder away just now
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same(folder / LOCK, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise ConflictError(
                f"Another conversion to {integrity.called(out)} is under way; wait for it, or "
                f"name another folder: `--out DIR`."
            ) from None
        os.close(descriptor)


def _is_same(path: Path, descriptor: int) -> bool:
    """Whether the file at `path` is still the one that was opened."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
