"""The files of demonstrations: checked and opened, or written, whole or absent."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import integrity
from drivetrain.data.demonstrations import (
    ACTIONS,
    EPISODES,
    FIELDS,
    FILES,
    MANIFEST,
    NUMBERS,
    OBSERVATIONS,
    DemonstrationManifest,
    Demonstrations,
    FileNote,
    Floats,
    damaged,
    read_demonstration_manifest,
)
from drivetrain.data.split import SPLITS
from drivetrain.errors import ConflictError, DataError
from drivetrain.text import plain, typed

PIECE = 1 << 16
"""Rows that are checked at once: demonstrations may be larger than the memory."""
MOST_SEEN = 1.0 + 1e-6
"""Observations and actions are in [-1, 1]."""


def load_demonstrations(folder: Path, *, every_value: bool = True) -> Demonstrations:
    """The demonstrations in a folder, memory-mapped and checked.

    every_value: look at the values of large ones too.
    Raises: NotFoundError or DataError with one sentence on the first thing that is wrong.
    """
    manifest = read_demonstration_manifest(folder)
    for name in FILES:
        _check_file(folder, name, manifest.files[name])
    columns = {name: integrity.read_column(folder, name) for name in FILES}
    demonstrations = Demonstrations(
        columns[OBSERVATIONS], columns[ACTIONS], columns[EPISODES], manifest
    )
    _check_shapes(folder, demonstrations)
    size = sum(note.size for note in manifest.files.values())
    if every_value or size <= integrity.FULL_CHECK_BYTES:
        _check_values(folder, "observation", demonstrations.observations)
        _check_values(folder, "action", demonstrations.actions)
    return demonstrations


def _check_file(folder: Path, name: str, note: FileNote) -> None:
    path = folder / name
    if not path.is_file():
        raise damaged(folder, f"`{name}` is missing")
    size = path.stat().st_size
    if size != note.size:
        how = "truncated" if size < note.size else "longer than written"
        raise damaged(folder, f"`{name}` is {how}: {size:,} bytes, not {note.size:,}")
    if size <= integrity.FULL_CHECK_BYTES and integrity.sha256_of(path) != note.sha256:
        raise damaged(folder, f"`{name}` is not what was written (its hash differs)")


def _check_shapes(folder: Path, demonstrations: Demonstrations) -> None:
    manifest, episodes = demonstrations.manifest, demonstrations.episodes
    rows, count = manifest.transitions, manifest.episodes
    wanted = ((rows + count, manifest.observation_size), (rows, manifest.action_size))
    columns = (demonstrations.observations, demonstrations.actions)
    if any(
        column.shape != shape or column.dtype != np.float32
        for column, shape in zip(columns, wanted, strict=True)
    ):
        raise damaged(folder, "its columns are not of the shapes that its manifest tells")
    is_table = episodes.shape == (count,) and episodes.dtype.names == FIELDS
    ends = np.cumsum(episodes["rows"]) if is_table else np.zeros(1, np.int64)
    if not is_table or ends[-1:].tolist() != [rows]:
        raise damaged(folder, f"`{EPISODES}` does not fit its columns")
    if (episodes["first_row"] != ends - episodes["rows"]).any() or (episodes["rows"] < 1).any():
        raise damaged(folder, f"the rows in `{EPISODES}` do not follow each other")
    if not set(episodes["split"].tolist()) <= {"train", "val"}:
        raise damaged(folder, "it holds drives in scenarios that are neither train nor val")


def _check_values(folder: Path, what: str, column: Floats) -> None:
    for first in range(0, len(column), PIECE):
        part = column[first : first + PIECE]
        strange = ~(np.abs(part) <= MOST_SEEN)
        if strange.any():
            row, at = (int(place) for place in np.argwhere(strange)[0])
            value = float(part[row, at])
            raise damaged(
                folder,
                f"the {what} in row {first + row:,} holds {value:g}, and every number is "
                "from -1 to 1",
            )


@dataclass(frozen=True, slots=True)
class Drive:
    """One episode of a driver.

    observations: [rows + 1, size].  actions: [rows, columns].  facts: the rest, by FIELDS.
    """

    observations: Floats
    actions: Floats
    facts: dict[str, Any]


@dataclass(slots=True)
class DemonstrationWriter:
    """Writes drives as they come; the folder appears with the last one, or not at all.

    origin: the manifest without what only the drives can tell.
    """

    folder: Path
    origin: DemonstrationManifest
    left_out: Counter[str] = field(default_factory=Counter)
    _episodes: list[tuple[Any, ...]] = field(default_factory=list)
    _rows: int = 0
    _draft: Path = field(init=False)
    _files: dict[str, "_Growing"] = field(init=False)

    def __enter__(self) -> Self:
        require_free(self.folder)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._draft = Path(
            tempfile.mkdtemp(prefix=f".{self.folder.name}.", dir=self.folder.parent)
        )
        sizes = {
            OBSERVATIONS: self.origin.observation_size,
            ACTIONS: self.origin.action_size,
        }
        self._files = {name: _Growing(self._draft / name, size) for name, size in sizes.items()}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            for file in self._files.values():
                file.close()
            shutil.rmtree(self._draft, ignore_errors=True)

    def add(self, drive: Drive) -> None:
        """Append one episode."""
        self._files[OBSERVATIONS].append(drive.observations)
        self._files[ACTIONS].append(drive.actions)
        rows = len(drive.actions)
        facts = {**drive.facts, "first_row": self._rows, "rows": rows}
        self._episodes.append(tuple(facts[name] for name in FIELDS))
        self._rows += rows

    def _finish(self) -> None:
        if not self._episodes:
            raise DataError(_nothing_left(self.left_out))
        episodes = _table(self._episodes)
        np.save(self._draft / EPISODES, episodes)
        for file in self._files.values():
            file.finish()
        manifest = self._manifest(episodes)
        (self._draft / MANIFEST).write_text(manifest.as_json(), encoding="utf-8")
        require_free(self.folder)
        self._draft.chmod(0o755)  # mkdtemp's folders are their owner's alone
        self._draft.rename(self.folder)

    def _manifest(self, episodes: NDArray[np.void]) -> DemonstrationManifest:
        rows = {name: episodes["rows"][episodes["split"] == name] for name in SPLITS}
        lengths = {OBSERVATIONS: self._rows + len(episodes), ACTIONS: self._rows}
        lengths[EPISODES] = len(episodes)
        return replace(
            self.origin,
            episodes=len(episodes),
            transitions=self._rows,
            splits={name: int(counts.sum()) for name, counts in rows.items()},
            licences=dict(sorted(Counter(episodes["licence"].tolist()).items())),
            left_out=dict(sorted(self.left_out.items())),
            quality=_quality(episodes),
            files={name: _note(self._draft / name, lengths[name]) for name in FILES},
        )


class _Growing:
    """A .npy file of rows; its header is written again once their number is known."""

    def __init__(self, path: Path, columns: int) -> None:
        self._file: BinaryIO = path.open("w+b")
        self._columns, self._rows = columns, 0
        self._write_header()

    def append(self, values: Floats) -> None:
        self._file.write(np.ascontiguousarray(values, np.float32).tobytes())
        self._rows += len(values)

    def finish(self) -> None:
        self._write_header()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def close(self) -> None:
        self._file.close()

    def _write_header(self) -> None:
        # NumPy leaves room for a first axis that grows.
        self._file.seek(0)
        shape = (self._rows, self._columns)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)


def require_free(folder: Path) -> None:
    """Passes where demonstrations may be written.

    Raises: ConflictError where something is in their place.
    """
    if folder.exists():
        raise ConflictError(
            f"{integrity.called(folder)} exists already, and demonstrations are never "
            f"overwritten; name another folder: `--out {typed(f'{folder}_v2')}`."
        )


def _table(rows: Sequence[tuple[Any, ...]]) -> NDArray[np.void]:
    kinds: list[tuple[str, str]] = []
    for at, name in enumerate(FIELDS):
        if isinstance(rows[0][at], str):
            kinds.append((name, f"U{max(1, *(len(row[at]) for row in rows))}"))
        else:
            flags, whole = ("success", "terminated"), ("first_row", "rows")
            kinds.append((name, "?" if name in flags else "i8" if name in whole else "f8"))
    return np.array(list(rows), kinds)


def _quality(episodes: NDArray[np.void]) -> dict[str, float]:
    """Means over the episodes, where any of them tells; errors also at their worst."""
    told: dict[str, float] = {"success": float(episodes["success"].mean())}
    for name in NUMBERS:
        known = episodes[name][np.isfinite(episodes[name])]
        if len(known):
            told[name] = float(known.mean())
    errors = episodes["replay_error_m"][np.isfinite(episodes["replay_error_m"])]
    if len(errors):
        told["worst_replay_error_m"] = float(errors.max())
    told["clipped"] = float(episodes["clipped"].sum() / episodes["rows"].sum())
    return told


def _note(path: Path, rows: int) -> FileNote:
    return FileNote(rows, path.stat().st_size, integrity.sha256_of(path))


def _nothing_left(left_out: Counter[str]) -> str:
    why = plain(", ".join(f"{reason} {count}" for reason, count in sorted(left_out.items())))
    return (
        f"No drive is fit to learn from (left out: {why or 'none was made'}). Try another "
        "driver: `/train data demos --driver pdm --out DIR`."
    )
