"""A nuPlan city: its lanes and connectors as one graph, and its ground.

Lanes and connectors get names of their own kind (`lane/12`, `connector/12`), as they are
numbered apart. The columns of a connector are named from its own point of view: its
`exit_lane_fid` is the lane that traffic leaves to enter it.
"""

import math
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pyproj
import shapely

from drivetrain.data import lines
from drivetrain.data.converters.contract import UnfitFileError
from drivetrain.data.converters.nuplan_map_file import Layer, MapFile, open_map
from drivetrain.data.lines import Floats
from drivetrain.sim.scenario import AreaKind

GROUNDS = {
    "intersections": (AreaKind.INTERSECTION, AreaKind.DRIVABLE),
    "road_segments": (AreaKind.DRIVABLE,),
    "generic_drivable_areas": (AreaKind.DRIVABLE,),
    "carpark_areas": (AreaKind.DRIVABLE,),
    "crosswalks": (AreaKind.CROSSWALK,),
}
"""What the ground of each layer is; nuPlan's drivable area is the first four together."""

BIKE_LANE = "1"
LANE_POINT_M = 3.0
"""Points of a centre line for matching stand at most so far apart."""
STRAIGHT_M = 0.02
LEAST_HALF_WIDTH_M = 0.5
USUAL_HALF_WIDTH_M = 1.75
"""Where the map does not say where a lane's boundaries are."""


@dataclass(frozen=True)
class MapLane:
    """A lane or connector.

    name: unique among both.  roadblock: the name of its lane group (or connector group).
    shape: its polygon.  baseline_m: [points, 2] in driving direction.  bounds: the lines on
    both sides.  limit_mps: NaN where unknown.  successors, neighbours: names.
    """

    name: str
    roadblock: str
    is_connector: bool
    is_for_cars: bool
    shape: shapely.Polygon
    baseline_m: Floats
    bounds: tuple[shapely.LineString, ...]
    limit_mps: float
    successors: tuple[str, ...]
    neighbours: tuple[str, ...] = ()

    @cached_property
    def centre(self) -> tuple[Floats, Floats]:
        """The baseline with fewer points, [points, 2], and the half widths there, [points]."""
        line = shapely.simplify(shapely.LineString(self.baseline_m), STRAIGHT_M)
        points = shapely.get_coordinates(shapely.segmentize(line, LANE_POINT_M))
        points = points[lines.without_repeats(points)]
        sides = [shapely.distance(shapely.points(points), bound) for bound in self.bounds]
        half = np.min(sides, axis=0) if sides else np.full(len(points), USUAL_HALF_WIDTH_M)
        return points, np.maximum(half, LEAST_HALF_WIDTH_M)


class CityMap:
    """All of one map file, ready to be asked what is near.

    dropped: how many of its lanes have no shape or baseline, and how many parts of lanes lie
    apart from the largest, as names of repairs: who drove there has no route.
    """

    def __init__(self, file: MapFile) -> None:
        self.epsg = file.epsg
        self.dropped: Counter[str] = Counter()
        lanes = _lanes(file, self.dropped)
        self.lanes = {lane.name: lane for lane in lanes}
        self._names = [lane.name for lane in lanes]
        self._lane_tree = shapely.STRtree([lane.shape for lane in lanes])
        self._grounds = [
            (kind, part)
            for layer, kinds in GROUNDS.items()
            for part in _polygons(file.layer(layer))
            for kind in kinds
        ]
        self._ground_tree = shapely.STRtree([part for _, part in self._grounds])

    def lanes_near(self, place: shapely.Geometry) -> list[MapLane]:
        """The lanes and connectors that reach into a place, in a fixed order."""
        found = np.sort(self._lane_tree.query(place, predicate="intersects"))
        return [self.lanes[self._names[at]] for at in found.tolist()]

    def grounds_near(self, place: shapely.Geometry) -> list[tuple[AreaKind, shapely.Polygon]]:
        """The ground that reaches into a place."""
        found = np.sort(self._ground_tree.query(place, predicate="intersects"))
        return [self._grounds[at] for at in found.tolist()]


def city(file: Path, name: str) -> CityMap:
    """A map, read once per process.

    Raises: UnfitFileError where it is damaged or no nuPlan map.
    """
    facts = file.stat()
    return _city(file, name, (facts.st_mtime_ns, facts.st_size))


@lru_cache(maxsize=4)
def _city(file: Path, name: str, _changed: tuple[int, int]) -> CityMap:
    try:
        with open_map(file) as database:
            return CityMap(MapFile(database))
    except (
        sqlite3.Error,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        shapely.errors.ShapelyError,
        pyproj.exceptions.ProjError,
    ) as error:
        raise UnfitFileError(f"damaged_map_{name}") from error


def _lanes(file: MapFile, dropped: Counter[str]) -> list[MapLane]:
    baselines = file.layer("baseline_paths", ("lane_fid", "lane_connector_fid"))
    bounds = _by_id(file.layer("boundaries"))
    centre = {
        **_by_id(baselines, "lane_fid", "lane"),
        **_by_id(baselines, "lane_connector_fid", "connector"),
    }
    connectors = file.layer(
        "lane_connectors",
        ("exit_lane_fid", "entry_lane_fid", "lane_group_connector_fid"),
        shaped=False,
    )
    lanes = _plain_lanes(file, centre, bounds, connectors, dropped)
    return [*lanes, *_connectors(file, centre, bounds, (connectors, lanes), dropped)]


