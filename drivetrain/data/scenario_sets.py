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
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import integrity, split
from drivetrain.data.integrity import CATALOGUE, MANIFEST, FileFacts, Manifest
from drivetrain.errors import ConflictError, DataError
from drivetrain.sim.config import STEP_S
from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import COLUMNS, Column, Scenario, ScenarioArrays, as_arrays

BLOCK = 64
"""Scenarios packed at once. Fixed, so that how scenarios arrive does not change the bytes."""

UNITS = {
    **dict.fromkeys(["steps", "start_step"], "steps of 0.1 s"),
    **dict.fromkeys(["expert_m", "length", "width", "x", "y", "half_width"], "m"),
    **dict.fromkeys(["path_x", "path_y", "grid_x", "grid_y"], "m"),
    **dict.fromkeys(["edge_x0", "edge_y0", "edge_x1", "edge_y1"], "m"),
    **dict.fromkeys(["desired_mps", "vx", "vy", "limit_mps"], "m/s"),
    **dict.fromkeys(["heading"], "rad"),
}

_TEXTS = ("id", "source", "log", "group", "split", "type", "licence")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a set comes from: the converter and its version."""

    converter: str
    version: int


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
        origin: Origin = Origin("memory", 1),
        splits: Mapping[str, split.Split] | None = None,
    ) -> Self:
        """A set that lives in memory only.

        splits: the split of every group, where its maker decides; else `split.assign`.
        """
        arrays = pack(scenarios)
        catalogue, rule = _catalogue([_row(scenario) for scenario in scenarios], splits)
        tables: dict[str, int] = {
            spec.table: len(getattr(arrays, name)) - (spec.kind == "start")
            for name, spec in COLUMNS.items()
        }
        return cls(arrays, catalogue, _manifest(origin, catalogue, rule, tables, {}))


def load(folder: Path) -> ScenarioSet:
    """The set in a folder, memory-mapped and read-only.

    Raises: NotFoundError or DataError where it is missing, damaged or of another version.
    """
    integrity.check(folder)
    manifest = integrity.read_manifest(folder)
    columns: dict[str, NDArray[Any]] = {}
    for name, spec in COLUMNS.items():
        facts = manifest.files.get(file_name(name))
        if facts is None or (facts.table, facts.dtype) != (spec.table, spec.dtype):
            raise DataError(
                f"The scenario set `{folder}` lacks the column `{file_name(name)}` "
                f"({spec.dtype}); convert it again with this program: "
                f"`/train data convert commonroad SOURCE --out DIR`."
            )
        columns[name] = integrity.read_column(folder, file_name(name))
    return ScenarioSet(as_arrays(columns), integrity.read_column(folder, CATALOGUE), manifest)


def file_name(column: str) -> str:
    """Where a column lies inside a set."""
    return f"{COLUMNS[column].table}/{column}.npy"


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
    ) -> None:
        """A writer for `folder`, which must not exist yet.

        Raises: ConflictError where it does.
        """
        _require_free(folder)
        self._folder = folder
        self._origin = origin
        self._splits = splits
        self._waiting: list[Scenario] = []
        self._rows: list[_Row] = []
        self._rejects: Counter[str] = Counter()
        self._tables: dict[str, int] = dict.fromkeys(
            (spec.table for spec in COLUMNS.values()), 0
        )

    def __enter__(self) -> Self:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that the last rename stays on one file system.
        self._draft = Path(
            tempfile.mkdtemp(prefix=f".{self._folder.name}.", dir=self._folder.parent)
        )
        self._files = {name: _ColumnFile(self._draft, name) for name in COLUMNS}
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
            self._rows.append(_row(scenario))
            if len(self._waiting) == BLOCK:
                self._write_block()

    def reject(self, reason: str, count: int = 1) -> None:
        """Counts scenarios that were left out."""
        self._rejects[reason] += count

    def _write_block(self) -> None:
        block = pack(self._waiting)._asdict()
        before = dict(self._tables)
        for name, spec in COLUMNS.items():
            self._files[name].append(_rebased(name, block[name], before))
            self._tables[spec.table] = (
                before[spec.table] + len(block[name]) - (spec.kind == "start")
            )
        self._waiting.clear()

    def _finish(self) -> None:
        if self._waiting:
            self._write_block()
        if not self._rows:
            raise DataError(_nothing_left(self._rejects))
        files = {file_name(name): file.finish() for name, file in self._files.items()}
        catalogue, rule = _catalogue(self._rows, self._splits)
        np.save(self._draft / CATALOGUE, catalogue)
        files[CATALOGUE] = _facts_of_catalogue(self._draft / CATALOGUE, len(catalogue))
        manifest = _manifest(self._origin, catalogue, rule, self._tables, files, self._rejects)
        (self._draft / MANIFEST).write_text(manifest.as_json(), encoding="utf-8")
        _require_free(self._folder)
        self._draft.chmod(0o755)  # mkdtemp's folders are their owner's alone
        self._draft.rename(self._folder)


@dataclass(slots=True)
class _ColumnFile:
    """One growing .npy file: the header is patched once its length is known."""

    folder: Path
    column: str
    rows: int = 0
    _file: BinaryIO = field(init=False)

    def __post_init__(self) -> None:
        path = self.folder / file_name(self.column)
        path.parent.mkdir(exist_ok=True)
        self._file = path.open("w+b")
        self._write_header()

    @property
    def spec(self) -> Column:
        return COLUMNS[self.column]

    def append(self, values: NDArray[Any]) -> None:
        """Adds values; of offsets, all but the first block's leading 0 continue the last."""
        fresh = values[1:] if self.spec.kind == "start" and self.rows else values
        self._file.write(np.ascontiguousarray(fresh, self.spec.dtype).tobytes())
        self.rows += len(fresh)

    def finish(self) -> FileFacts:
        """Closes the file with its final length, and says what it holds."""
        self._write_header()
        self._file.close()
        path = self.folder / file_name(self.column)
        return FileFacts(
            table=self.spec.table,
            dtype=self.spec.dtype,
            kind=self.spec.kind,
            target=self.spec.target,
            unit=UNITS.get(self.column, ""),
            rows=self.rows,
            size=path.stat().st_size,
            sha256=integrity.sha256_of(path),
        )

    def close(self) -> None:
        self._file.close()

    def _write_header(self) -> None:
        # numpy pads the header for a growing first axis, so any length takes the same bytes.
        self._file.seek(0)
        np.lib.format.write_array_header_1_0(
            self._file,
            {
                "descr": np.lib.format.dtype_to_descr(np.dtype(self.spec.dtype)),
                "fortran_order": False,
                "shape": (self.rows,),
            },
        )


