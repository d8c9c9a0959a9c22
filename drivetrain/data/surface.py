"""Where one may drive, as one surface, and its edges."""

from collections.abc import Sequence

import numpy as np
import shapely

from drivetrain.data.lines import Floats

GAP_M = 0.25
"""Outlines this near belong to one surface: their bounds do not meet to the millimetre."""
SMALLEST_HOLE_M2 = 10.0
CAP_M = 0.5
TOLERANCE_M = 0.05
PROBE_M = 0.5


def union(outlines_m: Sequence[Floats], fillet_m: float = 0.0) -> shapely.Geometry:
    """One surface from lane outlines, slits and specks closed.

    outlines_m: closed rings [points, 2].  fillet_m: radius of the inner corners.
    """
    polygons = shapely.make_valid([shapely.Polygon(ring) for ring in outlines_m])
    grown = shapely.union_all(shapely.buffer(polygons, GAP_M, join_style="mitre"))
    whole = shapely.buffer(grown, -GAP_M, join_style="mitre")
    if fillet_m > 0:
        whole = shapely.buffer(shapely.buffer(whole, fillet_m), -fillet_m)
    parts = [part for part in shapely.get_parts(whole) if isinstance(part, shapely.Polygon)]
    return shapely.union_all([_without_specks(part) for part in parts])


def filled(surface: shapely.Geometry) -> shapely.Geometry:
    """The surface with every hole closed."""
    return shapely.union_all(
        [shapely.Polygon(part.exterior) for part in shapely.get_parts(surface)]
    )


def beyond(surface: shapely.Geometry, cuts_m: Sequence[Floats], reach_m: float) -> list[Floats]:
    """Rings [4, 2] of the ground that goes on unseen where the map was cut off.

    cuts_m: lines [2, 2]; those with the surface on both sides are joints, no ends.
    """
    found = []
    for begin, end in cuts_m:
        length_m = np.hypot(*(end - begin))
        if length_m == 0.0:
            continue
        along = (end - begin) / length_m
        across = np.array([-along[1], along[0]])
        middle = 0.5 * (begin + end)
        left, right = (
            bool(surface.contains(shapely.Point(middle + side * PROBE_M * across)))
            for side in (1.0, -1.0)
        )
        if left != right:
            onward = across * (-reach_m if left else reach_m)
            found.append(np.stack([begin, end, end + onward, begin + onward]))
    return found


def edges(surface: shapely.Geometry, open_ends_m: Sequence[Floats]) -> Floats:
    """[edges, 4] as x0, y0, x1, y1: the boundary, left open where the road runs on.

    open_ends_m: lines [2, 2] across the road where the map ends although the road does not.
    """
    boundary = shapely.simplify(shapely.boundary(surface), TOLERANCE_M)
    ends = [shapely.buffer(shapely.LineString(e), CAP_M, cap_style="flat") for e in open_ends_m]
    kept = shapely.difference(boundary, shapely.union_all(ends))
    pieces = [shapely.get_coordinates(part) for part in shapely.get_parts(kept)]
    segments = [np.hstack([piece[:-1], piece[1:]]) for piece in pieces if len(piece) > 1]
    return np.concatenate(segments) if segments else np.zeros((0, 4))


def _without_specks(part: shapely.Polygon) -> shapely.Polygon:
    holes = [ring for ring in part.interiors if shapely.Polygon(ring).area >= SMALLEST_HOLE_M2]
    return shapely.Polygon(part.exterior, holes)
