"""The finished part of a conversion, kept beside its target until the set is whole.

One conversion at a time owns the folder, by a lock that the kernel frees whatever happens. A
shard's name says what it was made of, so a conversion that comes later uses those that fit.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drivetrain import data, sim
from drivetrain.data import integrity
from drivetrain.data.convert_file import Job
from drivetrain.data.shards import SUFFIX
from drivetrain.drafts import LOCK, remove
from drivetrain.errors import ConflictError

MAP_FILES = ("**/*.gpkg",)
LOG_FILES = ("*.feather", "map/*.json")
"""What is read of a folder: of the maps', and of a log's, whose sensor files are many."""


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


@dataclass(frozen=True, slots=True)
class Parts:
    """The files of a conversion: where the shard of each is, and how many bytes it has."""

    shards: dict[Path, Path]
    sizes: dict[Path, int]


def parts_of(folder: Path, job: Job, version: int, files: Sequence[Path]) -> Parts:
    """Where the shards of source files lie: the same for the same input, and for no other.

    version: the converter's.  A source file counts as the same by path, size and time.
    """
    maps = job.options.maps
    common = [
        integrity.VERSION,
        version,
        _digest_of_program(),
        job.as_json(),
        None if maps is None else _stamp(maps, MAP_FILES),
    ]
    shards, sizes = {}, {}
    for file in files:
        stamp = _stamp(file, LOG_FILES)
        made_of = json.dumps([*common, str(file.absolute()), stamp])
        name = hashlib.sha256(made_of.encode()).hexdigest()[:40] + SUFFIX
        shards[file] = folder / name
        sizes[file] = sum(size for _, size, _ in stamp)
    return Parts(shards, sizes)


def clear(folder: Path) -> None:
    """Take all shards away: those of the set that is whole now, and those of other options."""
    for path in folder.glob(f"*{SUFFIX}"):
        remove(path)


def _stamp(path: Path, patterns: Sequence[str]) -> list[tuple[str, int, int]]:
    """Name, size and time of change of a file, or of those of a folder that are read."""
    stamps = []
    is_folder = path.is_dir()
    found = sorted({file for pattern in patterns for file in path.glob(pattern)})
    for file in found if is_folder else [path]:
        try:
            facts = file.stat()
        except OSError:
            continue
        name = str(file.relative_to(path)) if is_folder else ""
        stamps.append((name, facts.st_size, facts.st_mtime_ns))
    return stamps


def _digest_of_program() -> str:
    """A digest of the code that makes shards, as converters count only their own changes."""
    digest = hashlib.sha256()
    for package in (data, sim):
        for place in package.__path__:
            for source in sorted(Path(place).rglob("*.py")):
                digest.update(source.read_bytes())
    return digest.hexdigest()


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
