"""A uniform grid over a road: which edges and areas are near each of its cells.

A look around a point reads one cell's list instead of the whole map.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from drivetrain.sim.scenario import CELL_M, EDGE_PIECE_M, EDGE_RADIUS_M

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_CELLS = 4_000_000
EDGES_AT_ONCE = 4096


class Grid(NamedTuple):
    """Square cells of CELL_M from a corner, row by row."""

    corner_m: tuple[float, float]
    columns: int
    rows: int


class Lists(NamedTuple):
    """Who belongs to each cell.  counts: [cells].  members: those of each cell in turn."""

    counts: Ints
    members: Ints


def cut_edges(edges_m: Floats) -> Floats:
    """The same lines in equal pieces of at most EDGE_PIECE_M.  [edges, 4] -> [pieces, 4]."""
    lengths = np.hypot(edges_m[:, 2] - edges_m[:, 0], edges_m[:, 3] - edges_m[:, 1])
    edges, lengths = edges_m[lengths > 1e-6], lengths[lengths > 1e-6]
    pieces = np.maximum(np.ceil(lengths / EDGE_PIECE_M - 1e-9).astype(np.int64), 1)
    number = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    edges, pieces = np.repeat(edges, pieces, axis=0), np.repeat(pieces, pieces)
    step = (edges[:, 2:] - edges[:, :2]) / pieces[:, None]
    begin = edges[:, :2] + step * number[:, None]
    return np.column_stack([begin, begin + step])


def grid_over(edges_m: Floats, areas: Sequence[shapely.Polygon]) -> Grid:
    """The grid that covers all edges and areas with EDGE_RADIUS_M around them.

    edges_m: [edges, 4].  Raises: ValueError where a road is too large for one grid.
    """
    corners = [edges_m.reshape(-1, 2), *(shapely.bounds(area).reshape(2, 2) for area in areas)]
    points = np.concatenate(corners)
    if len(points) == 0:
        return Grid((0.0, 0.0), 0, 0)
    corner, columns, rows = _cells_over(points)
    if columns * rows > MOST_CELLS:
        raise ValueError(f"a road of {columns:.0f} x {rows:.0f} cells is too large; cut it")
    return Grid((float(corner[0]), float(corner[1])), int(columns), int(rows))


def fits(points_m: Floats) -> bool:
    """Whether one grid can cover all points.  points_m: [points, 2], finite."""
    if len(points_m) == 0:
        return True
    _, columns, rows = _cells_over(points_m)
    return columns * rows <= MOST_CELLS


def _cells_over(points_m: Floats) -> tuple[Floats, float, float]:
    """Corner, columns and rows of the cells around points, at least one."""
    # Beyond float32 a corner is infinite, and so is what it spans.
    with np.errstate(over="ignore"):
        low = np.floor(points_m.min(axis=0) - EDGE_RADIUS_M)
        # Rounded as it will be stored: a cell must mean the same to the kernel.
        corner = low.astype(np.float32).astype(np.float64)
        columns, rows = np.ceil((points_m.max(axis=0) + EDGE_RADIUS_M - corner) / CELL_M)
    return corner, float(columns), float(rows)


def edges_near(grid: Grid, edges_m: Floats) -> Lists:
    """For each cell, the edges whose middle is within EDGE_RADIUS_M of some point in it.

    edges_m: [edges, 4], each at most EDGE_PIECE_M long. Nearest to the cell's middle first, so
    that a look around may end early.
    """
    middle = (edges_m[:, :2] + edges_m[:, 2:]) / 2 - np.array(grid.corner_m)
    pairs = [
        _cells_near(middle[at : at + EDGES_AT_ONCE], at, grid)
        for at in range(0, len(middle), EDGES_AT_ONCE)
    ]
    return _lists(grid, [(*pair, _from_middle(grid, *pair, middle)) for pair in pairs])


def _from_middle(grid: Grid, cells: Ints, edges: Ints, middle_m: Floats) -> Floats:
    """How far each edge's middle is from its cell's.  middle_m: [edges, 2] from the corner."""
    of_cell = np.column_stack([cells % grid.columns, cells // grid.columns]) + 0.5
    away = middle_m[edges] - of_cell * CELL_M
    return np.asarray(np.hypot(away[:, 0], away[:, 1]))


def areas_in(grid: Grid, areas: Sequence[shapely.Polygon]) -> Lists:
    """For each cell, the areas that reach into it."""
    pairs = [_cells_of(area, at, grid) for at, area in enumerate(areas)]
    return _lists(grid, [(*pair, pair[1].astype(np.float64)) for pair in pairs])


def _lists(grid: Grid, found: Sequence[tuple[Ints, Ints, Floats]]) -> Lists:
    """found: cells, who belongs to each, and the number that puts those of a cell in order."""
    empty = np.zeros(0, np.int64)
    cells = np.concatenate([empty, *(cell for cell, _, _ in found)])
    members = np.concatenate([empty, *(member for _, member, _ in found)])
    order = np.lexsort((np.concatenate([empty, *(rank for _, _, rank in found)]), cells))
    return Lists(np.bincount(cells, minlength=grid.columns * grid.rows), members[order])


def _cells_near(middle_m: Floats, first: int, grid: Grid) -> tuple[Ints, Ints]:
    """Every (cell, edge) pair where the edge's middle is within EDGE_RADIUS_M of the cell."""
    # A hair more than the radius: what is stored is rounded to float32.
    radius = EDGE_RADIUS_M + 0.01
    span = int(2 * radius / CELL_M) + 2
    low = np.floor((middle_m - radius) / CELL_M).astype(np.int64)
    cell = low[:, None, :] + np.arange(span)[None, :, None]
    beyond = np.maximum(
        cell * CELL_M - middle_m[:, None, :], middle_m[:, None, :] - (cell + 1) * CELL_M
    )
    beyond = np.maximum(beyond, 0.0) ** 2
    inside = (cell >= 0) & (cell < np.array([grid.columns, grid.rows]))
    near = beyond[:, :, None, 0] + beyond[:, None, :, 1] <= radius**2
    near &= inside[:, :, None, 0] & inside[:, None, :, 1]
    edge, column, row = np.nonzero(near)
    return cell[edge, row, 1] * grid.columns + cell[edge, column, 0], edge + first


def _cells_of(area: shapely.Polygon, number: int, grid: Grid) -> tuple[Ints, Ints]:
    """Every (cell, number) pair where the area reaches into the cell."""
    # A hair more than the area: what is stored is rounded to float32.
    grown = shapely.buffer(shapely.make_valid(area), 0.01)
    low, high = (
        np.floor((ends - np.array(grid.corner_m)) / CELL_M)
        for ends in np.split(np.asarray(shapely.bounds(grown)), 2)
    )
    columns, rows = (np.arange(low[axis], high[axis] + 1) for axis in (0, 1))
    column, row = (each.ravel().astype(np.int64) for each in np.meshgrid(columns, rows))
    left, bottom = np.array(grid.corner_m)[:, None] + np.stack([column, row]) * CELL_M
    squares = shapely.box(left, bottom, left + CELL_M, bottom + CELL_M)
    met = shapely.intersects(grown, squares)
    cells = row[met] * grid.columns + column[met]
    return cells, np.full(len(cells), number, np.int64)
