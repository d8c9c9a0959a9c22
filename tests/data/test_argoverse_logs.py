"""The real Argoverse 2 logs, where they are at hand."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely

from drivetrain.data import lines, validate
from drivetrain.data.converters import argoverse
from drivetrain.sim.scenario import AreaKind, Category, Scenario
from tests.data import replays

SHARED = Path(
    os.environ.get("DRIVETRAIN_SHARED_DATA")
    or Path(__file__).resolve().parents[3] / "shared" / "data"
)
SOURCE = SHARED / "av2"
MIAMI = "3b3570b4-7b0b-3268-a571-b0889dbf40b6"
PITTSBURGH = "adcf7d18-0510-35b0-a2fa-b4cea13a6d76"

pytestmark = pytest.mark.skipif(
    not SOURCE.is_dir(),
    reason="the Argoverse 2 logs are not at hand; set DRIVETRAIN_SHARED_DATA",
)


@pytest.fixture(scope="module")
def logs() -> dict[str, list[Scenario]]:
    found: dict[str, list[Scenario]] = {}
    for folder in argoverse.files_in([SOURCE]):
        made = argoverse.scenarios_of(folder)
        found[folder.name] = [one for one in made if isinstance(one, Scenario)]
    return found


def ego_of(scenarios: list[Scenario]) -> Scenario:
    return next(one for one in scenarios if one.id.endswith("/ego"))


def test_both_logs_give_experts_of_every_kind(logs: dict[str, list[Scenario]]) -> None:
    kinds = {name: Counter(one.type for one in found) for name, found in logs.items()}
    assert kinds == {
        MIAMI: {"lane_keep": 25, "turn_left": 3},
        PITTSBURGH: {"lane_keep": 5, "turn_right": 3, "turn_left": 2},
    }
    assert {validate.fault(one) for found in logs.values() for one in found} == {None}
    assert {one.licence for found in logs.values() for one in found} == {"CC-BY-NC-SA-4.0"}
    assert all(one.group == name for name, found in logs.items() for one in found)


@pytest.mark.parametrize(
    ("log", "metres", "most_mps"), [(MIAMI, 48.3, 5.7), (PITTSBURGH, 38.2, 5.5)]
)
def test_the_ego_drives_as_far_and_as_fast_as_its_poses_say(
    logs: dict[str, list[Scenario]], log: str, metres: float, most_mps: float
) -> None:
    tracks = ego_of(logs[log]).tracks
    way = lines.arc_length(np.stack([tracks.x_m[0], tracks.y_m[0]], axis=1))[-1]
    # Its drive lasts 15.6 s, the scenario 15 s.
    assert metres - 4.0 < way < metres + 0.5
    speed = np.hypot(tracks.vx_mps[0], tracks.vy_mps[0])
    assert most_mps - 0.35 < speed.max() < most_mps + 0.15
    facing = np.arctan2(tracks.vy_mps[0], tracks.vx_mps[0]) - tracks.heading_rad[0]
    assert np.median(np.abs(lines.turned(facing))[speed > 1.0]) < 0.05


@pytest.mark.parametrize(
    ("log", "lanes", "connectors", "crossings"),
    [(MIAMI, 150, 48, 6), (PITTSBURGH, 180, 52, 11)],
)
def test_maps_are_those_of_the_logs(
    logs: dict[str, list[Scenario]], log: str, lanes: int, connectors: int, crossings: int
) -> None:
    road = logs[log][0].road
    assert len(road.lanes) == lanes
    assert sum(lane.is_connector for lane in road.lanes) == connectors
    assert [area.kind for area in road.areas].count(AreaKind.CROSSWALK) == crossings
    assert all(np.isnan(lane.limit_mps) for lane in road.lanes)


def test_the_ego_is_always_on_a_lane_and_on_drivable_ground(
    logs: dict[str, list[Scenario]],
) -> None:
    for found in logs.values():
        one = ego_of(found)
        rings = [lane.outline_m for lane in one.road.lanes]
        lanes = shapely.union_all([shapely.Polygon(ring) for ring in rings])
        ground = shapely.union_all(
            [
                shapely.Polygon(area.rings_m[0], area.rings_m[1:])
                for area in one.road.areas
                if area.kind == AreaKind.DRIVABLE
            ]
        )
        for surface in (lanes, ground):
            assert shapely.contains_xy(surface, one.tracks.x_m[0], one.tracks.y_m[0]).all()


def test_parked_cars_stand_and_people_walk(logs: dict[str, list[Scenario]]) -> None:
    for found in logs.values():
        tracks = ego_of(found).tracks
        speed = np.hypot(tracks.vx_mps, tracks.vy_mps).max(axis=1)
        assert (speed[tracks.category == Category.VEHICLE] == 0.0).sum() > 20
        assert not speed[tracks.category == Category.STATIC].any()
        assert 0.5 < np.median(speed[tracks.category == Category.PEDESTRIAN]) < 3.0


def test_replayed_logs_keep_apart_and_to_the_road_but_for_one_car(
    logs: dict[str, list[Scenario]],
) -> None:
    floors = {one.id: replays.floor(one) for found in logs.values() for one in found}
    left = {name: floor for name, floor in floors.items() if any(floor)}
    # It cuts the corner of a kerb.
    assert [tuple(floor) for floor in left.values()] == [(0, 5)]


def test_routes_follow_the_experts(logs: dict[str, list[Scenario]]) -> None:
    for one in [one for found in logs.values() for one in found]:
        track = np.stack([one.tracks.x_m[one.ego], one.tracks.y_m[one.ego]], axis=1)
        away = lines.project(one.road.paths[one.route].points_m, track)[1]
        assert away.max() < 3.5
        assert np.median(away) < 1.5
