"""The map of a road as flat columns: lanes with their baselines, areas with their borders."""

from typing import Any, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray

from drivetrain.sim.scenario import AreaKind, Lane, Road, Table

Floats = NDArray[np.float64]

SAME_M = 0.002
"""Points closer to the line between others than this are left out: straight lines are long."""


class Columns(Protocol):
    """Where rows of a table go."""

    def rows(self, table: Table) -> int:
        """How many rows a table has so far."""

    def add(self, table: Table, **columns: Any) -> None:
        """Add rows to a table."""


def grounds_of(road: Road) -> list[tuple[AreaKind, tuple[Floats, ...], shapely.Polygon]]:
    """Kind, rings and shape of every area of a road, its lanes' outlines first."""
    rings: list[tuple[AreaKind, tuple[Floats, ...]]] = [
        (AreaKind.LANE, (lane.outline_m,)) for lane in road.lanes
    ]
    rings += [(area.kind, area.rings_m) for area in road.areas]
    shapes = [_shape(each) for _, each in rings]
    return [
        (kind, tuple(shapely.get_coordinates(ring) for ring in _rings(shape)), shape)
        for (kind, _), shape in zip(rings, shapes, strict=True)
    ]


def add_map(columns: Columns, road: Road) -> list[shapely.Polygon]:
    """Adds a road's lanes and areas; returns the areas' shapes in their order.

    Raises: ValueError naming what does not fit.
    """
    _check(road)
    grounds = grounds_of(road)
    first_area, first_lane = columns.rows("areas"), columns.rows("lanes")
    for at, (kind, rings, _) in enumerate(grounds):
        borders = np.concatenate([np.hstack([ring[:-1], ring[1:]]) for ring in rings])
        names = ("border_x0", "border_y0", "border_x1", "border_y1")
        columns.add("borders", **dict(zip(names, borders.T, strict=True)))
        outlined = first_lane + at if kind == AreaKind.LANE else -1
        first_border = columns.rows("borders")
        columns.add("areas", area_kind=kind, area_lane=outlined, first_border=first_border)
    for at, (lane, rule) in enumerate(zip(road.lanes, _rules(road.lanes), strict=True)):
        _add_lane(columns, lane, rule, first_area + at, first_lane)
    return [shape for _, _, shape in grounds]


def _check(road: Road) -> None:
    for at, lane in enumerate(road.lanes):
        if any(not 0 <= other < len(road.lanes) for other in lane.successors):
            raise ValueError(f"lane {at} of road {road.id} leads to a lane that does not exist")
        if not -1 <= lane.light < road.lights:
            raise ValueError(f"lane {at} of road {road.id} obeys a light that does not exist")
    for at, path in enumerate(road.paths):
        if any(not 0 <= stop.light < road.lights for stop in path.stops):
            raise ValueError(f"path {at} of road {road.id} obeys a light that does not exist")


def _rules(lanes: tuple[Lane, ...]) -> list[float]:
    """What a score holds against who is faster; of a connector, what the joined lanes say."""
    joined: list[list[float]] = [
        [lanes[after].limit_mps for after in lane.successors] for lane in lanes
    ]
    for lane in lanes:
        for after in lane.successors:
            joined[after].append(lane.limit_mps)
    known = [
        limits if lane.is_connector else [lane.limit_mps]
        for lane, limits in zip(lanes, joined, strict=True)
    ]
    # The highest of numbers, but NaN if one of them is NaN.
    return [float(np.max(limits)) if limits else float("nan") for limits in known]


def _add_lane(
    columns: Columns, lane: Lane, rule_mps: float, area: int, first_lane: int
) -> None:
    line = shapely.simplify(shapely.LineString(lane.baseline_m), SAME_M)
    points = shapely.get_coordinates(line)
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    arc = np.concatenate([[0.0], np.cumsum(lengths)])
    columns.add("bases", base_x=points[:, 0], base_y=points[:, 1], base_m=arc)
    if lane.successors:
        columns.add("nexts", next_lane=np.array(lane.successors) + first_lane)
    columns.add(
        "lanes",
        lane_area=area,
        lane_limit_mps=lane.limit_mps,
        lane_rule_mps=rule_mps,
        lane_block=lane.block,
        lane_light=lane.light,
        lane_is_connector=lane.is_connector,
        first_base=columns.rows("bases"),
        first_next=columns.rows("nexts"),
    )


def _shape(rings_m: tuple[Floats, ...]) -> shapely.Polygon:
    whole = shapely.Polygon(rings_m[0], rings_m[1:])
    simpler = shapely.simplify(whole, SAME_M)
    # A sliver may vanish when simplified; it stays as it was.
    return whole if shapely.is_empty(simpler) else simpler


def _rings(shape: shapely.Polygon) -> list[shapely.LinearRing]:
    return [shape.exterior, *shape.interiors]
