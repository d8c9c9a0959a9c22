"""The part of a scenario's road that a picture shows: rings, lines and stop lines in metres."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from drivetrain.sim.scenario import AreaKind, ScenarioArrays

Points = NDArray[np.float64]
Box = tuple[float, float, float, float]
"""Least x and y, largest x and y."""

SMOOTH_M = 0.05
"""Corners closer than this to the line between others cannot be seen."""
LEAST_HALF_WIDTH_M = 1.5


@dataclass(frozen=True, slots=True)
class Ground:
    """A piece of ground.  rings_m: each [corners, 2]; the outline, then holes."""

    kind: AreaKind
    rings_m: tuple[Points, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """A driving line and how much room it has to either side.  points_m: [points, 2]."""

    points_m: Points
    half_width_m: float


@dataclass(frozen=True, slots=True)
class StopLine:
    """Where a path meets a stop line.  ends_m: [2, 2].  light: of the road."""

    ends_m: Points
    light: int


@dataclass(frozen=True, slots=True)
class MapShapes:
    """What there is to draw of a road.

    bands: the driving lines, only of roads whose map has no areas to draw instead.
    centres, edges: lines, each [points, 2].  route: [points, 2].
    """

    grounds: tuple[Ground, ...]
    bands: tuple[Band, ...]
    centres: tuple[Points, ...]
    edges: tuple[Points, ...]
    route: Points
    stops: tuple[StopLine, ...]


def coarser(shapes: MapShapes, apart_m: float) -> MapShapes:
    """The same shapes with fewer corners; none moves farther than `apart_m`."""
    if apart_m == 0:
        return shapes

    def line(points: Points) -> Points:
        if len(points) < 3:
            return points
        plain = shapely.simplify(shapely.LineString(points), apart_m)
        corners: Points = shapely.get_coordinates(plain)
        return corners

    return MapShapes(
        grounds=tuple(
            Ground(one.kind, tuple(map(line, one.rings_m))) for one in shapes.grounds
        ),
        bands=tuple(Band(line(one.points_m), one.half_width_m) for one in shapes.bands),
        centres=tuple(map(line, shapes.centres)),
        edges=tuple(map(line, shapes.edges)),
        route=line(shapes.route),
        stops=shapes.stops,
    )


def shapes_of(arrays: ScenarioArrays, scenario: int, box: Box) -> MapShapes:
    """The shapes of a scenario's road that reach into the box, cut at it."""
    road = int(arrays.road[scenario])
    frame = _Frame(box)
    grounds = tuple(_grounds(arrays, road, frame))
    paths = _paths_beside(arrays, scenario)
    route = _path_points(arrays, int(arrays.route[scenario]))
    return MapShapes(
        grounds=grounds,
        bands=() if grounds else tuple(_bands(arrays, paths, frame)),
        centres=tuple(_centres(arrays, road, frame)),
        edges=tuple(_edges(arrays, road, frame)),
        route=max(frame.lines(route), key=len, default=route[:0]),
        stops=tuple(_stops(arrays, paths, frame)),
    )


