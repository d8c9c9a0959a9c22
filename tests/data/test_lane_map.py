"""Lanes with bounds become the lanes, blocks and intersections of a road."""

from dataclasses import replace

import numpy as np
import pytest
import shapely

from drivetrain.data import lane_map, surface
from drivetrain.data.lane_map import MapLane
from drivetrain.sim.scenario import AreaKind


def lane(
    name: str,
    begin_m: tuple[float, float],
    end_m: tuple[float, float],
    successors: tuple[str, ...] = (),
    neighbours: tuple[str, ...] = (),
) -> MapLane:
    """A straight lane, 4 m wide."""
    ends = np.array([begin_m, end_m])
    along = (ends[1] - ends[0]) / np.hypot(*(ends[1] - ends[0]))
    left = 2.0 * np.array([-along[1], along[0]])
    return lane_map.bounded(name, (ends + left, ends - left), successors, neighbours, 13.9)


def crossroads() -> dict[str, MapLane]:
    """Two lanes to the east cross one to the north; connectors are not marked yet."""
    return {
        part.lane.id: part
        for part in (
            lane("west", (-50, 0), (-10, 0), ("over",), ("west_left",)),
            lane("west_left", (-50, 4), (-10, 4), ("over_left",), ("west",)),
            lane("over", (-10, 0), (10, 0), ("east",)),
            lane("over_left", (-10, 4), (10, 4), ("east_left",)),
            lane("east", (10, 0), (50, 0), (), ("east_left",)),
            lane("east_left", (10, 4), (50, 4), (), ("east",)),
            lane("south", (0, -50), (0, -10), ("up",)),
            lane("up", (0, -10), (0, 14), ("north",)),
            lane("north", (0, 14), (0, 50)),
        )
    }


def marked(lanes: dict[str, MapLane]) -> dict[str, MapLane]:
    crossing = lane_map.crossing_lanes(lanes)
    return {name: replace(part, is_connector=name in crossing) for name, part in lanes.items()}


def test_lanes_that_share_ground_cross_and_those_beside_each_other_do_not() -> None:
    assert lane_map.crossing_lanes(crossroads()) == {"over", "over_left", "up"}


def test_lanes_beside_each_other_are_one_block() -> None:
    lanes = marked(crossroads())
    block = {
        name: each.block for name, each in zip(lanes, lane_map.road_lanes(lanes), strict=True)
    }
    assert block["west"] == block["west_left"]
    assert block["east"] == block["east_left"]
    assert len({block[name] for name in ("west", "over", "east", "south", "up", "north")}) == 6


def test_connectors_of_the_same_two_blocks_are_one_block() -> None:
    lanes = marked(crossroads())
    roads = dict(zip(lanes, lane_map.road_lanes(lanes), strict=True))
    assert roads["over"].block == roads["over_left"].block != roads["up"].block


def test_successors_are_rows_of_the_roads_lanes() -> None:
    lanes = marked(crossroads())
    found = lane_map.road_lanes(lanes)
    names = list(lanes)
    for name, each in zip(names, found, strict=True):
        assert tuple(names[at] for at in each.successors) == lanes[name].lane.successors


def test_connectors_that_meet_are_one_intersection() -> None:
    lanes = marked(crossroads())
    ground = surface.union([part.outline_m for part in lanes.values()])
    areas = lane_map.areas(lanes, ground)
    (crossing,) = [area for area in areas if area.kind == AreaKind.INTERSECTION]
    shape = shapely.Polygon(crossing.rings_m[0])
    assert shape.bounds == pytest.approx((-10.0, -10.0, 10.0, 14.0), abs=0.1)
    assert [area.kind for area in areas].count(AreaKind.DRIVABLE) == 1


def test_ground_goes_on_beyond_an_open_end_and_a_little_before_a_beginning() -> None:
    part = lane("only", (0, 0), (0, 30))
    ahead, behind = lane_map.beyond([(part, True), (part, False)])
    assert shapely.Polygon(ahead.rings_m[0]).bounds == pytest.approx((-2, 30, 2, 130))
    assert shapely.Polygon(behind.rings_m[0]).bounds == pytest.approx((-2, -10, 2, 0))


def test_a_lane_whose_bounds_cross_keeps_its_larger_side() -> None:
    left = np.array([[0.0, 2.0], [30.0, 2.0], [32.0, -1.0]])
    right = np.array([[0.0, -2.0], [30.0, -2.0], [32.0, 0.0]])
    part = lane_map.bounded("twisted", (left, right), (), (), 1.0)
    shape = shapely.Polygon(part.outline_m)
    assert shape.is_valid
    assert shape.area > 115.0
