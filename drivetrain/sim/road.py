"""Paths as evenly spaced points: a point at an arc length, and the arc length of a point.

`start` and `points` name a path's rows among all points. `along_m` is the arc length from its
first point, `offset_m` the distance to its left.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import compiled
from drivetrain.sim.lane_map import Ground
from drivetrain.sim.scenario import CELL_M, PATH_SPACING_M, ScenarioArrays

Column = NDArray[np.float32]

WINDOW_BEHIND_M = 5.0
WINDOW_AHEAD_M = 10.0
"""How far a projection may move within one step: a crossing branch of a route lies farther
away, and 10 m in 0.1 s is faster than anything on a road."""

ROUTE_END_M = 1.0
"""A route counts as driven this close to its end, where its last piece may have been cut."""

LONGEST_PIECE_M = 1.001 * PATH_SPACING_M
"""Between neighbouring points, rounded as they are stored."""

NEWTON_STEPS = 3
NEWTON_ENOUGH_M = 1.0
"""A step this short ends the search: what is left is far below any gap that matters."""


class Paths(NamedTuple):
    """The columns of all paths' points: few, because each is passed to every small function."""

    x: Column
    y: Column
    cos: Column
    sin: Column
    half_width: Column
    limit: Column
    pace: Column


@compiled
def paths_of(arrays: ScenarioArrays) -> Paths:
    """The paths of a set of scenarios."""
    return Paths(
        arrays.path_x,
        arrays.path_y,
        arrays.path_cos,
        arrays.path_sin,
        arrays.half_width,
        arrays.limit_mps,
        arrays.pace_mps,
    )


@compiled
def row_at(start: int, points: int, along_m: float) -> int:
    """The row of the last point at or before an arc length, held at both ends."""
    return start + min(max(int(along_m / PATH_SPACING_M), 0), points - 1)


@compiled
def point_at(
    paths: Paths, start: int, points: int, along_m: float
) -> tuple[float, float, float, float]:
    """x, y, cos and sin of the path's direction at an arc length, held at both ends."""
    place = min(max(along_m / PATH_SPACING_M, 0.0), points - 1.0)
    k = min(int(place), points - 2)
    part = place - k
    k += start
    x = paths.x[k] + part * (paths.x[k + 1] - paths.x[k])
    y = paths.y[k] + part * (paths.y[k + 1] - paths.y[k])
    cos = paths.cos[k] + part * (paths.cos[k + 1] - paths.cos[k])
    sin = paths.sin[k] + part * (paths.sin[k + 1] - paths.sin[k])
    norm = 1.0 / math.sqrt(cos * cos + sin * sin)
    return x, y, cos * norm, sin * norm


@compiled
def _nearest_in(paths: Paths, first: int, last: int, x: float, y: float) -> tuple[float, float]:
    """Nearest place on the pieces first..last-1: (points from row 0, squared distance)."""
    best_place, best = float(first), math.inf
    for k in range(first, last):
        ux = np.float64(paths.x[k + 1]) - paths.x[k]
        uy = np.float64(paths.y[k + 1]) - paths.y[k]
        dx, dy = x - paths.x[k], y - paths.y[k]
        part = min(max((dx * ux + dy * uy) / (ux * ux + uy * uy), 0.0), 1.0)
        dx, dy = dx - part * ux, dy - part * uy
        distance = dx * dx + dy * dy
        if distance < best:
            best_place, best = k + part, distance
    return best_place, best


@compiled
def offset_at(
    paths: Paths, start: int, points: int, along_m: float, where: tuple[float, float]
) -> float:
    """How far a point lies left of the path's tangent at an arc length."""
    x, y, cos, sin = point_at(paths, start, points, along_m)
    return cos * (where[1] - y) - sin * (where[0] - x)


@compiled
def project_near(
    paths: Paths, start: int, points: int, along_m: float, where: tuple[float, float]
) -> tuple[float, float]:
    """(along_m, offset_m) of a point, not far from where it was one step ago.

    The window is what keeps progress from jumping to a branch that crosses the path.
    """
    first = max(int((along_m - WINDOW_BEHIND_M) / PATH_SPACING_M), 0)
    last = min(int((along_m + WINDOW_AHEAD_M) / PATH_SPACING_M), points - 1)
    first = min(first, points - 2)
    last = max(last, first + 1)
    place, _ = _nearest_in(paths, start + first, start + last, where[0], where[1])
    along = (place - start) * PATH_SPACING_M
    return along, offset_at(paths, start, points, along, where)


