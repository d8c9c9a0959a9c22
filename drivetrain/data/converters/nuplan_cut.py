"""The part of a nuPlan city around one recording, as a road."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from drivetrain.data import lane_match, surface
from drivetrain.data.converters.nuplan_map import CityMap, MapLane
from drivetrain.data.lines import Floats
from drivetrain.sim.scenario import Area, AreaKind, Lane, Path, Road

REACH_M = 120.0
"""How far to the sides of the ego's way the map is kept: nuPlan's traffic reaches 100 m."""
NEAR_M = 4.0
"""Lanes this near to a track may be those it drove."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a city; its coordinates count from `origin_m`.

    lanes: in the order of the road's.  light_of: the light of each lit connector's number.
    matchable: the lanes for cars, as tracks are matched to them.
    """

    origin_m: Floats
    place: shapely.Geometry
    lanes: tuple[MapLane, ...]
    grounds: tuple[tuple[AreaKind, shapely.Polygon], ...]
    light_of: dict[int, int]
    matchable: dict[str, lane_match.Lane]
    names: tuple[str, ...]
    tree: shapely.STRtree

    def near(self, positions_m: Floats) -> dict[str, lane_match.Lane]:
        """The lanes that a track may have driven.  positions_m: [steps, 2].

        No lane that the line crosses is missing.
        """
        line = shapely.LineString(positions_m) if len(positions_m) > 1 else None
        way = shapely.Point(positions_m[0]) if line is None else line
        found = self.tree.query(way, predicate="dwithin", distance=NEAR_M)
        names = {self.names[at] for at in found.tolist()}
        return {name: self.matchable[name] for name in sorted(names)}

    def road(self, name: str, paths: Sequence[Path]) -> Road:
        """The road, with the lines driven on it."""
        index = {lane.name: at for at, lane in enumerate(self.lanes)}
        blocks = {block: at for at, block in enumerate(_unique(self.lanes))}
        lanes = tuple(self._lane(lane, index, blocks) for lane in self.lanes)
        areas = tuple(Area(kind, self._rings(shape)) for kind, shape in self.grounds)
        return Road(name, tuple(paths), self._edges(), lanes, areas, len(self.light_of))

    def _lane(self, lane: MapLane, index: dict[str, int], blocks: dict[str, int]) -> Lane:
        return Lane(
            outline_m=self._rings(lane.shape)[0],
            baseline_m=lane.baseline_m - self.origin_m,
            limit_mps=lane.limit_mps,
            block=blocks[lane.roadblock],
            is_connector=lane.is_connector,
            successors=tuple(index[name] for name in lane.successors if name in index),
            light=_light(lane, self.light_of),
        )

    def _rings(self, shape: shapely.Polygon) -> tuple[Floats, ...]:
        rings = (shape.exterior, *shape.interiors)
        return tuple(shapely.get_coordinates(ring) - self.origin_m for ring in rings)

    def _edges(self) -> Floats:
        """[edges, 4] where the drivable ground ends; open where only the cut ends."""
        shapes = [shape for kind, shape in self.grounds if kind == AreaKind.DRIVABLE]
        shapes += [lane.shape for lane in self.lanes]
        grown = shapely.buffer(shapely.make_valid(shapes), surface.GAP_M, join_style="mitre")
        whole = shapely.buffer(shapely.union_all(grown), -surface.GAP_M, join_style="mitre")
        ends = shapely.simplify(shapely.boundary(whole), surface.TOLERANCE_M)
        kept = shapely.get_parts(shapely.intersection(ends, self.place))
        lines = [shapely.get_coordinates(line) - self.origin_m for line in kept]
        pieces = [np.hstack([line[:-1], line[1:]]) for line in lines if len(line) > 1]
        return np.concatenate([np.zeros((0, 4)), *pieces])


def cut(city: CityMap, ways_m: Sequence[Floats], lit: Sequence[int], origin_m: Floats) -> Cut:
    """What lies around the ego's ways.

    ways_m: each [points, 2].  lit: the connectors whose lights were seen.
    """
    place = shapely.union_all(
        [shapely.LineString(way).simplify(1.0).buffer(REACH_M) for way in ways_m]
    )
    shapely.prepare(place)
    lanes = tuple(city.lanes_near(place))
    seen = {f"connector/{number}": number for number in lit}
    found = sorted(seen[lane.name] for lane in lanes if lane.name in seen)
    light_of = {number: light for light, number in enumerate(found)}
    for_cars = {lane.name: lane for lane in lanes if lane.is_for_cars}
    shapes = [
        shapely.transform(lane.shape, lambda at: at - origin_m) for lane in for_cars.values()
    ]
    return Cut(
        origin_m=origin_m,
        place=place,
        lanes=lanes,
        grounds=tuple(city.grounds_near(place)),
        light_of=light_of,
        matchable={
            name: _matchable(lane, for_cars, light_of, origin_m)
            for name, lane in for_cars.items()
        },
        names=tuple(for_cars),
        tree=shapely.STRtree(shapes),
    )


def _matchable(
    lane: MapLane, known: dict[str, MapLane], light_of: dict[int, int], origin_m: Floats
) -> lane_match.Lane:
    points, half_width = lane.centre
    return lane_match.Lane(
        id=lane.name,
        centre_m=points - origin_m,
        half_width_m=half_width,
        successors=tuple(name for name in lane.successors if name in known),
        neighbours=tuple(name for name in lane.neighbours if name in known),
        limit_mps=lane.limit_mps,
        light=_light(lane, light_of),
    )


def _light(lane: MapLane, light_of: dict[int, int]) -> int:
    kind, _, number = lane.name.partition("/")
    return light_of.get(int(number), -1) if kind == "connector" and number.isdigit() else -1


def _unique(lanes: Sequence[MapLane]) -> list[str]:
    return list(dict.fromkeys(lane.roadblock for lane in lanes))
