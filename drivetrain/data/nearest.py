"""Where points lie beside polylines, as machine code: most of what matching a track takes."""

import math

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import compiled, inlined

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SLACK_M = 1e-3
"""So much nearer than it is a line is taken to be before a part of it is passed over."""


@inlined
def _share(pieces: Floats, at: int, x: float, y: float) -> float:
    """How far along a straight piece its nearest place is."""
    along = (x - pieces[at, 0]) * pieces[at, 2] + (y - pieces[at, 1]) * pieces[at, 3]
    return float(min(max(along / pieces[at, 4], 0.0), 1.0))


@inlined
def _away(pieces: Floats, at: int, share: float, x: float, y: float) -> float:
    """The distance of that place."""
    return math.hypot(
        (x - pieces[at, 0]) - share * pieces[at, 2],
        (y - pieces[at, 1]) - share * pieces[at, 3],
    )


@compiled
def nearest(pieces: Floats, first: Indices, points_m: Floats, found: Floats) -> None:
    """Writes where each point lies beside each line.

    pieces: [pieces, 8] rows of `lines.pieces`, line after line.  first: [lines + 1] where each
    line begins.  points_m: [points, 2].  found: [3, lines, points] the way along the line, the
    distance from it, and its heading there.
    """
    for line in range(len(first) - 1):
        begin, end = first[line], first[line + 1]
        best = begin
        for point in range(len(points_m)):
            x, y = points_m[point, 0], points_m[point, 1]
            # A point is near where the one before was, so most of the line is out of question.
            least_m = _away(pieces, best, _share(pieces, best, x, y), x, y)
            is_found = False
            at = begin
            while at < end:
                share = _share(pieces, at, x, y)
                away_m = _away(pieces, at, share, x, y)
                if away_m < least_m or (away_m == least_m and not is_found):
                    best, least_m, is_found = at, away_m, True
                # Nothing of the line is nearer until it has led on by the difference.
                way_m = pieces[at, 6] + share * pieces[at, 5]
                until_m = way_m + (away_m - least_m) - SLACK_M
                at += 1
                while at < end and pieces[at, 6] + pieces[at, 5] < until_m:
                    at += 1
            share = _share(pieces, best, x, y)
            found[0, line, point] = pieces[best, 6] + share * pieces[best, 5]
            found[1, line, point] = _away(pieces, best, share, x, y)
            found[2, line, point] = pieces[best, 7]