@compiled
def project_anywhere(
    paths: Paths,
    start: int,
    points: int,
    where: tuple[float, float],
    facing: tuple[float, float],
) -> tuple[float, float]:
    """(along_m, offset_m) of a point on the whole path, where the path goes its way.

    facing: (cos, sin) of the heading. Pieces against it count only where no piece goes with it:
    a loop passes the same place twice.
    """
    return project_hinted(paths, start, points, where, facing, 0.0)


@compiled
def project_hinted(
    paths: Paths,
    start: int,
    points: int,
    where: tuple[float, float],
    facing: tuple[float, float],
    hint_m: float,
) -> tuple[float, float]:
    """As `project_anywhere`, and the sooner the nearer the point is to the hint."""
    k = min(row_at(start, points, hint_m), start + points - 2)
    place, best = float(start), math.inf
    if facing[0] * paths.cos[k] + facing[1] * paths.sin[k] > 0.0:
        place, best = _nearest_in(paths, k, k + 1, where[0], where[1])
    k = start
    while k < start + points - 1:
        if best < math.inf:
            # No piece is longer than the spacing: as many as cannot be nearer are passed over.
            dx, dy = where[0] - paths.x[k], where[1] - paths.y[k]
            spare = math.sqrt(dx * dx + dy * dy) - math.sqrt(best)
            if spare >= LONGEST_PIECE_M:
                k += int(spare / LONGEST_PIECE_M)
                continue
        agrees = facing[0] * paths.cos[k] + facing[1] * paths.sin[k] > 0.0
        found, distance = _nearest_in(paths, k, k + 1, where[0], where[1])
        if agrees and distance < best:
            place, best = found, distance
        k += 1
    if best == math.inf:
        place, best = _nearest_in(paths, start, start + points - 1, where[0], where[1])
    along = (place - start) * PATH_SPACING_M
    return along, offset_at(paths, start, points, along, where)


@compiled
def project_from(
    paths: Paths, start: int, points: int, guess_m: float, where: tuple[float, float]
) -> tuple[float, float, bool]:
    """(along_m, offset_m, found) of a point by a few Newton steps from a guess.

    Cheap and good near the path; far from it `found` may be False. Past its end a path goes
    straight on.
    """
    last = points - 1
    k, ahead = 0, guess_m / PATH_SPACING_M
    aside, residual = 0.0, 0.0
    for _ in range(NEWTON_STEPS):
        k = min(max(int(ahead), 0), last)
        at = start + k
        dx, dy = where[0] - paths.x[at], where[1] - paths.y[at]
        residual = (dx * paths.cos[at] + dy * paths.sin[at]) / PATH_SPACING_M
        aside = dy * paths.cos[at] - dx * paths.sin[at]
        ahead = k + residual
        if abs(residual) <= NEWTON_ENOUGH_M:
            break
    found = abs(residual) <= 2.0 or (k == last and residual > 0.0)
    return ahead * PATH_SPACING_M, aside, found


@compiled
def cell_of(roads: ScenarioArrays | Ground, road: int, x: float, y: float) -> int:
    """The grid cell around a point, or -1 where no edge is near."""
    column: int = math.floor((x - roads.grid_x[road]) / CELL_M)
    row: int = math.floor((y - roads.grid_y[road]) / CELL_M)
    columns, rows = int(roads.grid_columns[road]), int(roads.grid_rows[road])
    if column < 0 or row < 0 or column >= columns or row >= rows:
        return -1
    first = int(roads.first_cell[road])
    return first + row * columns + column


@compiled
def cell_middle(roads: ScenarioArrays, road: int, cell: int) -> tuple[float, float]:
    """Where the middle of a road's grid cell is."""
    number = cell - int(roads.first_cell[road])
    row, column = divmod(number, int(roads.grid_columns[road]))
    x = np.float64(roads.grid_x[road]) + (column + 0.5) * CELL_M
    y = np.float64(roads.grid_y[road]) + (row + 0.5) * CELL_M
    return x, y
