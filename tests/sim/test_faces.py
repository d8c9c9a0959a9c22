"""The three faces of ADPlanning-v0 agree with each other and keep their libraries' rules."""

import copy
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

from drivetrain.data.scenario_sets import load
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.gymnasium_env import ADPlanningEnv, ADPlanningVectorEnv
from drivetrain.sim.sb3_env import DrivingVecEnv
from drivetrain.sim.world import Worlds
from tests.written_sets import written_set

WORLDS = 4
STEPS = 200


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("faces") / "set")


def full_throttle(worlds: int) -> NDArray[np.float32]:
    return np.tile(np.array([1.0, 0.1], np.float32), (worlds, 1))


def sb3_env(data: Path, seed: int) -> DrivingVecEnv:
    scenarios = load(data)
    settings = EnvironmentSettings(num_envs=WORLDS)
    picks = scenarios.picks("train")
    worlds = Worlds(scenarios.arrays, settings, num_worlds=WORLDS, seed=seed, picks=picks)
    return DrivingVecEnv(worlds)


def test_make_finds_the_environment_by_its_name(data: Path) -> None:
    env = gymnasium.make("ADPlanning-v0", data=data)
    seen, _ = env.reset(seed=1)
    assert env.observation_space.contains(seen)


def test_make_vec_makes_one_batch_and_no_worker_processes(data: Path) -> None:
    short = copy.deepcopy(gymnasium.spec("ADPlanning-v0"))
    short.max_episode_steps = 20
    env = gymnasium.make_vec(short, WORLDS, "custom", vector_kwargs={"data": data})
    seen, _ = env.reset(seed=1)
    assert isinstance(env.unwrapped, ADPlanningVectorEnv)
    assert env.observation_space.contains(seen)
    cuts = [env.step(0 * full_throttle(WORLDS))[3] for _ in range(20)]
    assert [cut.all() for cut in cuts] == [False] * 19 + [True]


def test_gymnasiums_own_checker_is_content(data: Path) -> None:
    with warnings.catch_warnings():
        # It advises on bounds and rendering; neither is ours to follow.
        warnings.simplefilter("ignore", UserWarning)
        check_env(ADPlanningEnv(data=data), skip_render_check=True)


def test_the_single_world_drives_like_the_first_of_many(data: Path) -> None:
    single, many = ADPlanningEnv(data=data), ADPlanningVectorEnv(WORLDS, data=data)
    seen, _ = single.reset(seed=5)
    seen_many, _ = many.reset(seed=5)
    np.testing.assert_array_equal(seen, seen_many[0])
    for _ in range(STEPS):
        seen, reward, terminated, truncated, info = single.step(full_throttle(1)[0])
        seen_many, rewards, ends, cuts, infos = many.step(full_throttle(WORLDS))
        assert (reward, terminated, truncated) == (rewards[0], ends[0], cuts[0])
        if terminated or truncated:
            np.testing.assert_array_equal(seen, infos["final_observation"][0])
            assert info == infos["final_info"][0]
            seen, _ = single.reset()
        np.testing.assert_array_equal(seen, seen_many[0])


def test_both_batches_drive_alike(data: Path) -> None:
    theirs, ours = sb3_env(data, seed=5), ADPlanningVectorEnv(WORLDS, data=data)
    np.testing.assert_array_equal(theirs.reset(), ours.reset(seed=5)[0])
    for _ in range(STEPS):
        seen, rewards, dones, infos = theirs.step(full_throttle(WORLDS))
        seen_too, rewards_too, ends, cuts, infos_too = ours.step(full_throttle(WORLDS))
        np.testing.assert_array_equal(seen, seen_too)
        np.testing.assert_array_equal(rewards, rewards_too)
        np.testing.assert_array_equal(dones, ends | cuts)
        for world in np.flatnonzero(dones):
            last = infos_too["final_observation"][world]
            np.testing.assert_array_equal(infos[world]["terminal_observation"], last)


def test_a_crash_is_terminal_and_a_time_limit_is_not(data: Path) -> None:
    env = sb3_env(data, seed=2)
    env.reset()
    endings = set()
    for step in range(2 * STEPS):
        action = full_throttle(WORLDS) if step < STEPS else 0 * full_throttle(WORLDS)
        _, _, dones, infos = env.step(action)
        endings |= {infos[world]["TimeLimit.truncated"] for world in np.flatnonzero(dones)}
    assert endings == {True, False}


def test_every_world_has_an_info_of_its_own(data: Path) -> None:
    env = sb3_env(data, seed=2)
    env.reset()
    _, _, _, infos = env.step(full_throttle(WORLDS))
    assert len({id(info) for info in infos}) == WORLDS


def test_an_ended_episode_reports_its_return_and_length(data: Path) -> None:
    env = sb3_env(data, seed=2)
    env.reset()
    total, steps = np.zeros(WORLDS), np.zeros(WORLDS, int)
    for _ in range(STEPS):
        _, rewards, dones, infos = env.step(full_throttle(WORLDS))
        total, steps = total + rewards, steps + 1
        for world in np.flatnonzero(dones):
            assert infos[world]["episode"]["r"] == pytest.approx(total[world], abs=1e-4)
            assert infos[world]["episode"]["l"] == steps[world]
            total[world], steps[world] = 0.0, 0


def test_a_seed_restarts_the_stream(data: Path) -> None:
    env = ADPlanningEnv(data=data)
    first, _ = env.reset(seed=9)
    env.step(full_throttle(1)[0])
    again, _ = env.reset(seed=9)
    np.testing.assert_array_equal(first, again)


def test_self_play_needs_the_face_of_many_worlds(data: Path) -> None:
    with pytest.raises(ValueError, match=r"drives several vehicles.*make_vec"):
        ADPlanningEnv(data=data, traffic="policy")
    single = ADPlanningEnv(data=data, traffic="policy", seats=1)
    assert single.reset(seed=1)[0].shape == single.observation_space.shape
    many = ADPlanningVectorEnv(WORLDS + 1, data=data, traffic="policy", seats=2)
    assert many.num_envs == WORLDS + 2
    seen, _ = many.reset(seed=1)
    assert many.observation_space.contains(seen)
    _, _, ends, cuts, infos = many.step(full_throttle(WORLDS + 2))
    assert infos["on_stage"].shape == ends.shape == cuts.shape


@pytest.mark.parametrize("settings", [{"actions": "delta"}, {"actions": "proposals"}])
def test_every_face_speaks_the_action_space_of_its_worlds(
    data: Path, settings: dict[str, Any]
) -> None:
    single, many = (
        ADPlanningEnv(data=data, **settings),
        ADPlanningVectorEnv(WORLDS, data=data, **settings),
    )
    many.action_space.seed(4)
    seen, _ = single.reset(seed=5)
    seen_many, _ = many.reset(seed=5)
    np.testing.assert_array_equal(seen, seen_many[0])
    for _ in range(3):
        actions = many.action_space.sample()
        assert single.action_space.contains(actions[0])
        seen, reward, ended, cut, _ = single.step(actions[0])
        seen_many, rewards, ends, cuts, _ = many.step(actions)
        assert (reward, ended, cut) == (rewards[0], ends[0], cuts[0])
        if ended or cut:
            break
        np.testing.assert_array_equal(seen, seen_many[0])


def test_an_unknown_setting_is_refused(data: Path) -> None:
    with pytest.raises(ValueError, match="trafic"):
        ADPlanningEnv(data=data, trafic="replay")
