"""Both CommonRoad formats become the same kind of scenario."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import shapely

from drivetrain.data import lines, validate
from drivetrain.data.converters import commonroad
from drivetrain.data.converters.commonroad import recording_of, scenarios_of
from drivetrain.data.converters.contract import Repair, UnfitFileError
from drivetrain.errors import NotFoundError
from drivetrain.sim.scenario import AreaKind, Scenario, Signal
from tests.data.builders import Car, commonroad_2018b, commonroad_2020a, file_with

AHEAD = Car(7, x_m=30.0, y_m=0.2, speed_mps=8.0, steps=21)
BEHIND = Car(8, x_m=12.0, y_m=-0.1, speed_mps=6.0, steps=21)
BESIDE = Car(9, x_m=20.0, y_m=4.0, speed_mps=7.0, steps=9)
STANDING = Car(10, x_m=110.0, y_m=0.0, speed_mps=0.0, steps=21)
CARS = (AHEAD, BEHIND, BESIDE, STANDING)


def converted(folder: Path, text: str) -> list[Scenario]:
    found = list(scenarios_of(file_with(folder, text)))
    assert all(isinstance(one, Scenario | Repair) for one in found), found
    return [one for one in found if isinstance(one, Scenario)]


@pytest.fixture(params=["2018b", "2020a"])
def text(request: pytest.FixtureRequest) -> str:
    return {"2018b": commonroad_2018b, "2020a": commonroad_2020a}[request.param](CARS)


def test_every_car_that_is_always_seen_and_moves_becomes_an_expert(
    tmp_path: Path, text: str
) -> None:
    found = converted(tmp_path, text)
    assert [one.id.split("/")[1] for one in found] == ["7", "8"]
    assert all(one.tracks.x_m.shape == (4, 21) for one in found)
    assert all(validate.fault(one) is None for one in found)


def test_scenarios_of_one_file_share_its_road(tmp_path: Path, text: str) -> None:
    first, second = converted(tmp_path, text)
    assert first.road is second.road


def test_the_origin_takes_the_map_to_its_middle(tmp_path: Path, text: str) -> None:
    found = converted(tmp_path, text)[0]
    assert found.origin_m == (60.0, 2.0)
    assert found.tracks.x_m[0, 0] + 60.0 == pytest.approx(30.0)
    assert found.tracks.y_m[0, 0] + 2.0 == pytest.approx(0.2)


def test_the_scalar_speed_points_along_the_heading(tmp_path: Path, text: str) -> None:
    found = converted(tmp_path, text)[0]
    np.testing.assert_allclose(found.tracks.vx_mps[0], 8.0)
    np.testing.assert_allclose(found.tracks.vy_mps[0], 0.0)


def test_limits_come_from_numbers_signs_or_not_at_all(tmp_path: Path) -> None:
    for text, limit in (
        (commonroad_2018b(CARS, 13.4112), 13.4112),
        (commonroad_2020a(CARS, 11.176), 11.176),
        (commonroad_2018b(CARS, None), np.nan),
    ):
        found = converted(tmp_path, text)[0]
        for path in found.road.paths:
            np.testing.assert_array_equal(path.limit_mps, limit)


def test_without_limits_drivers_like_at_least_ten_metres_per_second(tmp_path: Path) -> None:
    slow = converted(tmp_path, commonroad_2018b(CARS, None))[0]
    np.testing.assert_array_equal(slow.desired_mps[slow.agent_path >= 0], 10.0)
    limited = converted(tmp_path, commonroad_2018b(CARS))[0]
    assert np.isnan(limited.desired_mps).all()


def test_the_route_runs_through_the_driven_lanes_to_the_end_of_the_map(
    tmp_path: Path, text: str
) -> None:
    found = converted(tmp_path, text)[0]
    line = found.road.paths[found.route]
    ego_x_m = found.tracks.x_m[found.ego]
    np.testing.assert_allclose(line.points_m[:, 1], -2.0, atol=1e-6)  # y = 0 in the file
    np.testing.assert_allclose(line.half_width_m, 2.0)
    assert line.points_m[0, 0] < ego_x_m[0]
    assert line.points_m[-1, 0] == pytest.approx(60.0, abs=1.0)


def test_traffic_drives_on_beyond_the_map_and_the_ego_arrives(tmp_path: Path) -> None:
    first, second, *_ = converted(tmp_path, commonroad_2018b(CARS))
    ahead = second.agent_path[first.ego]
    assert ahead not in {first.route, -1}
    line = second.road.paths[ahead]
    # The map ends at x = 60; nobody stops there, as nobody would.
    assert line.points_m[-1, 0] == pytest.approx(160.0, abs=1.0)
    assert first.agent_path[first.ego] == first.route


def test_a_car_that_stands_all_the_time_only_replays(tmp_path: Path, text: str) -> None:
    found = converted(tmp_path, text)[0]
    assert (found.agent_path >= 0).tolist() == [True, True, True, False]


def test_a_car_that_left_early_is_absent_afterwards(tmp_path: Path, text: str) -> None:
    found = converted(tmp_path, text)[0]
    assert found.tracks.valid[2].tolist() == [True] * 9 + [False] * 12


def test_the_road_is_open_where_the_map_ends_but_not_where_a_lane_does(
    tmp_path: Path, text: str
) -> None:
    road = converted(tmp_path, text)[0].road
    edges = road.edges_m
    upright = np.abs(edges[:, 0] - edges[:, 2]) < 0.3
    middle_x_m = 0.5 * (edges[:, 0] + edges[:, 2])
    # Lanelet 3 ends at x = 60 (0 around the origin) beside one that goes on: a lane drop.
    assert (np.abs(middle_x_m[upright]) < 0.5).any()
    assert not (np.abs(middle_x_m[upright]) > 55.0).any()


def test_a_change_of_lane_is_one_smooth_line(tmp_path: Path) -> None:
    states = commonroad_2018b([Car(7, 2.0, 0.0, 10.0, 41), BEHIND])
    for step in range(41):
        x_m, y_m = 2.0 + step, 4.0 * min(max((step - 10) / 20, 0.0), 1.0)
        states = states.replace(f"<x>{x_m}</x><y>0.0</y>", f"<x>{x_m}</x><y>{y_m}</y>")
    found = converted(tmp_path, states)[0]
    line = found.road.paths[found.route].points_m
    turns = np.diff(np.unwrap(np.arctan2(*np.diff(line, axis=0).T[::-1])))
    assert line[0, 1] == pytest.approx(-2.0, abs=0.1)
    assert line[-1, 1] == pytest.approx(2.0, abs=0.1)
    assert np.abs(turns).max() < 0.15


def test_a_car_off_every_lane_has_no_route(tmp_path: Path) -> None:
    lost = Car(7, x_m=30.0, y_m=60.0, speed_mps=8.0, steps=21)
    found = list(scenarios_of(file_with(tmp_path, commonroad_2020a([lost, BEHIND]))))
    assert found[:2] == [Repair("smoothed_track", 2), "no_route"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "unreadable"),
        ("<commonRoad", "unreadable"),
        ("<other/>", "not_commonroad"),
        ("<commonRoad/>", "other_time_step"),
        ('<commonRoad timeStepSize="fast"/>', "other_time_step"),
        ('<commonRoad timeStepSize="0.04"/>', "other_time_step"),
        ('<commonRoad timeStepSize="0.1"/>', "no_cars_or_no_lanes"),
        (
            commonroad_2018b(CARS).replace("<exact>0.0</exact>", "<exact>x</exact>"),
            "unreadable",
        ),
        (commonroad_2018b(CARS).replace("rectangle", "polygon"), "unreadable"),
        (commonroad_2018b(CARS).replace("<exact>5</exact>", "<exact>4</exact>"), "unreadable"),
        (commonroad_2018b([]), "no_cars_or_no_lanes"),
    ],
)
def test_an_unfit_file_is_named_by_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UnfitFileError, match=reason):
        list(scenarios_of(file_with(tmp_path, text)))


def test_entities_are_refused_before_they_expand(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb">]>' + commonroad_2018b(CARS).split("?>")[1]
    with pytest.raises(UnfitFileError, match="unreadable"):
        list(scenarios_of(file_with(tmp_path, bomb)))


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
def test_a_file_with_a_number_that_is_none_is_unreadable(tmp_path: Path, bad: str) -> None:
    whole = commonroad_2018b((Car(7, 30.0, 0.0, 8.0, 21),))
    broken = re.sub(r"<x>[^<]*</x>", f"<x>{bad}</x>", whole)
    assert broken != whole
    with pytest.raises(UnfitFileError, match="unreadable"):
        list(scenarios_of(file_with(tmp_path, broken)))


def test_a_file_that_goes_on_for_years_is_unreadable(tmp_path: Path) -> None:
    whole = commonroad_2018b((Car(7, 30.0, 0.0, 8.0, 21),))
    broken = whole.replace("<exact>20</exact>", "<exact>999999999999</exact>")
    assert broken != whole
    with pytest.raises(UnfitFileError, match="unreadable"):
        list(scenarios_of(file_with(tmp_path, broken)))


def test_a_pipe_among_the_files_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.xml")
    file = file_with(tmp_path, "<html/>", "b.xml")
    assert commonroad.files_in([tmp_path]) == [file]


def test_a_source_without_files_is_not_found(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "nowhere.xml"):
        with pytest.raises(NotFoundError, match="no CommonRoad file"):
            commonroad.files_in([source])


@pytest.mark.parametrize(
    ("name", "recording"),
    [
        ("USA_US101-4_1_T-1", "USA_US101"),
        ("USA_US101-12_3_S-2", "USA_US101"),
        ("C-DEU_B471-1_1_T-1", "DEU_B471"),
        ("something else", "something else"),
    ],
)
def test_files_of_one_recording_share_a_group(name: str, recording: str) -> None:
    assert recording_of(name) == recording


def test_a_car_seen_for_three_seconds_of_more_is_an_expert_of_its_own_time(
    tmp_path: Path,
) -> None:
    cars = (Car(7, 2.0, 0.0, 2.0, 61), Car(8, 30.0, 0.0, 3.0, 40), Car(9, 70.0, 0.0, 3.0, 29))
    found = converted(tmp_path, commonroad_2018b(cars))
    assert [one.tracks.x_m.shape for one in found] == [(3, 61), (3, 40)]
    assert all(one.tracks.valid[one.ego].all() for one in found)
    assert {one.group for one in found} == {"USA_Test"}


def test_tracks_lose_their_jitter_and_velocities_follow_positions(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.15, 61)
    text = commonroad_2018b([Car(7, 2.0, 0.0, 10.0, 61), BEHIND])
    for step, off_m in enumerate(noise):
        x_m = 2.0 + step
        text = text.replace(f"<x>{x_m}</x><y>0.0</y>", f"<x>{x_m + off_m}</x><y>0.0</y>")
    tracks = converted(tmp_path, text)[0].tracks
    recorded_mps = np.diff(np.arange(61.0) + noise) / 0.1
    assert np.abs(recorded_mps - 10.0).max() > 3.0
    # At the ends the last fit goes on, without samples beyond to hold it.
    assert np.abs(tracks.vx_mps[0, 8:-8] - 10.0).max() < 1.0
    np.testing.assert_allclose(np.gradient(tracks.x_m[0], 0.1), tracks.vx_mps[0], atol=0.6)
    np.testing.assert_array_equal(tracks.vy_mps[0], 0.0)


def test_lanelets_are_lanes_with_bounds_limits_and_successors(
    tmp_path: Path, text: str
) -> None:
    lanes = converted(tmp_path, text)[0].road.lanes
    assert [lane.successors for lane in lanes] == [(1,), (), ()]
    assert lanes[0].block == lanes[2].block != lanes[1].block
    assert not any(lane.is_connector for lane in lanes)
    assert {lane.limit_mps for lane in lanes} in ({13.4112}, {11.176})
    np.testing.assert_allclose(np.ptp(lanes[0].outline_m, axis=0), [60.0, 4.0])
    np.testing.assert_allclose(lanes[0].baseline_m[[0, -1]], [[-60.0, -2.0], [0.0, -2.0]])


def test_the_ground_is_all_lanelets_and_goes_on_where_only_the_map_ends(
    tmp_path: Path, text: str
) -> None:
    road = converted(tmp_path, text)[0].road
    ground = shapely.union_all(
        [shapely.Polygon(a.rings_m[0]) for a in road.areas if a.kind == AreaKind.DRIVABLE]
    )
    for x_m, y_m, is_ground in (
        (-30.0, 2.0, True),
        (30.0, 2.0, False),  # behind the lane drop
        (150.0, -2.0, True),
        (170.0, -2.0, False),
        (-65.0, 2.0, True),
    ):
        assert ground.contains(shapely.Point(x_m, y_m)) == is_ground


def test_a_crosswalk_is_no_lane(tmp_path: Path) -> None:
    text = commonroad_2018b(CARS)
    text = text.replace(
        '<lanelet id="3">', '<lanelet id="3"><laneletType>crosswalk</laneletType>'
    )
    road = converted(tmp_path, text)[0].road
    assert len(road.lanes) == 2
    assert [area.kind for area in road.areas].count(AreaKind.CROSSWALK) == 1


def lit(cycle: str = "", rest: str = "") -> str:
    """The two lanelets with a light at the end of the first: green 2, yellow 1, red 3."""
    phases = "".join(
        f"<cycleElement><duration>{steps}</duration><color>{colour}</color></cycleElement>"
        for steps, colour in ((2, "green"), (1, "yellow"), (3, "red"))
    )
    light = f'<trafficLight id="70"><cycle>{cycle or phases}</cycle>{rest}</trafficLight>'
    text = commonroad_2020a(CARS).replace(
        '<successor ref="2"/>', '<successor ref="2"/><trafficLightRef ref="70"/>'
    )
    return text.replace("</commonRoad>", f"{light}</commonRoad>")


def test_a_light_is_obeyed_by_the_lanelet_behind_it(tmp_path: Path) -> None:
    found = converted(tmp_path, lit())[0]
    assert found.road.lights == 1
    assert [lane.light for lane in found.road.lanes] == [-1, 0, -1]
    (stop,) = found.road.paths[found.route].stops
    at_m = lines.at(found.road.paths[found.route].points_m, np.array([stop.along_m]))[0]
    np.testing.assert_allclose(at_m, [0.0, -2.0], atol=0.1)


@pytest.mark.parametrize(
    ("rest", "shown"),
    [
        ("", "001222001222001222001"),
        ("<active>false</active>", "4" * 21),
    ],
)
def test_a_light_shows_its_cycle(tmp_path: Path, rest: str, shown: str) -> None:
    signals = converted(tmp_path, lit(rest=rest))[0].signals
    assert signals is not None
    assert "".join(map(str, signals[0])) == shown


def test_a_cycle_begins_at_its_offset(tmp_path: Path) -> None:
    text = lit().replace("</cycle>", "<timeOffset>4</timeOffset></cycle>")
    signals = converted(tmp_path, text)[0].signals
    assert signals is not None
    assert "".join(map(str, signals[0][:10])) == "1222001222"


def test_a_light_without_a_cycle_is_unknown(tmp_path: Path) -> None:
    text = re.sub("<cycle>.*</cycle>", "", lit())
    signals = converted(tmp_path, text)[0].signals
    assert signals is not None
    assert set(signals[0].tolist()) == {Signal.UNKNOWN}


@pytest.mark.parametrize(("right", "wrong"), [(">2</dur", ">0</dur"), ("yellow", "blue")])
def test_a_cycle_that_cannot_be_is_unreadable(tmp_path: Path, right: str, wrong: str) -> None:
    with pytest.raises(UnfitFileError, match="unreadable"):
        list(scenarios_of(file_with(tmp_path, lit().replace(right, wrong))))


def test_a_car_that_jumps_is_left_out_and_counted(tmp_path: Path) -> None:
    text = commonroad_2018b(CARS).replace("<x>38.0</x>", "<x>58.0</x>")
    found = list(scenarios_of(file_with(tmp_path, text)))
    assert Repair("dropped_jumping_track", 1) in found
    experts = [one for one in found if isinstance(one, Scenario)]
    assert [one.id.split("/")[1] for one in experts] == ["8"]
    assert len(experts[0].tracks.x_m) == 3
