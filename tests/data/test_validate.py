"""A scenario that could not be driven is left out, with the reason."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drivetrain.data.validate import fault
from drivetrain.sim.scenario import Lane, Scenario, Tracks
from tests.data.builders import scenario


def changed(column: str, at: Any, value: float) -> Callable[[Scenario], Scenario]:
    """A change of one number of the tracks."""

    def change(good: Scenario) -> Scenario:
        numbers = getattr(good.tracks, column).copy()
        numbers[at] = value
        return replace(good, tracks=replace(good.tracks, **{column: numbers}))

    return change


def shorter(good: Scenario) -> Scenario:
    columns = ("x_m", "y_m", "heading_rad", "vx_mps", "vy_mps", "valid")
    cut = {name: getattr(good.tracks, name)[:, :1] for name in columns}
    return replace(good, tracks=replace(good.tracks, **cut))


def without_length(good: Scenario) -> Scenario:
    path = good.road.paths[0]
    point = replace(path, points_m=np.repeat(path.points_m[:1], len(path.points_m), axis=0))
    return replace(good, road=replace(good.road, paths=(point, *good.road.paths[1:])))


def with_an_edge_to(x_m: float) -> Callable[[Scenario], Scenario]:
    """A change of the road: an edge of it leads to a far-off point."""

    def change(good: Scenario) -> Scenario:
        edges = np.concatenate([good.road.edges_m, [[0.0, -3.0, x_m, -3.0]]])
        return replace(good, road=replace(good.road, edges_m=edges))

    return change


def with_a_lane_to(x_m: float) -> Callable[[Scenario], Scenario]:
    """A change of the road: its map has a lane that reaches to a far-off point."""

    def change(good: Scenario) -> Scenario:
        corners = np.array([[0.0, 0.0], [x_m, 0.0], [x_m, 4.0], [0.0, 4.0]])
        lane = Lane(corners, corners[:2], 10.0, block=0, is_connector=False)
        return replace(good, road=replace(good.road, lanes=(lane,)))

    return change


FAULTS: list[tuple[str, Callable[[Scenario], Scenario]]] = [
    ("misshapen", shorter),
    ("index_out_of_range", lambda good: replace(good, route=2)),
    ("index_out_of_range", lambda good: replace(good, ego=-1)),
    ("index_out_of_range", lambda good: replace(good, agent_path=good.agent_path + 2)),
    ("not_finite", changed("x_m", (1, 2), np.nan)),
    ("not_finite", changed("vy_mps", (1, 2), np.inf)),
    ("not_finite", lambda good: replace(good, desired_mps=np.full(3, np.inf))),
    ("not_finite", with_a_lane_to(np.nan)),
    ("road_too_large", with_an_edge_to(1e9)),
    ("road_too_large", with_a_lane_to(-1e300)),
    ("empty_path", without_length),
    ("bad_size", changed("length_m", 1, 30.0)),
    ("bad_size", changed("width_m", 1, 0.0)),
    ("too_fast", changed("vx_mps", (2, 0), -70.1)),
    ("jump", changed("x_m", (2, 5), 90.0)),
    ("ego_not_always_seen", changed("valid", (0, 3), 0)),
    ("initial_overlap", changed("x_m", (1, slice(None)), 57.0)),
    ("starts_off_road", changed("y_m", (0, slice(None)), -2.5)),
]


def test_a_good_scenario_has_no_fault() -> None:
    assert fault(scenario("good")) is None


@pytest.mark.parametrize(("reason", "spoil"), FAULTS)
def test_a_fault_is_named(reason: str, spoil: Callable[[Scenario], Scenario]) -> None:
    assert fault(spoil(scenario("bad"))) == reason


def test_an_agent_that_was_not_seen_at_first_cannot_overlap() -> None:
    good = scenario("good")
    seen = good.tracks.valid.copy()
    seen[1, 0] = False
    x_m = good.tracks.x_m.copy()
    x_m[1] = 57.0
    tracks: Tracks = replace(good.tracks, valid=seen, x_m=x_m)
    assert fault(replace(good, tracks=tracks)) is None


def test_standing_still_is_no_fault() -> None:
    assert fault(scenario("good", speed_mps=0.0)) is None
