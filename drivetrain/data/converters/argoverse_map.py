"""An Argoverse 2 vector map: lanes, drivable ground and crossings, in the city's frame.

- Bounds are polylines with point counts of their own; the centre line is not stored.
- A neighbour may drive the other way, and ids may point outside the cut-out.
- Ground is stored in tiles. Where a tile's side is an outer one, the map ends, not the road.
- There are no speed limits, no lights and no stop signs.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from drivetrain.data import lane_map, lines
from drivetrain.data.converters.contract import FARTHEST_M, UnfitFileError
from drivetrain.data.lane_map import MapLane
from drivetrain.data.lines import Floats
from drivetrain.sim.scenario import Area, AreaKind

FOR_CARS = {"VEHICLE", "BUS"}
"""The third type is BIKE: ground like any other, but no lane to drive in."""

TILE_M = 30.0
"""Ground ends at whole multiples of this (seen in both logs at hand)."""


@dataclass(frozen=True, slots=True)
class CityMap:
    """A map, in metres.

    ground: polygons.  cuts_m: lines [2, 2] where ground ends because the map does.
    """

    lanes: dict[str, MapLane]
    ground: tuple[shapely.Polygon, ...]
    cuts_m: tuple[Floats, ...]
    crossings: tuple[Area, ...]

    def moved(self, by_m: Floats) -> "CityMap":
        """The same map elsewhere.  by_m: [2]."""
        return CityMap(
            {name: part.moved(by_m) for name, part in self.lanes.items()},
            tuple(shapely.transform(part, lambda xy: xy + by_m) for part in self.ground),
            tuple(cut + by_m for cut in self.cuts_m),
            tuple(
                replace(area, rings_m=tuple(ring + by_m for ring in area.rings_m))
                for area in self.crossings
            ),
        )


def read_map(folder: Path) -> CityMap:
    """The map of a log's `map` folder.

    Raises: UnfitFileError.
    """
    files = sorted(folder.glob("log_map_archive_*.json"))
    if len(files) != 1:
        raise UnfitFileError("no_map" if not files else "two_maps")
    try:
        stored = json.loads(files[0].read_text(encoding="utf-8"))
        rings = [_points(area["area_boundary"]) for area in stored["drivable_areas"].values()]
        crossings = [_crossing(each) for each in stored["pedestrian_crossings"].values()]
        lanes = _lanes(stored["lane_segments"].values())
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UnfitFileError("unreadable_map") from error
    if not lanes or not rings:
        raise UnfitFileError("empty_map")
    ground = tuple(shapely.Polygon(ring) for ring in rings)
    cuts = tuple(cut for ring in rings for cut in _cuts(ring))
    return CityMap(lanes, ground, cuts, tuple(crossings))


def _lanes(segments: Any) -> dict[str, MapLane]:
    known = {str(each["id"]): each for each in segments if each["lane_type"] in FOR_CARS}
    lanes = {name: _lane(name, each, known) for name, each in known.items()}
    return {name: _beside_the_same_way(part, lanes) for name, part in lanes.items()}


def _lane(name: str, segment: Mapping[str, Any], known: Mapping[str, Any]) -> MapLane:
    beside = [str(segment[f"{side}_neighbor_id"]) for side in ("left", "right")]
    part = lane_map.bounded(
        name,
        (_points(segment["left_lane_boundary"]), _points(segment["right_lane_boundary"])),
        [str(after) for after in segment["successors"] if str(after) in known],
        [other for other in beside if other in known],
        math.nan,
    )
    return replace(part, is_connector=bool(segment["is_intersection"]))


def _beside_the_same_way(part: MapLane, lanes: Mapping[str, MapLane]) -> MapLane:
    """The lane with only those neighbours that drive the same way."""
    same = [
        other for other in part.lane.neighbours if _along(part) @ _along(lanes[other]) > 0.0
    ]
    return replace(part, lane=replace(part.lane, neighbours=tuple(same)))


def _along(part: MapLane) -> Floats:
    """[2] from a lane's beginning to its end."""
    return np.asarray(part.lane.centre_m[-1] - part.lane.centre_m[0])


def _crossing(stored: Mapping[str, Any]) -> Area:
    """A crossing between two edges, which may be drawn either way."""
    edges = (_points(stored["edge1"]), _points(stored["edge2"]))
    ring = np.concatenate([edges[0], edges[1][::-1]])
    if not shapely.Polygon(ring).is_valid:
        ring = np.concatenate(edges)
    return Area(AreaKind.CROSSWALK, (ring,))


def _cuts(ring_m: Floats) -> Iterator[Floats]:
    """The sides of a ground that lie on the border of a tile."""
    closed = np.concatenate([ring_m, ring_m[:1]])
    for begin, end in pairwise(closed):
        is_on_a_border = (begin == end) & (begin % TILE_M == 0.0)
        if is_on_a_border.any() and np.any(begin != end):
            yield np.stack([begin, end])


def _points(stored: Any) -> Floats:
    """[points, 2] without repeats.

    Raises: ValueError for fewer than two, or numbers that are none.
    """
    points = np.array([(point["x"], point["y"]) for point in stored], np.float64)
    if len(points) < 2 or not (np.abs(points) <= FARTHEST_M).all():
        raise ValueError("a line needs two points")
    return np.asarray(points[lines.without_repeats(points)])
