"""Polylines: arc length, resampling, smoothing, projection."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drivetrain.data.nearest import nearest

Floats = NDArray[np.float64]

SHORTEST_M2 = 1e-12
"""A shorter piece of a line has no direction to divide by."""


def arc_length(points_m: Floats) -> Floats:
    """The way from the first point to each.  points_m: [points, 2].  Returns [points]."""
    steps = np.hypot(*np.diff(points_m, axis=0).T)
    return np.concatenate([[0.0], np.cumsum(steps)])


def without_repeats(points_m: Floats, nearest_m: float = 1e-3) -> NDArray[np.bool_]:
    """[points] True for the first point and for those that lead on by `nearest_m` or more."""
    return np.concatenate([[True], np.hypot(*np.diff(points_m, axis=0).T) >= nearest_m])


def at(points_m: Floats, way_m: Floats) -> Floats:
    """The points after some way along a line.  Returns [ways, 2]."""
    s_m = arc_length(points_m)
    return np.stack([np.interp(way_m, s_m, points_m[:, axis]) for axis in (0, 1)], axis=1)


def resampled(points_m: Floats, spacing_m: float) -> Floats:
    """The same line in equal steps of about `spacing_m`, first and last point kept."""
    length_m = arc_length(points_m)[-1]
    count = max(1, round(length_m / spacing_m)) + 1
    return at(points_m, np.linspace(0.0, length_m, count))


def smoothed(points_m: Floats, reach: int) -> Floats:
    """Each point as the mean of its neighbours, up to `reach` on both sides; ends stay.

    Near the ends the window shrinks symmetrically, so that the line keeps its direction.
    """
    count = len(points_m)
    index = np.arange(count)
    half = np.minimum(np.minimum(index, count - 1 - index), reach)
    sums = np.concatenate([np.zeros((1, 2)), np.cumsum(points_m, axis=0)])
    window = (2 * half + 1)[:, None]
    return np.asarray((sums[index + half + 1] - sums[index - half]) / window)


def headings(points_m: Floats) -> Floats:
    """The direction of the line at each point, central where there are two neighbours."""
    slope = np.gradient(points_m, axis=0)
    return np.asarray(np.arctan2(slope[:, 1], slope[:, 0]))


def pieces(line_m: Floats) -> Floats:
    """The straight pieces of a line, ready to be projected on.  line_m: [points, 2].

    Returns [points - 1, 8]: where a piece begins (x, y), how far it leads (x, y), the square
    of its length, its length, the way to its begin, and its heading.
    """
    if len(line_m) < 2:
        raise ValueError("a line has two points or more")
    along = np.diff(line_m, axis=0)
    squared = np.maximum((along**2).sum(axis=1), SHORTEST_M2)
    heading = np.arctan2(along[:, 1], along[:, 0])
    way = arc_length(line_m)[:-1]
    return np.column_stack([line_m[:-1], along, squared, np.sqrt(squared), way, heading])


def project_on_each(lines: Sequence[Floats], points_m: Floats) -> tuple[Floats, Floats, Floats]:
    """Where points lie beside several lines.  lines: the `pieces` of each.  points_m: [k, 2].

    Returns the way along each line, the distance from it, and its heading there: [lines, k].
    """
    first = np.cumsum([0, *map(len, lines)])
    found = np.empty((3, len(lines), len(points_m)))
    nearest(np.concatenate(lines), first, np.ascontiguousarray(points_m), found)
    return found[0], found[1], found[2]


def project(line_m: Floats, points_m: Floats) -> tuple[Floats, Floats, Floats]:
    """Where points lie beside a line.  line_m: [n, 2].  points_m: [k, 2].

    Returns the way along the line, the distance from it, and the line's heading there: [k].
    """
    way, away, heading = project_on_each([pieces(line_m)], points_m)
    return way[0], away[0], heading[0]


def turned(angle_rad: Floats) -> Floats:
    """Angles wrapped into (-pi, pi]."""
    return np.asarray(-((-angle_rad + np.pi) % (2 * np.pi) - np.pi))


def middle(values: Floats) -> float:
    """The median, several times sooner than numpy's: lines are many and short."""
    ordered = np.sort(values)
    return float(0.5 * (ordered[len(values) // 2] + ordered[(len(values) - 1) // 2]))
