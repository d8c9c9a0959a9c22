"""Mixed traffic: logs are replayed until somebody is in the way."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import Category, Scenario, ScenarioArrays
from drivetrain.sim.traffic import AGENT, is_too_near
from drivetrain.sim.world import Worlds
from tests.scenes import road, scene

BRAKE, COAST = [-1.0, 0.0], [0.0, 0.0]


def make(arrays: ScenarioArrays, **options: Any) -> Worlds:
    settings = EnvironmentSettings(**{"traffic": "mixed", **options})
    worlds = Worlds(arrays, settings, num_worlds=1, seed=0)
    worlds.reset()
    return worlds


def step(worlds: Worlds, action: list[float]) -> None:
    worlds.step(np.array([action], np.float32))


def test_while_the_ego_drives_like_its_log_everybody_replays() -> None:
    arrays = pack([scene(road(), [(1, 60, 10), (1, 40, 10), (0, 20, 12), (2, 90, 6)])])
    mixed, replay = make(arrays), make(arrays, traffic="replay")
    for _ in range(100):
        for worlds in (mixed, replay):
            step(worlds, COAST)
        np.testing.assert_array_equal(mixed.snapshot().x_m, replay.snapshot().x_m)
        np.testing.assert_array_equal(mixed.observations, replay.observations)


def test_who_would_run_into_an_ego_that_brakes_stops_behind_it_and_the_rest_replays() -> None:
    arrays = pack([scene(road(), [(1, 60, 10), (1, 40, 10), (1, 15, 10), (0, 20, 10)])])
    mixed, replay = make(arrays), make(arrays, traffic="replay")
    hit = False
    for _ in range(120):
        step(mixed, BRAKE)
        step(replay, BRAKE)
        hit |= bool(replay.terminated[0])
        assert not mixed.terminated[0]
    assert hit
    seen = mixed.snapshot()
    assert seen.speed_mps[0, 1] < 0.5
    # The second stops behind the first, which is off its log too.
    assert seen.x_m[0, 2] < seen.x_m[0, 1] - 4.6
    assert seen.x_m[0, 3] == pytest.approx(20 + 120 * 1.0, abs=1e-3)


def test_who_left_its_log_never_returns_to_it() -> None:
    arrays = pack([scene(road(), [(1, 60, 10), (1, 45, 10)])])
    worlds = make(arrays)
    for _ in range(40):
        step(worlds, BRAKE)
    behind = worlds.snapshot().x_m[0, 1]
    for _ in range(100):
        step(worlds, [1.0, 0.0])
        assert not worlds.terminated[0]
    assert worlds.snapshot().x_m[0, 1] > behind
    assert worlds.snapshot().x_m[0, 1] < 45 + 140 * 1.0 - 20.0


def walker(plain: Scenario, category: Category) -> Scenario:
    kinds = plain.tracks.category.copy()
    kinds[1] = category
    return replace(plain, tracks=replace(plain.tracks, category=kinds))


@pytest.mark.parametrize("traffic", ["mixed", "idm", "replay"])
@pytest.mark.parametrize("category", [Category.PEDESTRIAN, Category.BICYCLE, Category.STATIC])
def test_whoever_is_no_vehicle_replays_in_any_traffic(traffic: str, category: Category) -> None:
    plain = scene(road(), [(1, 60, 10), (1, 40, 4)])
    worlds = make(pack([walker(plain, category)]), traffic=traffic, on_failure="ignore")
    for number in range(1, 140):
        step(worlds, BRAKE)
        assert worlds.snapshot().valid[0, 1]
        assert worlds.snapshot().x_m[0, 1] == pytest.approx(40 + number * 0.4, abs=1e-3)


def test_a_late_vehicle_does_not_appear_where_the_ego_is() -> None:
    plain = scene(road(), [(1, 60, 0), (1, 40, 8)])
    valid = plain.tracks.valid.copy()
    valid[1, :20] = False  # its log begins at 56 m, where the ego stands
    worlds = make(pack([replace(plain, tracks=replace(plain.tracks, valid=valid))]))
    for _ in range(25):
        step(worlds, COAST)
        assert not worlds.terminated[0]
        assert not worlds.snapshot().valid[0, 1]
    for _ in range(70):
        step(worlds, [0.5, 0.0])
        assert not worlds.terminated[0]
    assert worlds.snapshot().valid[0, 1]


def test_too_near_is_what_comfortable_braking_cannot_keep_apart() -> None:
    enough = AGENT.standstill_m + 10.0 * 0.1 + 10.0**2 / 4.0
    assert is_too_near(10.0, enough, 0.0, AGENT)
    assert not is_too_near(10.0, enough + 0.01, 0.0, AGENT)
    assert not is_too_near(10.0, 0.5, 10.0, AGENT)
    assert is_too_near(10.0, 0.5, 9.9, AGENT)
