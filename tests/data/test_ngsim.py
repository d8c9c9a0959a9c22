"""The real NGSIM scenarios, where they are at hand."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from drivetrain.data import lines, validate
from drivetrain.data.__main__ import main
from drivetrain.data.converters.commonroad import files_in, scenarios_of
from drivetrain.data.scenario_sets import ScenarioSet, load
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.planners import IdmDriver
from drivetrain.sim.scenario import Scenario
from drivetrain.sim.world import Worlds

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
    assert groups == {"USA_Lanker": 20, "USA_Peach": 5, "USA_US101": 4}
    assert ngsim.manifest.splits == {"train": 20, "val": 4, "test": 5}
    assert ngsim.manifest.rejects == {"starts_off_road": 1}
    assert ngsim.licences == ("BSD-3-Clause",)


def test_durations_are_those_of_the_files(ngsim: ScenarioSet) -> None:
    steps = dict(zip(ngsim.catalogue["group"].tolist(), ngsim.arrays.steps, strict=True))
    assert steps == {"USA_Lanker": 41, "USA_Peach": 61, "USA_US101": 101}


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
    assert len(ngsim) == 29
    for file in files_in([SOURCE]):
        for one in scenarios_from(file.name):
            track = np.stack([one.tracks.x_m[one.ego], one.tracks.y_m[one.ego]], axis=1)
            way, away, _ = lines.project(one.road.paths[one.route].points_m, track)
            # One car of Peach cuts its corner by 3 m.
            assert away.max() < 3.5
            assert (np.diff(way) > -0.5).all()
            assert lines.arc_length(one.road.paths[one.route].points_m)[-1] > way[-1] + 50.0


def test_expert_distances_are_those_they_drove(ngsim: ScenarioSet) -> None:
    assert (ngsim.arrays.expert_m > 5.0).all()
    assert (ngsim.arrays.expert_m < 70.0).all()


def test_an_idm_driver_solves_every_scenario_among_idm_traffic(ngsim: ScenarioSet) -> None:
    settings = EnvironmentSettings(traffic="idm")
    worlds = Worlds(ngsim.arrays, settings, num_worlds=len(ngsim), seed=0, in_order=True)
    driver = IdmDriver()
    worlds.reset()
    for _ in range(int(ngsim.arrays.steps.min()) - 1):
        worlds.step(driver.act(worlds))
        assert not worlds.terminated.any()


def test_nobody_starts_in_another_car_or_off_the_road(ngsim: ScenarioSet) -> None:
    assert len(ngsim) == 29
    for file in files_in([SOURCE]):
        assert {validate.fault(one) for one in scenarios_from(file.name)} == {None}
