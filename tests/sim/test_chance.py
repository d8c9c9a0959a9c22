"""Chance in episodes: other drivers, and a worse sight of them, the same for the same seed."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drivetrain.sim.chance import episode_key, manner_drawn, normal_drawn, share_drawn
from drivetrain.sim.config import EnvironmentSettings, RandomizeSettings
from drivetrain.sim.layout import FLAT
from drivetrain.sim.metrics import drive_each
from drivetrain.sim.pack import pack
from drivetrain.sim.planners import IdmDriver
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.traffic import AGENT
from drivetrain.sim.world import Worlds
from tests.scenes import road, scene

AGENTS: dict[str, Any] = {"agents": 1.0}
SENSING: dict[str, Any] = {"sensing": 1.0}


def scenes() -> ScenarioArrays:
    drives: list[tuple[int, float, float]] = [
        (1, 30, 10),
        (1, 60, 8),
        (0, 20, 9),
        (0, 45, 12),
        (2, 15, 10),
        (2, 70, 6),
    ]
    return pack([scene(road(length_m=400.0), drives)])


def make(num_worlds: int, seed: int = 3, **randomize: float) -> Worlds:
    settings = EnvironmentSettings(randomize=RandomizeSettings(**randomize), threads=1)
    worlds = Worlds(scenes(), settings, num_worlds=num_worlds, seed=seed)
    worlds.reset()
    return worlds


def driven(worlds: Worlds, steps: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where everybody is and what is seen after some steps."""
    for _ in range(steps):
        worlds.step(np.zeros((worlds.num_worlds, 2), np.float32))
    return worlds.snapshot().x_m, worlds.observations.copy()


@pytest.mark.parametrize("chance", [AGENTS, SENSING])
def test_a_worlds_chance_depends_on_its_number_and_the_seed_alone(
    chance: dict[str, Any],
) -> None:
    one, one_seen = driven(make(2, **chance), 60)
    many, many_seen = driven(make(40, **chance), 60)
    np.testing.assert_array_equal(one, many[:2])
    np.testing.assert_array_equal(one_seen, many_seen[:2])
    assert not np.array_equal(many_seen[0], many_seen[1])
    _, other_seen = driven(make(2, seed=4, **chance), 60)
    assert not np.array_equal(one_seen, other_seen)


def test_drivers_differ_within_their_bounds_and_nobody_at_strength_zero() -> None:
    plain, _ = driven(make(30), 60)
    varied, _ = driven(make(30, **AGENTS), 60)
    assert np.all(plain == plain[0])
    assert np.all(np.std(varied[:, 1:], axis=0) > 0.1)
    keys = [np.uint64(episode_key(np.uint64(1), world, 0)) for world in range(200)]
    drawn = np.array([manner_drawn(key, 1, 1.0) for key in keys])
    assert 0.75 <= drawn[:, 0].min() < 0.9
    assert 2.1 < drawn[:, 0].max() <= 2.25
    assert tuple(manner_drawn(keys[0], 1, 0.0)) == tuple(AGENT)


def test_worse_sight_changes_what_is_seen_and_nothing_that_is() -> None:
    plain, seen = driven(make(30), 60)
    same, noisy = driven(make(30, **SENSING), 60)
    np.testing.assert_array_equal(plain, same)
    own = np.r_[0:9, 12 : FLAT.ego, FLAT.route_at : FLAT.size]
    np.testing.assert_array_equal(seen[:, own], noisy[:, own])
    agents = slice(FLAT.agents_at, FLAT.route_at)
    assert not np.array_equal(seen[:, agents], noisy[:, agents])
    assert np.abs(noisy).max() <= 1.0


def test_others_are_missed_now_and_then() -> None:
    worlds, shown = make(50, **SENSING), []
    for _ in range(40):
        worlds.step(np.zeros((50, 2), np.float32))
        rows = worlds.observations[:, FLAT.agents_at : FLAT.route_at].reshape(50, 16, 9)
        shown.append((rows[:, :, 8] > 0).sum(axis=1))
    assert 1.0 - np.mean(shown) / 5 == pytest.approx(0.05, abs=0.01)


def test_nobody_is_judged_by_chance() -> None:
    settings = EnvironmentSettings(randomize=RandomizeSettings(agents=1.0, sensing=1.0))
    picks, driver = np.zeros(1, np.int64), IdmDriver()
    with_chance = drive_each(scenes(), picks, settings, driver, seed=1)
    without = drive_each(scenes(), picks, EnvironmentSettings(), driver, seed=2)
    assert with_chance.reward == without.reward


def test_draws_are_spread_as_they_should_be() -> None:
    key = np.uint64(episode_key(np.uint64(5), 0, 0))
    shares = np.array([share_drawn(key, 3, number) for number in range(4000)])
    normals = np.array([normal_drawn(key, 4, number) for number in range(4000)])
    assert (shares.min(), shares.max()) == pytest.approx((0.0, 1.0), abs=0.01)
    assert (shares.mean(), shares.std()) == pytest.approx((0.5, 12**-0.5), abs=0.02)
    assert (normals.mean(), normals.std()) == pytest.approx((0.0, 1.0), abs=0.05)
