"""Scenario sets: folders of flat columns, written once and read by memory map.

```
manifest.json     format, version, units, counts, split rule, licences, rejects, hashes
scenarios.npy     the catalogue: one structured row per scenario
agents/length.npy, frames/x.npy, …   one file per column of COLUMNS, in a folder per table
```
Made for 100,000 scenarios: the writer holds one block of them at a time, and a reader touches
only the pages that a kernel asks for.
"""

import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import integrity, split
from drivetrain.data.catalogue import (
    FIELDS,
    Damage,
    Origin,
    Row,
    catalogue_of,
    facts_of_catalogue,
    manifest_of,
    row_of,
)
from drivetrain.data.column_bounds import fault_of
from drivetrain.data.column_files import ColumnFile, file_name, let_go, rebased
from drivetrain.data.integrity import CATALOGUE, MANIFEST, FileFacts, Manifest
from drivetrain.errors import ConflictError, DataError
from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import COLUMNS, Column, Scenario, ScenarioArrays, as_arrays
from drivetrain.text import plain, typed

IN_MEMORY = Origin("memory", 1)

BLOCK = 64
"""Scenarios packed at once. Fixed, so that how scenarios arrive does not change the bytes."""
PIECE = 1 << 20
"""Rows of a column that are copied at once."""


@dataclass(frozen=True, slots=True)
class ScenarioSet:
    """Scenarios ready to be driven: flat columns, and a catalogue that names them.

    catalogue: [scenarios], structured: id, source, log, group, split, type, licence (text)
    and origin (two float64, the metres subtracted from the source's coordinates).
    """

    arrays: ScenarioArrays
    catalogue: NDArray[np.void]
    manifest: Manifest

    def __len__(self) -> int:
        return len(self.catalogue)

    def picks(self, name: split.Split) -> NDArray[np.int64]:
        """The rows of the scenarios in a split; empty if the set has too few groups."""
        return np.flatnonzero(self.catalogue["split"] == name).astype(np.int64)

    @property
    def licences(self) -> tuple[str, ...]:
        """Every licence present, in alphabetical order."""
        return tuple(sorted(self.manifest.licences))

    @classmethod
    def from_scenarios(
        cls,
        scenarios: Sequence[Scenario],
        *,
        origin: Origin = IN_MEMORY,
        splits: Mapping[str, split.Split] | None = None,
    ) -> Self:
        """A set that lives in memory only.

        splits: the split of every group, where its maker decides; else `split.assign`.
        """
        arrays = pack(scenarios)
        catalogue, rule = catalogue_of([row_of(scenario) for scenario in scenarios], splits)
        tables: dict[str, int] = {
            spec.table: len(getattr(arrays, name)) - (spec.kind == "start")
            for name, spec in COLUMNS.items()
        }
        return cls(arrays, catalogue, manifest_of(origin, catalogue, rule, tables, {}))


def load(folder: Path) -> ScenarioSet:
    """The set in a folder, memory-mapped and read-only.

    Raises: NotFoundError or DataError where it is missing, damaged or of another version.
    """
    integrity.check(folder, every_value=True)
    manifest = integrity.read_manifest(folder)
    columns: dict[str, NDArray[Any]] = {}
    for name, spec in COLUMNS.items():
        facts = manifest.files.get(file_name(name))
        if facts is None or not _is_of(spec, facts):
            raise DataError(
                f"The scenario set {integrity.called(folder)} lacks the column "
                f"`{file_name(name)}` ({spec.dtype}), as sets of older programs do. "
                f"{integrity.MAKE_AGAIN}"
            )
        columns[name] = integrity.read_column(folder, file_name(name))
    catalogue = integrity.read_column(folder, CATALOGUE)
    if catalogue.dtype.names != FIELDS or len(catalogue) != len(columns["steps"]):
        raise DataError(
            f"The catalogue of the scenario set {integrity.called(folder)} does not fit its "
            f"columns. {integrity.MAKE_AGAIN}"
        )
    arrays = as_arrays(columns)
    fault = fault_of(arrays, manifest.tables)
    if fault is not None:
        raise DataError(
            f"The scenario set {integrity.called(folder)} is damaged: {fault}. "
            f"{integrity.MAKE_AGAIN}"
        )
    for column in columns.values():
        # What the checks read is more than the worlds in use will.
        let_go(column)
    return ScenarioSet(arrays, catalogue, manifest)


