"""The real NGSIM scenarios, where they are at hand."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from drivetrain.data import lines, smoothing, validate
from drivetrain.data.__main__ import main
from drivetrain.data.converters.commonroad import SMOOTHING_STEPS, files_in, scenarios_of
from drivetrain.data.converters.commonroad_file import parse
from drivetrain.data.scenario_sets import ScenarioSet, load
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.planners import IdmDriver
from drivetrain.sim.scenario import AreaKind, Scenario, Signal
from drivetrain.sim.world import Worlds
from tests.data import replays

SHARED = Path(
    os.environ.get("DRIVETRAIN_SHARED_DATA")
    or Path(__file__).resolve().parents[3] / "shared" / "data"
)
SOURCE = SHARED / "commonroad"

pytestmark = pytest.mark.skipif(
    not SOURCE.is_dir(), reason="the NGSIM files are not at hand; set DRIVETRAIN_SHARED_DATA"
)


@pytest.fixture(scope="module")
def ngsim(tmp_path_factory: pytest.TempPathFactory) -> ScenarioSet:
    folder = tmp_path_factory.mktemp("sets") / "ngsim"
    assert main(["convert", "commonroad", str(SOURCE), "--out", str(folder)]) == 0
    return load(folder)


def scenarios_from(file: str) -> list[Scenario]:
    found = scenarios_of(SOURCE / file)
    return [one for one in found if isinstance(one, Scenario) and not validate.fault(one)]


def test_every_recording_gives_experts_and_a_split_of_its_own(ngsim: ScenarioSet) -> None:
    groups = Counter(ngsim.catalogue["group"].tolist())
    assert groups == {"USA_Lanker": 20, "USA_Peach": 5, "USA_US101": 15}
    assert ngsim.manifest.splits == {"train": 20, "val": 5, "test": 15}
    assert ngsim.manifest.rejects == {"starts_off_road": 1}
    assert ngsim.licences == ("BSD-3-Clause",)


def test_scenarios_last_as_long_as_their_expert_is_seen(ngsim: ScenarioSet) -> None:
    steps: dict[str, set[int]] = {}
    for group, count in zip(ngsim.catalogue["group"], ngsim.arrays.steps, strict=True):
        steps.setdefault(str(group), set()).add(int(count))
    assert steps.pop("USA_US101") == {37, 38, 41, 51, 53, 61, 63, 66, 84, 85, 88, 101}
    assert steps == {"USA_Lanker": {41}, "USA_Peach": {61}}


def test_the_lights_of_peach_are_yellow_for_twenty_steps_and_red_throughout() -> None:
    found = scenarios_from("USA_Peach-4_8_T-1.xml")[0]
    assert found.signals is not None
    turning, waiting = [Signal.YELLOW] * 20 + [Signal.RED] * 41, [Signal.RED] * 61
    # Named 43918 to 43921: the first of each pair has the offset 590, the second 1090.
    assert found.signals.tolist() == [turning, waiting, turning, waiting]


def test_the_connectors_of_peach_obey_its_lights() -> None:
    road = scenarios_from("USA_Peach-4_8_T-1.xml")[0].road
    assert Counter(lane.light for lane in road.lanes if lane.light >= 0) == dict.fromkeys(
        range(4), 4
    )
    assert all(lane.is_connector for lane in road.lanes if lane.light >= 0)
    assert any(path.stops for path in road.paths)


@pytest.mark.parametrize(
    ("file", "lanes", "connectors", "intersections"),
    [
        ("USA_Lanker-1_1_T-1.xml", 91, 27, 1),
        ("USA_Peach-4_8_T-1.xml", 79, 34, 1),
        ("USA_US101-4_1_T-1.xml", 12, 0, 0),
    ],
)
def test_maps_are_those_of_the_files(
    file: str, lanes: int, connectors: int, intersections: int
) -> None:
    road = scenarios_from(file)[0].road
    assert len(road.lanes) == lanes
    assert sum(lane.is_connector for lane in road.lanes) == connectors
    assert [area.kind for area in road.areas].count(AreaKind.INTERSECTION) == intersections


def test_smoothing_moves_cars_by_decimetres_and_spares_their_tyres() -> None:
    for file in files_in([SOURCE]):
        recorded = parse(file).tracks
        smooth = smoothing.smooth_tracks(recorded, SMOOTHING_STEPS)
        moved_m = np.hypot(smooth.x_m - recorded.x_m, smooth.y_m - recorded.y_m)
        assert np.quantile(moved_m[recorded.valid], 0.95) < 0.4
        assert moved_m.max() < 0.8


def test_replayed_logs_keep_apart_and_to_the_road_but_for_known_frames() -> None:
    found = {
        one.id: replays.floor(one)
        for file in files_in([SOURCE])
        for one in scenarios_from(file.name)
    }
    # The recordings' own: two cars of Lanker touch, two of US101 cut the corner of the slip
    # road.
    assert {name: floor for name, floor in found.items() if any(floor)} == {
        "USA_Lanker-1_1_T-1/1247": (3, 0),
        "USA_Lanker-1_1_T-1/1266": (3, 0),
        "USA_US101-4_1_T-1/381": (0, 13),
        "USA_US101-4_1_T-1/389": (0, 12),
    }


@pytest.mark.parametrize(
    ("file", "limits"),
    [
        ("USA_Lanker-1_1_T-1.xml", {11.176, 13.4112}),
        ("USA_Peach-4_8_T-1.xml", {11.176, 15.6464}),
        ("USA_US101-4_1_T-1.xml", set()),
    ],
)
def test_limits_are_those_of_the_files(file: str, limits: set[float]) -> None:
    road = scenarios_from(file)[0].road
    found = np.concatenate([path.limit_mps for path in road.paths])
    assert set(found[np.isfinite(found)].tolist()) == limits
    assert np.isnan(found).all() == (not limits)


def test_experts_keep_to_their_routes(ngsim: ScenarioSet) -> None:
    assert len(ngsim) == 40
    for file in files_in([SOURCE]):
        for one in scenarios_from(file.name):
            track = np.stack([one.tracks.x_m[one.ego], one.tracks.y_m[one.ego]], axis=1)
            way, away, _ = lines.project(one.road.paths[one.route].points_m, track)
            # One car of Peach cuts its corner by 3 m.
            assert away.max() < 3.5
            assert (np.diff(way) > -0.5).all()
            assert lines.arc_length(one.road.paths[one.route].points_m)[-1] > way[-1] + 4.0


def test_expert_distances_are_those_they_drove(ngsim: ScenarioSet) -> None:
    assert (ngsim.arrays.expert_m > 5.0).all()
    assert (ngsim.arrays.expert_m < 110.0).all()


def test_an_idm_driver_solves_every_scenario_among_idm_traffic(ngsim: ScenarioSet) -> None:
    settings = EnvironmentSettings(traffic="idm")
    worlds = Worlds(ngsim.arrays, settings, num_worlds=len(ngsim), seed=0, in_order=True)
    driver, failed = IdmDriver(), set()
    worlds.reset()
    for _ in range(int(ngsim.arrays.steps.min()) - 1):
        worlds.step(driver.act(worlds))
        failed |= {ngsim.catalogue["id"][at] for at in np.flatnonzero(worlds.terminated)}
    # It begins where its log leaves the road, see the replayed logs.
    assert failed <= {"USA_US101-4_1_T-1/381"}


def test_nobody_starts_in_another_car_or_off_the_road(ngsim: ScenarioSet) -> None:
    assert len(ngsim) == 40
    for file in files_in([SOURCE]):
        assert {validate.fault(one) for one in scenarios_from(file.name)} == {None}