def _plain_lanes(
    file: MapFile,
    centre: dict[str, shapely.Geometry],
    bounds: dict[str, shapely.Geometry],
    connectors: Layer,
    dropped: Counter[str],
) -> list[MapLane]:
    layer = file.layer(
        "lanes_polygons",
        (
            "lane_group_fid",
            "lane_index",
            "lane_type_fid",
            "left_boundary_fid",
            "right_boundary_fid",
            "speed_limit_mps",
        ),
    )
    onward, beside = _onward(connectors), _beside(layer)
    groups, kinds = layer.ids("lane_group_fid"), layer.ids("lane_type_fid")
    limits, sides = layer.numbers("speed_limit_mps"), _sides(layer, bounds)
    lanes = []
    for at, own in enumerate(layer.ids("fid")):
        name = f"lane/{own}"
        shape = _largest(layer.shapes[at], dropped)
        if name not in centre or shape is None:
            dropped["map_lanes_dropped"] += 1
            continue
        lanes.append(
            MapLane(
                name=name,
                roadblock=f"lane/{groups[at]}",
                is_connector=False,
                is_for_cars=kinds[at] != BIKE_LANE,
                shape=shape,
                baseline_m=shapely.get_coordinates(centre[name]),
                bounds=sides[at],
                limit_mps=limits[at] if limits[at] > 0 else math.nan,
                successors=tuple(onward[own]),
                neighbours=beside[at],
            )
        )
    return lanes


def _onward(connectors: Layer) -> dict[str | None, list[str]]:
    """The connectors that lead on from each lane, by its id."""
    onward = defaultdict(list)
    for own, before in zip(connectors.ids("fid"), connectors.ids("exit_lane_fid"), strict=True):
        onward[before].append(f"connector/{own}")
    return onward


def _beside(lanes: Layer) -> list[tuple[str, ...]]:
    """The lanes left and right of each lane, in its lane group."""
    places = list(zip(lanes.ids("lane_group_fid"), lanes.ids("lane_index"), strict=True))
    known = dict(zip(places, lanes.ids("fid"), strict=True))
    found = [[known.get((group, other)) for other in _next_to(at)] for group, at in places]
    return [tuple(f"lane/{own}" for own in row if own is not None) for row in found]


def _connectors(
    file: MapFile,
    centre: dict[str, shapely.Geometry],
    bounds: dict[str, shapely.Geometry],
    of: tuple[Layer, list[MapLane]],
    dropped: Counter[str],
) -> list[MapLane]:
    """The connectors.  of: their rows without shapes, and the lanes that they connect."""
    rows, lanes = of
    layer = file.layer(
        "gen_lane_connectors_scaled_width_polygons",
        ("lane_connector_fid", "left_boundary_fid", "right_boundary_fid"),
    )
    shaped = {own: at for at, own in enumerate(layer.ids("lane_connector_fid"))}
    sides = _sides(layer, bounds)
    limits = {lane.name: lane.limit_mps for lane in lanes}
    found = []
    before, after = rows.ids("exit_lane_fid"), rows.ids("entry_lane_fid")
    groups = rows.ids("lane_group_connector_fid")
    for at, own in enumerate(rows.ids("fid")):
        name = f"connector/{own}"
        shape = _largest(layer.shapes[shaped[own]], dropped) if own in shaped else None
        if name not in centre or shape is None:
            dropped["map_lanes_dropped"] += 1
            continue
        ends = [f"lane/{lane}" for lane in (before[at], after[at]) if lane is not None]
        found.append(
            MapLane(
                name=name,
                roadblock=f"connector/{groups[at]}",
                is_connector=True,
                is_for_cars=True,
                shape=shape,
                baseline_m=shapely.get_coordinates(centre[name]),
                bounds=sides[shaped[own]],
                # As nuPlan's score has it: the higher of its two lanes, if both are known.
                limit_mps=float(
                    np.max([limits.get(end, math.nan) for end in ends] or [math.nan])
                ),
                successors=tuple(ends[-1:] if after[at] is not None else ()),
            )
        )
    return found


def _next_to(index: str | None) -> tuple[str, ...]:
    if index is None or not index.isdigit():
        return ()
    return (str(int(index) - 1), str(int(index) + 1))


def _by_id(layer: Layer, column: str = "fid", kind: str = "") -> dict[str, shapely.Geometry]:
    """The lines of a layer by the id in a column; kind: put before the id."""
    prefix = f"{kind}/" if kind else ""
    return {
        f"{prefix}{own}": _line(shape)
        for own, shape in zip(layer.ids(column), layer.shapes, strict=True)
        if own is not None and not shapely.is_empty(shape)
    }


def _sides(
    layer: Layer, bounds: dict[str, shapely.Geometry]
) -> list[tuple[shapely.LineString, ...]]:
    pairs = zip(layer.ids("left_boundary_fid"), layer.ids("right_boundary_fid"), strict=True)
    return [tuple(bounds[own] for own in pair if own in bounds) for pair in pairs]


def _line(shape: shapely.Geometry) -> shapely.LineString:
    parts = shapely.get_parts(shape)
    return parts[0] if len(parts) == 1 else shapely.line_merge(shape)


def _polygons(layer: Layer) -> list[shapely.Polygon]:
    parts = shapely.get_parts(shapely.make_valid(layer.shapes))
    return [part for part in parts if isinstance(part, shapely.Polygon) and part.area > 0]


def _largest(shape: shapely.Geometry, dropped: Counter[str]) -> shapely.Polygon | None:
    parts = [part for part in shapely.get_parts(shape) if isinstance(part, shapely.Polygon)]
    parts = [part for part in parts if part.area > 0]
    if not parts:
        return None
    dropped["map_lane_parts_dropped"] += len(parts) - 1
    return max(parts, key=lambda part: part.area)
