"""The files of a scenario set: one growing array per column."""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import integrity
from drivetrain.data.integrity import FileFacts
from drivetrain.sim.scenario import COLUMNS, Column

UNITS = {
    **dict.fromkeys(["steps", "start_step"], "steps of 0.1 s"),
    **dict.fromkeys(["expert_m", "entry_m", "length", "width", "x", "y", "half_width"], "m"),
    **dict.fromkeys(["path_x", "path_y", "grid_x", "grid_y"], "m"),
    **dict.fromkeys(["edge_x0", "edge_y0", "edge_x1", "edge_y1"], "m"),
    **dict.fromkeys(["border_x0", "border_y0", "border_x1", "border_y1"], "m"),
    **dict.fromkeys(["base_x", "base_y", "base_m", "stop_m"], "m"),
    **dict.fromkeys(["desired_mps", "vx", "vy", "limit_mps", "pace_mps"], "m/s"),
    **dict.fromkeys(["lane_limit_mps"], "m/s"),
    **dict.fromkeys(["heading"], "rad"),
}


def file_name(column: str) -> str:
    """Where a column lies inside a set."""
    return f"{COLUMNS[column].table}/{column}.npy"


def let_go(column: NDArray[Any]) -> None:
    """Keep no page of a mapped column in memory until it is read again."""
    mapped = column.base
    if isinstance(mapped, np.memmap):
        pages: mmap.mmap = vars(mapped)["_mmap"]  # NumPy has no other way to them
        pages.madvise(mmap.MADV_DONTNEED)


@dataclass(slots=True)
class ColumnFile:
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
        """What kind of column it is."""
        return COLUMNS[self.column]

    def append(self, values: NDArray[Any], *, is_first: bool = True) -> None:
        """Adds values.  is_first: whether they begin a block.

        A block's offsets begin with a 0, which only the first block of all may keep.
        """
        leads = is_first and self.spec.kind == "start" and self.rows > 0
        fresh = values[1:] if leads else values
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
        """Lets go of the file, finished or not."""
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


def rebased(column: str, values: NDArray[Any], before: Mapping[str, int]) -> NDArray[Any]:
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