def _is_of(spec: Column, facts: FileFacts) -> bool:
    """Whether a file was checked as what it is: its manifest could say anything."""
    told = (facts.table, facts.dtype, facts.kind, facts.target)
    return told == (spec.table, spec.dtype, spec.kind, spec.target)


class NothingLeftError(DataError):
    """No scenario is left to write."""


class ScenarioSetWriter:
    """Writes a set scenario by scenario; the folder appears whole at the end, or not at all.

    with ScenarioSetWriter(folder, Origin("commonroad", 1)) as writer:
        writer.add(scenarios)
        writer.reject("initial_overlap")
    """

    def __init__(
        self,
        folder: Path,
        origin: Origin,
        *,
        splits: Mapping[str, split.Split] | None = None,
        draft_in: Path | None = None,
    ) -> None:
        """A writer for `folder`, which must not exist yet.

        draft_in: a folder of the same file system for the unfinished set; else its parent.
        Raises: ConflictError where it does.
        """
        require_free(folder)
        self._draft_in = draft_in or folder.parent
        self.damage = Damage()
        self._folder = folder
        self._origin = origin
        self._splits = splits
        self._waiting: list[Scenario] = []
        self._rows: list[Row] = []
        self._tables: dict[str, int] = dict.fromkeys(
            (spec.table for spec in COLUMNS.values()), 0
        )

    def __enter__(self) -> Self:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that the last rename stays on one file system.
        self._draft = Path(
            tempfile.mkdtemp(prefix=f".{self._folder.name}.", dir=self._draft_in)
        )
        try:
            self._files = {name: ColumnFile(self._draft, name) for name in COLUMNS}
        except BaseException:
            # Without an entry there is no exit: a full disk leaves nothing behind.
            shutil.rmtree(self._draft, ignore_errors=True)
            raise
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

    def add(self, scenarios: Iterable[Scenario]) -> None:
        """Appends scenarios; at most `BLOCK` of them wait in memory."""
        for scenario in scenarios:
            self._waiting.append(scenario)
            self._rows.append(row_of(scenario))
            if len(self._waiting) == BLOCK:
                self._write_block()

    def reject(self, reason: str, count: int = 1) -> None:
        """Counts scenarios that were left out."""
        self.damage.rejects[reason] += count

    def append(self, columns: Mapping[str, NDArray[Any]], rows: Sequence[Row]) -> None:
        """Appends scenarios that are packed already: a whole set's columns, or a block's."""
        if self._waiting:
            self._write_block()
        self._rows.extend(rows)
        before = dict(self._tables)
        for name, spec in COLUMNS.items():
            column = columns[name]
            for at in range(0, max(len(column), 1), PIECE):
                # The first piece of offsets begins with the 0 that a later one lacks.
                piece = column[at : at + PIECE]
                self._files[name].append(rebased(name, piece, before), is_first=at == 0)
            self._tables[spec.table] = before[spec.table] + len(column) - (spec.kind == "start")

    def _write_block(self) -> None:
        block, self._waiting = pack(self._waiting)._asdict(), []
        self.append(block, [])

    def _finish(self) -> None:
        if self._waiting:
            self._write_block()
        if not self._rows:
            raise NothingLeftError(_nothing_left(self.damage))
        files = {file_name(name): file.finish() for name, file in self._files.items()}
        catalogue, rule = catalogue_of(self._rows, self._splits)
        np.save(self._draft / CATALOGUE, catalogue)
        files[CATALOGUE] = facts_of_catalogue(self._draft / CATALOGUE, len(catalogue))
        manifest = manifest_of(self._origin, catalogue, rule, self._tables, files, self.damage)
        (self._draft / MANIFEST).write_text(manifest.as_json(), encoding="utf-8")
        require_free(self._folder)
        self._draft.chmod(0o755)  # mkdtemp's folders are their owner's alone
        self._draft.rename(self._folder)


def require_free(folder: Path) -> None:
    """Passes where a set may be written.

    Raises: ConflictError where something is in its place.
    """
    if folder.exists():
        raise ConflictError(
            f"{integrity.called(folder)} exists already, and a scenario set is never "
            f"overwritten; name another folder: `--out {typed(f'{folder}_v2')}`."
        )


def _nothing_left(damage: Damage) -> str:
    rejects = sorted(damage.rejects.items())
    why = plain(", ".join(f"{reason} {count}" for reason, count in rejects))
    return (
        f"No scenario is left to write (rejected: {why or 'none found'}); a scenario needs a "
        f"moving car that is seen all the time. Try another source: "
        f"`/train data convert FORMAT SOURCE --out DIR`."
    )
