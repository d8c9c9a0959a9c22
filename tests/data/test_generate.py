"""Made-up scenarios are varied, reproducible, and solvable: their expert solved them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely

from drivetrain.data import validate
from drivetrain.data.__main__ import main
from drivetrain.data.crowding import others_touch
from drivetrain.data.families import FAMILIES
from drivetrain.data.generate import STEPS, drive, scenarios
from drivetrain.data.light_programs import light_program
from drivetrain.data.scenario_sets import ScenarioSet, load
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.pack import pack
from drivetrain.sim.planners import IdmDriver
from drivetrain.sim.scenario import AreaKind, Scenario, Signal
from drivetrain.sim.state import EndReason
from drivetrain.sim.world import Worlds

COUNT = 72


@pytest.fixture(scope="module")
def made() -> list[Scenario]:
    return list(scenarios(COUNT, seed=11))


def test_the_same_seed_gives_the_same_bytes(made: list[Scenario]) -> None:
    again = pack(list(scenarios(COUNT, seed=11)))
    for name, column in pack(made)._asdict().items():
        np.testing.assert_array_equal(column, getattr(again, name), err_msg=name)


def test_a_longer_series_begins_like_a_shorter_one(made: list[Scenario]) -> None:
    few = pack(list(scenarios(12, seed=11)))
    for name, column in pack(made[:12])._asdict().items():
        np.testing.assert_allclose(column, getattr(few, name), atol=1e-4, err_msg=name)


def test_another_seed_gives_other_scenarios(made: list[Scenario]) -> None:
    other = list(scenarios(8, seed=12))
    for one, another in zip(made, other, strict=False):
        assert one.id != another.id
        assert not np.array_equal(one.tracks.x_m[0], another.tracks.x_m[0])


def test_every_family_comes_equally_often(made: list[Scenario]) -> None:
    families = Counter(scenario.type for scenario in made)
    assert families == dict.fromkeys(FAMILIES, COUNT // len(FAMILIES))


def test_scenarios_of_a_road_share_it_and_its_group(made: list[Scenario]) -> None:
    by_group: dict[str, set[int]] = {}
    for scenario in made:
        by_group.setdefault(scenario.group, set()).add(id(scenario.road))
    assert len(by_group) < len(made)
    assert len({scenario.road.id for scenario in made}) == len(by_group)


def test_logs_last_fifteen_seconds_and_have_no_fault(made: list[Scenario]) -> None:
    for scenario in made:
        assert scenario.tracks.x_m.shape[1] == STEPS == 151
        assert validate.fault(scenario) is None
        assert not others_touch(scenario.tracks, scenario.ego)
        assert scenario.licence == "generated"


def test_the_expert_drives_its_own_scenario_to_the_end(made: list[Scenario]) -> None:
    worlds = Worlds(pack(made), EnvironmentSettings(), num_worlds=COUNT, seed=0, in_order=True)
    worlds.reset()
    driver = IdmDriver()
    for _ in range(STEPS - 2):
        worlds.step(driver.act(worlds))
        assert not (worlds.terminated | worlds.truncated).any()
    worlds.step(driver.act(worlds))
    assert worlds.truncated.all()
    assert (worlds.episodes.end_reason == EndReason.TIME).all()
    np.testing.assert_allclose(
        worlds.episodes.progress_m, worlds.episodes.expert_m, rtol=0.02, atol=0.5
    )


def test_who_never_looks_crashes_often(made: list[Scenario]) -> None:
    worlds = Worlds(pack(made), EnvironmentSettings(), num_worlds=COUNT, seed=0, in_order=True)
    worlds.reset()
    driver = IdmDriver()
    crashed = np.zeros(COUNT, bool)
    for _ in range(STEPS - 1):
        worlds.state.egos.lead_gap[:] = np.inf
        worlds.step(driver.act(worlds))
        crashed |= worlds.terminated
    assert crashed.mean() > 0.3


def test_scenes_differ_in_what_a_driver_must_do(made: list[Scenario]) -> None:
    arrays = pack(made)
    speed = np.array([np.hypot(s.tracks.vx_mps, s.tracks.vy_mps)[s.ego, 0] for s in made])
    others = np.diff(arrays.first_agent) - 1
    limits = {round(float(np.nanmax(s.road.paths[s.route].limit_mps)), 2) for s in made}
    assert (speed == 0.0).any()
    assert speed.max() > 10.0
    assert others.min() < 8
    assert 15 < others.max() <= 30
    assert len(limits) >= 4
    assert np.percentile(arrays.expert_m, 90) > 2 * np.percentile(arrays.expert_m, 10)


def test_a_drive_does_not_depend_on_its_company(made: list[Scenario]) -> None:
    together, alone = drive(made[:4]), drive(made[2:3])
    agents = len(made[2].tracks.x_m)
    np.testing.assert_allclose(together.x_m[:, 2, :agents], alone.x_m[:, 0, :agents], atol=1e-6)


def test_generate_writes_a_set_and_counts_what_was_drawn_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made"
    assert main(["generate", "--out", str(out), "--count", "45", "--seed", "11"]) == 0
    said = capsys.readouterr().out
    assert "- Duration: 15.0 s at 10 Hz" in said
    assert "- Licences: generated 45" in said
    on_disk = load(out)
    in_memory = ScenarioSet.from_scenarios(list(scenarios(45, seed=11)))
    np.testing.assert_array_equal(on_disk.arrays.x, in_memory.arrays.x)
    assert on_disk.manifest.types == dict.fromkeys(sorted(FAMILIES), 5)


def test_every_place_has_a_map_whose_lanes_the_expert_drives_on(made: list[Scenario]) -> None:
    for scenario in made:
        road, tracks = scenario.road, scenario.tracks
        outlines = shapely.buffer([shapely.Polygon(lane.outline_m) for lane in road.lanes], 0)
        drivable = [area for area in road.areas if area.kind == AreaKind.DRIVABLE]
        ground = shapely.union_all(
            [shapely.Polygon(a.rings_m[0], a.rings_m[1:]) for a in drivable]
        )
        driven = shapely.points(tracks.x_m[0], tracks.y_m[0])
        on_lane = shapely.intersects(driven[:, None], outlines[None, :]).any(axis=1)
        # Changes of lane and ramps may leave a sliver between two lanes.
        assert on_lane.mean() > 0.9, scenario.id
        assert shapely.contains(ground, driven).all(), scenario.id


def test_lanes_lead_on_where_others_begin(made: list[Scenario]) -> None:
    for scenario in made:
        lanes = scenario.road.lanes
        for lane in lanes:
            for onward in lane.successors if lane.is_connector else ():
                gap = lanes[onward].baseline_m[0] - lane.baseline_m[-1]
                assert np.hypot(*gap) < 1e-6


def test_lights_of_crossing_arms_are_never_green_together() -> None:
    program = light_program((0, 1, 0, 1), 2000, np.random.default_rng(3))
    may_drive = program != Signal.RED
    assert not (may_drive[0] & may_drive[1]).any()
    assert np.array_equal(program[0], program[2])
    assert {Signal.GREEN, Signal.YELLOW, Signal.RED} == set(program[1].tolist())
    yellow = np.flatnonzero(np.diff(program[0]) != 0)
    assert np.diff(yellow).min() >= 29