class _Frame:
    """Cuts what reaches beyond the box, and straightens what cannot be seen to bend."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def holds(self, points: Points) -> bool:
        """Whether the box around the points touches this one."""
        if not len(points):
            return False
        low, high = points.min(axis=0), points.max(axis=0)
        x0, y0, x1, y1 = self.box
        return bool(low[0] <= x1 and high[0] >= x0 and low[1] <= y1 and high[1] >= y0)

    def lines(self, points: Points) -> list[Points]:
        """The pieces of a line within the box."""
        if len(points) < 2 or not self.holds(points):
            return []
        line = shapely.simplify(shapely.LineString(points), SMOOTH_M)
        cut = shapely.clip_by_rect(line, *self.box)
        return [
            shapely.get_coordinates(part)
            for part in shapely.get_parts(cut)
            if part.geom_type == "LineString"
        ]

    def rings(self, rings: list[Points]) -> list[tuple[Points, ...]]:
        """The pieces of a polygon within the box, each an outline and its holes."""
        if not rings or not self.holds(rings[0]):
            return []
        whole = shapely.make_valid(shapely.Polygon(rings[0], rings[1:]))
        cut = shapely.make_valid(shapely.simplify(whole, SMOOTH_M))
        cut = shapely.intersection(cut, shapely.box(*self.box))
        return [
            tuple(shapely.get_coordinates(ring) for ring in (part.exterior, *part.interiors))
            for part in _polygons(cut)
        ]


def _polygons(shape: shapely.Geometry) -> Iterator[shapely.Polygon]:
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon" and not part.is_empty:
            yield part
        elif part.geom_type == "MultiPolygon":
            yield from part.geoms


def _grounds(arrays: ScenarioArrays, road: int, frame: _Frame) -> Iterator[Ground]:
    for area in range(arrays.first_area[road], arrays.first_area[road + 1]):
        first, end = arrays.first_border[area], arrays.first_border[area + 1]
        borders = _segments(arrays, "border", int(first), int(end))
        for rings in frame.rings([ring for ring in _chains(borders) if len(ring) >= 4]):
            yield Ground(AreaKind(int(arrays.area_kind[area])), rings)


def _centres(arrays: ScenarioArrays, road: int, frame: _Frame) -> Iterator[Points]:
    for lane in range(arrays.first_lane[road], arrays.first_lane[road + 1]):
        rows = slice(arrays.first_base[lane], arrays.first_base[lane + 1])
        yield from frame.lines(_columns(arrays.base_x[rows], arrays.base_y[rows]))


def _edges(arrays: ScenarioArrays, road: int, frame: _Frame) -> Iterator[Points]:
    first, end = int(arrays.first_edge[road]), int(arrays.first_edge[road + 1])
    for chain in _chains(_segments(arrays, "edge", first, end)):
        yield from frame.lines(chain)


def _paths_beside(arrays: ScenarioArrays, scenario: int) -> list[int]:
    """The paths of the scenario's road: those that its traffic and its route follow."""
    agents = slice(arrays.first_agent[scenario], arrays.first_agent[scenario + 1])
    used = {int(arrays.route[scenario]), *arrays.agent_path[agents].tolist()}
    return sorted(used - {-1})


def _bands(arrays: ScenarioArrays, paths: list[int], frame: _Frame) -> Iterator[Band]:
    for path in paths:
        rows = slice(arrays.first_point[path], arrays.first_point[path + 1])
        half_width = max(float(np.median(arrays.half_width[rows])), LEAST_HALF_WIDTH_M)
        for line in frame.lines(_path_points(arrays, path)):
            yield Band(line, half_width)


def _stops(arrays: ScenarioArrays, paths: list[int], frame: _Frame) -> Iterator[StopLine]:
    for path in paths:
        points = _path_points(arrays, path)
        first = int(arrays.first_point[path])
        for row in range(arrays.first_stop[path], arrays.first_stop[path + 1]):
            at = min(max(round(float(arrays.stop_m[row])), 0), len(points) - 1)
            aside = np.array([-arrays.path_sin[first + at], arrays.path_cos[first + at]])
            aside = aside * max(float(arrays.half_width[first + at]), LEAST_HALF_WIDTH_M)
            ends = np.stack([points[at] - aside, points[at] + aside])
            if frame.holds(ends):
                yield StopLine(ends, int(arrays.stop_light[row]))


def _path_points(arrays: ScenarioArrays, path: int) -> Points:
    rows = slice(arrays.first_point[path], arrays.first_point[path + 1])
    return _columns(arrays.path_x[rows], arrays.path_y[rows])


def _columns(x: NDArray[np.float32], y: NDArray[np.float32]) -> Points:
    return np.column_stack([x, y]).astype(np.float64)


def _segments(arrays: ScenarioArrays, name: str, first: int, end: int) -> Points:
    """Rows `first` to `end` of the edges or borders as x0, y0, x1, y1.  [rows, 4]."""
    columns = [
        getattr(arrays, f"{name}_{part}")[first:end] for part in ("x0", "y0", "x1", "y1")
    ]
    return np.column_stack(columns).astype(np.float64)


def _chains(segments: Points) -> Iterator[Points]:
    """Segments that follow each other as lines: [segments, 4] to [points, 2] each."""
    if not len(segments):
        return
    breaks = np.flatnonzero(np.any(segments[1:, :2] != segments[:-1, 2:], axis=1)) + 1
    bounds = [0, *breaks.tolist(), len(segments)]
    for first, end in itertools.pairwise(bounds):
        yield np.concatenate([segments[first:end, :2], segments[end - 1 : end, 2:]])
