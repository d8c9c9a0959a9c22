"""A recording's lanes as the map of a road: blocks, connectors, intersections, ground."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import shapely

from drivetrain.data import lane_match, lines, surface
from drivetrain.data.lines import Floats
from drivetrain.data.place_map import areas_of
from drivetrain.sim.scenario import Area, AreaKind, Lane

BEHIND_MAP_M = 10.0
"""Ground behind a lane that begins where the map does: a car that enters reaches back."""

SHARED_M2 = 2.0
"""Two lanes that are not beside each other and share more ground than this cross, fork or
merge. Bounds are drawn by hand: neighbours overlap by decimetres."""


@dataclass(frozen=True, slots=True)
class MapLane:
    """A lane with its bounds.

    lane: as tracks are matched to it.  left_m, right_m: [points, 2] each, equally many, in
    driving direction.  is_connector: whether it leads through an intersection.
    """

    lane: lane_match.Lane
    left_m: Floats
    right_m: Floats
    is_connector: bool = False

    @property
    def outline_m(self) -> Floats:
        """Its ring [corners, 2]; where bounds cross, the larger side's."""
        whole = shapely.Polygon(np.concatenate([self.left_m, self.right_m[::-1]]))
        if not whole.is_valid:
            parts = shapely.get_parts(shapely.make_valid(whole))
            whole = max(parts, key=lambda part: float(part.area))
        ring: Floats = shapely.get_coordinates(shapely.get_exterior_ring(whole))
        return ring

    def moved(self, by_m: Floats) -> "MapLane":
        """The same lane elsewhere.  by_m: [2]."""
        lane = replace(self.lane, centre_m=self.lane.centre_m + by_m)
        return replace(self, lane=lane, left_m=self.left_m + by_m, right_m=self.right_m + by_m)


def bounded(
    name: str,
    bounds_m: tuple[Floats, Floats],
    successors: Iterable[str],
    neighbours: Iterable[str],
    limit_mps: float,
) -> MapLane:
    """A lane from its left and its right bound; the centre line is in the middle."""
    left_m, right_m = bounds_m
    if len(left_m) != len(right_m):
        length_m = max(lines.arc_length(bound)[-1] for bound in bounds_m)
        count = max(len(left_m), len(right_m), int(np.ceil(length_m)) + 1)
        left_m, right_m = (_evenly(bound, count) for bound in bounds_m)
    centre_m = 0.5 * (left_m + right_m)
    new = lines.without_repeats(centre_m)
    lane = lane_match.Lane(
        id=name,
        centre_m=centre_m[new],
        half_width_m=0.5 * np.hypot(*(left_m - right_m)[new].T),
        successors=tuple(successors),
        neighbours=tuple(neighbours),
        limit_mps=limit_mps,
    )
    return MapLane(lane, left_m, right_m)


def crossing_lanes(lanes: Mapping[str, MapLane]) -> set[str]:
    """The lanes that share ground with another one that is not beside them."""
    names = list(lanes)
    shapes = shapely.make_valid([shapely.Polygon(lanes[name].outline_m) for name in names])
    tree = shapely.STRtree(shapes)
    found: set[str] = set()
    for one, other in tree.query(shapes, predicate="intersects").T:
        here, there = names[one], names[other]
        beside = {*lanes[here].lane.neighbours, *lanes[there].lane.neighbours}
        if one >= other or beside & {here, there}:
            continue
        if shapely.area(shapely.intersection(shapes[one], shapes[other])) > SHARED_M2:
            found |= {here, there}
    return found


def road_lanes(lanes: Mapping[str, MapLane]) -> tuple[Lane, ...]:
    """The lanes as a road has them, in their order."""
    index = {name: at for at, name in enumerate(lanes)}
    block = _blocks(lanes)
    return tuple(
        Lane(
            outline_m=part.outline_m,
            baseline_m=part.lane.centre_m,
            limit_mps=part.lane.limit_mps,
            block=block[name],
            is_connector=part.is_connector,
            successors=tuple(index[after] for after in part.lane.successors),
            light=part.lane.light,
        )
        for name, part in lanes.items()
    )


def areas(lanes: Mapping[str, MapLane], drivable: shapely.Geometry) -> tuple[Area, ...]:
    """The drivable ground, and each intersection: the ground of connectors that meet."""
    outlines = [part.outline_m for part in lanes.values() if part.is_connector]
    if not outlines:
        return areas_of(drivable)
    return (
        *areas_of(drivable),
        *areas_of(surface.filled(surface.union(outlines)), AreaKind.INTERSECTION),
    )


def beyond(ends: Iterable[tuple[MapLane, bool]]) -> tuple[Area, ...]:
    """The ground on which lanes run on where the map ends, unseen but surely there.

    ends: lanes, each with whether it is its end (else its beginning) that lies open.
    """
    found: list[Area] = []
    for part, is_end in ends:
        corners = np.stack([part.left_m, part.right_m])[:, -1 if is_end else 0]
        heading = lines.headings(part.lane.centre_m)[-1 if is_end else 0]
        reach_m = lane_match.BEYOND_MAP_M if is_end else -BEHIND_MAP_M
        onward = reach_m * np.array([np.cos(heading), np.sin(heading)])
        ring = np.concatenate([corners, corners[::-1] + onward])
        found.append(Area(AreaKind.DRIVABLE, (ring,)))
    return tuple(found)


def _evenly(bound_m: Floats, count: int) -> Floats:
    return lines.at(bound_m, np.linspace(0.0, lines.arc_length(bound_m)[-1], count))


def _blocks(lanes: Mapping[str, MapLane]) -> dict[str, int]:
    """The block of every lane: lanes beside each other, and connectors between two blocks."""
    groups = _Groups(lanes)
    for name, part in lanes.items():
        for other in part.lane.neighbours:
            if lanes[other].is_connector == part.is_connector:
                groups.join(name, other)
    for alike in _between_blocks(lanes, groups):
        for name in alike[1:]:
            groups.join(alike[0], name)
    numbers: dict[str, int] = {}
    return {name: numbers.setdefault(groups.of(name), len(numbers)) for name in lanes}


def _between_blocks(lanes: Mapping[str, MapLane], groups: "_Groups") -> list[list[str]]:
    """Connectors that come from the same blocks and lead to the same blocks."""
    before: dict[str, set[str]] = {name: set() for name in lanes}
    for name, part in lanes.items():
        for after in part.lane.successors:
            before[after].add(groups.of(name))
    alike: dict[tuple[frozenset[str], frozenset[str]], list[str]] = {}
    for name, part in lanes.items():
        onward = frozenset(groups.of(after) for after in part.lane.successors)
        if part.is_connector and onward and before[name]:
            alike.setdefault((frozenset(before[name]), onward), []).append(name)
    return list(alike.values())


class _Groups:
    """Sets that grow together."""

    def __init__(self, names: Iterable[str]) -> None:
        self._above = {name: name for name in names}

    def of(self, name: str) -> str:
        """The name that stands for a set."""
        while self._above[name] != name:
            name = self._above[name]
        return name

    def join(self, one: str, other: str) -> None:
        """Makes one set of two."""
        self._above[self.of(other)] = self.of(one)