_Row = tuple[tuple[str, ...], tuple[float, float]]
"""A scenario's texts, split left empty, and its origin."""


def _row(scenario: Scenario) -> _Row:
    texts = (
        scenario.id,
        scenario.source,
        scenario.log,
        scenario.group,
        "",
        scenario.type,
        scenario.licence,
    )
    return texts, scenario.origin_m


def _catalogue(
    rows: Sequence[_Row], splits: Mapping[str, split.Split] | None
) -> tuple[NDArray[np.void], str]:
    """[scenarios] structured rows, and the rule that split them."""
    groups = [texts[_TEXTS.index("group")] for texts, _ in rows]
    chosen, rule = split.assign(groups) if splits is None else (dict(splits), split.GIVEN_RULE)
    filled = [
        (*texts[:4], chosen[group], *texts[5:], origin)
        for (texts, origin), group in zip(rows, groups, strict=True)
    ]
    widths = [
        max((len(row[at]) for row in filled), default=1) or 1 for at in range(len(_TEXTS))
    ]
    types = [(name, f"U{width}") for name, width in zip(_TEXTS, widths, strict=True)]
    catalogue = np.array(filled, dtype=[*types, ("origin", "f8", (2,))])
    catalogue.setflags(write=False)
    return catalogue, rule


def _facts_of_catalogue(path: Path, rows: int) -> FileFacts:
    return FileFacts(
        table="scenarios",
        dtype="structured",
        kind="value",
        target=None,
        unit="",
        rows=rows,
        size=path.stat().st_size,
        sha256=integrity.sha256_of(path),
    )


def _manifest(
    origin: Origin,
    catalogue: NDArray[np.void],
    rule: str,
    tables: Mapping[str, int],
    files: dict[str, FileFacts],
    rejects: Mapping[str, int] | None = None,
) -> Manifest:
    return Manifest(
        converter=origin.converter,
        converter_version=origin.version,
        step_s=STEP_S,
        scenarios=len(catalogue),
        splits={name: int((catalogue["split"] == name).sum()) for name in split.SPLITS},
        types=_counts(catalogue["type"]),
        licences=_counts(catalogue["licence"]),
        rejects=dict(sorted((rejects or {}).items())),
        split_rule=rule,
        tables=dict(tables),
        files=files,
    )


def _counts(names: NDArray[Any]) -> dict[str, int]:
    return dict(sorted(Counter(names.tolist()).items()))


def _rebased(column: str, values: NDArray[Any], before: Mapping[str, int]) -> NDArray[Any]:
    """A block's offsets and indices, moved behind the rows that were written before it.

    Raises: OverflowError where the set grew too large for the column's type.
    """
    spec = COLUMNS[column]
    if spec.target is None:
        return values
    shift = before[spec.target]
    moved = values.astype(np.int64)
    moved[moved >= 0] += shift
    if len(moved) and moved.max() > np.iinfo(spec.dtype).max:
        raise OverflowError(f"`{column}` is {spec.dtype}, too small for {moved.max()} rows")
    return moved


def _require_free(folder: Path) -> None:
    if folder.exists():
        raise ConflictError(
            f"`{folder}` exists already, and a scenario set is never overwritten; "
            f"name another folder: `--out {folder}_v2`."
        )


def _nothing_left(rejects: Mapping[str, int]) -> str:
    why = ", ".join(f"{reason} {count}" for reason, count in sorted(rejects.items()))
    return (
        f"No scenario is left to write (rejected: {why or 'none found'}); a scenario needs a "
        f"moving car that is seen all the time. Try another source: "
        f"`/train data convert commonroad SOURCE --out DIR`."
    )
