from dataclasses import replace

import numpy as np
import pytest

from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.log_driver import ConstantVelocityDriver, LogDriver
from drivetrain.sim.metrics import drive_each
from drivetrain.sim.pack import pack
from drivetrain.sim.planners import Driver
from drivetrain.sim.scenario import Scenario
from drivetrain.sim.world import Worlds
from tests.scenes import moved, road, scene


def worlds_of(driver: Driver, *scenarios: Scenario) -> Worlds:
    environment = EnvironmentSettings(
        threads=1, traffic="replay", actions=driver.actions, on_failure="ignore"
    )
    worlds = Worlds(
        pack(list(scenarios)), environment, num_worlds=len(scenarios), seed=0, in_order=True
    )
    worlds.reset()
    return worlds


def bend() -> Scenario:
    return moved(
        scene(road(60.0, 180.0), [(0, 10, 9), (0, 30, 8), (2, 5, 9)]), 2.9, (40.0, 9.0)
    )


def with_gap(scenario: Scenario, first: int, last: int) -> Scenario:
    valid = scenario.tracks.valid.copy()
    valid[0, first:last] = False
    return replace(scenario, tracks=replace(scenario.tracks, valid=valid))


def test_log_replay_is_where_the_log_was_to_the_millimetre() -> None:
    scenarios, driver = [bend(), scene(road(), [(1, 20, 12)])], LogDriver()
    worlds = worlds_of(driver, *scenarios)
    packed = worlds.scenarios
    for step in range(1, 100):
        worlds.step(driver.act(worlds))
        row = packed.first_frame[packed.ego] + step
        seen = worlds.snapshot()
        np.testing.assert_allclose(seen.x_m[:, 0], packed.x[row], atol=1e-3)
        np.testing.assert_allclose(seen.y_m[:, 0], packed.y[row], atol=1e-3)
        turned = np.exp(1j * (seen.heading_rad[:, 0] - packed.heading[row]))
        np.testing.assert_allclose(turned, 1.0, atol=1e-4)


def test_log_replay_drives_all_of_the_experts_way() -> None:
    table = drive_each(
        pack([bend(), scene(road(), [(1, 20, 12)])]),
        np.arange(2),
        EnvironmentSettings(threads=1, traffic="replay"),
        LogDriver(),
    )
    assert table.success.all()
    np.testing.assert_allclose(table.progress, 1.0, atol=1e-3)


def test_log_replay_crosses_a_gap_of_its_log_evenly() -> None:
    driver = LogDriver()
    worlds = worlds_of(driver, with_gap(scene(road(), [(1, 20, 12)]), 10, 20))
    for _ in range(15):
        worlds.step(driver.act(worlds))
    assert worlds.state.egos.speed[0] == pytest.approx(12.0, abs=1e-3)
    for _ in range(15):
        worlds.step(driver.act(worlds))
    assert worlds.state.bodies.x[0, 0] == pytest.approx(20 + 12 * 3.0, abs=1e-3)


def test_log_replay_stands_where_its_log_ends() -> None:
    driver = LogDriver()
    worlds = worlds_of(driver, with_gap(scene(road(), [(1, 20, 12)]), 30, 151))
    for _ in range(40):
        worlds.step(driver.act(worlds))
    assert worlds.state.egos.speed[0] == 0.0
    assert worlds.state.bodies.x[0, 0] == pytest.approx(20 + 12 * 2.9, abs=1e-3)


def test_constant_velocity_keeps_speed_and_heading_even_in_a_bend() -> None:
    driver = ConstantVelocityDriver()
    worlds = worlds_of(driver, bend())
    begun = worlds.snapshot()
    for _ in range(50):
        worlds.step(driver.act(worlds))
    seen = worlds.snapshot()
    assert worlds.state.egos.speed[0] == pytest.approx(9.0, abs=0.02)
    assert seen.heading_rad[0, 0] == pytest.approx(begun.heading_rad[0, 0], abs=1e-6)
    way = np.hypot(seen.x_m[0, 0] - begun.x_m[0, 0], seen.y_m[0, 0] - begun.y_m[0, 0])
    assert way == pytest.approx(9.0 * 5.0, abs=0.1)
