"""Whether the columns of a set fit each other, so that no kernel reads beyond their ends.

Kernels look nothing up twice, and a set may come from anybody: its hashes show that it is what
its maker wrote, not that its maker was sane. Offsets and the range of indices are checked by
`integrity.py`, file by file; here is what takes more than one file, or the meaning of a column.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivetrain.data.column_files import file_name
from drivetrain.sim.scenario import COLUMNS, ScenarioArrays

Rows = NDArray[np.int64]

LEAST_POINTS = 2
"""Of a path and of a lane's baseline: between two lies the piece that kernels measure along."""


def fault_of(arrays: ScenarioArrays, tables: Mapping[str, int]) -> str | None:
    """The first thing that does not fit, as half a sentence; None for a sound set.

    tables: rows per table, as the manifest has them.
    """
    for name in COLUMNS:
        fault = _fault_of_column(name, getattr(arrays, name), tables)
        if fault is not None:
            return fault
    return next((what for what, holds in _RULES.items() if not holds(arrays)), None)


def _fault_of_column(name: str, column: NDArray[Any], tables: Mapping[str, int]) -> str | None:
    spec, called = COLUMNS[name], f"`{file_name(name)}`"
    rows = tables.get(spec.table, -1)
    if len(column) != rows + (spec.kind == "start"):
        return f"{called} is not as long as its table of {rows} rows"
    if not len(column):
        return None
    if spec.kind == "index" and not spec.may_be_none and column.min() < 0:
        return f"{called} points nowhere"
    if spec.below is not None and column.max() >= spec.below:
        return f"{called} holds codes that mean nothing"
    return None


def _counts(first: Rows) -> Rows:
    """How many rows each owner has, from its offsets."""
    return first[1:] - first[:-1]


def _has_steps(arrays: ScenarioArrays) -> bool:
    return bool((arrays.steps >= 1).all() and (arrays.lights >= 0).all())


def _has_signals(arrays: ScenarioArrays) -> bool:
    expected = arrays.lights[arrays.road].astype(np.int64) * arrays.steps
    return bool((_counts(arrays.first_signal) == expected).all())


def _has_experts(arrays: ScenarioArrays) -> bool:
    experts, blocks = _counts(arrays.first_expert), _counts(arrays.first_block)
    is_whole = experts == arrays.steps
    return bool((is_whole | ((experts == 0) & (blocks == 0))).all())


def _has_egos(arrays: ScenarioArrays) -> bool:
    """Each ego is an agent of its own scenario, and seen at its first step."""
    ego = arrays.ego
    is_own = (ego >= arrays.first_agent[:-1]) & (ego < arrays.first_agent[1:])
    first = arrays.first_frame[ego]
    is_seen = (arrays.start_step[ego] == 0) & (first < arrays.first_frame[ego + 1])
    return bool((is_own & is_seen).all()) and bool(arrays.valid[first].all())


def _has_frames(arrays: ScenarioArrays) -> bool:
    """Nobody is seen before the log begins or after it is over."""
    begin = arrays.start_step.astype(np.int64)
    steps = np.repeat(arrays.steps, _counts(arrays.first_agent))
    return bool(((begin >= 0) & (begin + _counts(arrays.first_frame) <= steps)).all())


def _has_lines(arrays: ScenarioArrays) -> bool:
    points = (arrays.first_point, arrays.first_base)
    return all(bool((_counts(first) >= LEAST_POINTS).all()) for first in points)


def _has_stops(arrays: ScenarioArrays) -> bool:
    """Everybody's path obeys only lights of the road that they are on."""
    most = np.full(len(arrays.first_point) - 1, -1, np.int64)
    path = np.repeat(np.arange(len(most)), _counts(arrays.first_stop))
    np.maximum.at(most, path, arrays.stop_light)
    lights = arrays.lights[arrays.road]
    on_path = arrays.agent_path >= 0
    theirs = np.repeat(lights, _counts(arrays.first_agent))[on_path]
    return bool(
        (arrays.stop_light >= 0).all()
        and (most[arrays.route] < lights).all()
        and (most[arrays.agent_path[on_path]] < theirs).all()
    )


def _has_cells(arrays: ScenarioArrays) -> bool:
    columns, rows = arrays.grid_columns.astype(np.int64), arrays.grid_rows.astype(np.int64)
    is_grid = (columns >= 0) & (rows >= 0) & (columns * rows == _counts(arrays.first_cell))
    return bool(is_grid.all())


_RULES: dict[str, Callable[[ScenarioArrays], bool]] = {
    "a scenario has no steps, or a road fewer than no lights": _has_steps,
    "the lights of a scenario do not show something at every step": _has_signals,
    "the expert of a scenario does not come along at every step": _has_experts,
    "the ego of a scenario is not in it from the start": _has_egos,
    "an agent is seen while nothing is recorded": _has_frames,
    "a path or a lane has fewer than two points": _has_lines,
    "a path obeys a light that its road does not have": _has_stops,
    "the cells of a road are no grid": _has_cells,
}
"""What must hold, by what is wrong where it does not; each takes those above for granted."""
