"""A track becomes the line that its driver followed."""

from dataclasses import replace

import numpy as np
import pytest

from drivetrain.data import lane_match, lines
from drivetrain.data.driving_line import DrivingLine
from drivetrain.data.lane_match import Lane
from drivetrain.sim.scenario import Path


def lane(
    name: str,
    span_m: tuple[float, float],
    y_m: float = 0.0,
    successors: tuple[str, ...] = (),
    neighbours: tuple[str, ...] = (),
) -> Lane:
    """A straight lane to the east."""
    x_m = np.linspace(*span_m, 12)
    centre_m = np.stack([x_m, np.full(12, y_m)], axis=1)
    return Lane(name, centre_m, np.full(12, 1.75), successors, neighbours, 13.9)


APPROACH = lane("approach", (0.0, 50.0), successors=("crossing",))
CROSSING = replace(lane("crossing", (50.0, 80.0), successors=("exit",)), light=2)
EXIT = lane("exit", (80.0, 120.0))
STRAIGHT = (APPROACH, CROSSING, EXIT)


def driven(lanes: tuple[Lane, ...], x_m: np.ndarray, y_m: np.ndarray | float = 0.0) -> Path:
    return line_of(lanes, track_of(x_m, y_m)).path


def track_of(x_m: np.ndarray, y_m: np.ndarray | float = 0.0) -> np.ndarray:
    return np.stack([x_m, np.broadcast_to(y_m, x_m.shape)], axis=1)


def line_of(lanes: tuple[Lane, ...], track: np.ndarray) -> DrivingLine:
    known = {each.id: each for each in lanes}
    heading = np.arctan2(*np.gradient(track, axis=0).T[::-1])
    stays = lane_match.match(known, track, heading)
    return lane_match.driving_line(known, stays, speed_mps=5.0)


def place(path: Path, along_m: float) -> np.ndarray:
    return np.asarray(lines.at(path.points_m, np.array([along_m]))[0])


def test_the_line_stops_where_it_enters_a_lane_with_a_light() -> None:
    path = driven(STRAIGHT, np.arange(20.0, 100.0))
    (stop,) = path.stops
    assert stop.light == 2
    np.testing.assert_allclose(place(path, stop.along_m), [50.0, 0.0], atol=1e-6)


def test_a_light_ahead_of_the_track_is_met_as_well() -> None:
    path = driven(STRAIGHT, np.arange(20.0, 40.0))
    assert [stop.light for stop in path.stops] == [2]
    np.testing.assert_allclose(place(path, path.stops[0].along_m), [50.0, 0.0], atol=1e-6)


def test_a_line_that_begins_in_a_lane_with_a_light_has_no_stop_there() -> None:
    assert driven(STRAIGHT, np.arange(70.0, 110.0)).stops == ()


def test_lanes_under_one_light_are_one_stop() -> None:
    second = replace(EXIT, light=2)
    path = driven((APPROACH, CROSSING, second), np.arange(20.0, 110.0))
    assert len(path.stops) == 1


def test_each_light_on_the_way_is_a_stop_in_order() -> None:
    second = replace(EXIT, light=0)
    path = driven((APPROACH, CROSSING, second), np.arange(20.0, 110.0))
    assert [stop.light for stop in path.stops] == [2, 0]
    assert path.stops[0].along_m < path.stops[1].along_m


def test_a_change_of_lane_at_the_crossing_stops_at_the_line_not_behind_it() -> None:
    beside = lane("beside", (0.0, 50.0), 3.5, neighbours=("approach",))
    x_m = np.arange(5.0, 79.0)
    y_m = 3.5 - 3.5 * np.clip((x_m - 44.0) / 14.0, 0.0, 1.0)
    path = driven((replace(APPROACH, neighbours=("beside",)), CROSSING, EXIT, beside), x_m, y_m)
    (stop,) = path.stops
    assert place(path, stop.along_m)[0] == pytest.approx(50.0, abs=3.0)


def test_a_change_between_lanes_of_a_crossing_passes_no_second_stop_line() -> None:
    left = replace(lane("left", (0.0, 80.0), 3.5, neighbours=("right",)), light=0)
    right = replace(lane("right", (0.0, 80.0), 0.0, neighbours=("left",)), light=1)
    x_m = np.arange(5.0, 75.0)
    y_m = 3.5 * np.clip((x_m - 20.0) / 30.0, 0.0, 1.0)
    assert driven((left, right), x_m, y_m).stops == ()


def test_the_line_goes_on_for_150_metres_along_the_straightest_successor() -> None:
    bend_rad = np.linspace(0.0, 1.2, 30)
    bend = np.stack([120.0 + 30.0 * np.sin(bend_rad), 30.0 - 30.0 * np.cos(bend_rad)], axis=1)
    fork = replace(EXIT, successors=("bend", "onward"))
    lanes = (
        APPROACH,
        CROSSING,
        fork,
        Lane("bend", bend, np.full(30, 1.75), (), (), 13.9),
        lane("onward", (120.0, 400.0)),
    )
    path = driven(lanes, np.arange(20.0, 40.0))
    assert path.points_m[-1, 0] >= 39.0 + 150.0
    assert np.abs(path.points_m[:, 1]).max() < 1e-6


def test_a_lane_shorter_than_a_step_is_passed() -> None:
    sliver = lane("sliver", (50.0, 50.4), successors=("exit",))
    path = driven(
        (replace(APPROACH, successors=("sliver",)), sliver, lane("exit", (50.4, 120.0))),
        np.arange(20.0, 100.0, 2.0),
    )
    assert np.hypot(*np.diff(path.points_m, axis=0).T).max() < 1.1


def test_a_track_on_a_sliver_of_a_lane_alone_still_has_a_line() -> None:
    path = driven((lane("sliver", (0.0, 0.4)),), np.linspace(0.0, 0.4, 5))
    assert lines.arc_length(path.points_m)[-1] > 90.0


def test_a_route_ends_where_its_lanes_end_and_traffic_drives_on() -> None:
    track = track_of(np.arange(20.0, 70.0))
    line = line_of(STRAIGHT, track)
    route = line.as_route(track)
    assert line.path.points_m[-1, 0] == pytest.approx(220.0, abs=1.0)
    assert route.points_m[-1, 0] == pytest.approx(120.0, abs=1.0)
    assert len(route.half_width_m) == len(route.limit_mps) == len(route.points_m)
    assert route.stops == line.path.stops


def test_a_route_ends_a_little_behind_an_expert_that_left_the_map() -> None:
    track = track_of(np.arange(20.0, 141.0))
    route = line_of(STRAIGHT, track).as_route(track)
    assert route.points_m[-1, 0] == pytest.approx(145.0, abs=1.0)


def test_a_route_is_the_whole_line_where_the_map_goes_on() -> None:
    track = track_of(np.arange(20.0, 40.0))
    line = line_of((APPROACH, CROSSING, lane("exit", (80.0, 400.0))), track)
    assert line.as_route(track) is line.path
