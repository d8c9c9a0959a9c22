"""Self-play: worlds of a group share a scene, each as another of its vehicles."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.pack import pack
from drivetrain.sim.planners import IdmDriver
from drivetrain.sim.scenario import Category, Scenario, ScenarioArrays
from drivetrain.sim.state import EndReason
from drivetrain.sim.world import Worlds
from tests.scenes import road, scene

Seen = dict[str, NDArray[Any]]


def drive(scenes: ScenarioArrays, num_worlds: int, **options: Any) -> Worlds:
    """Worlds in self-play, at the start of their first scenes."""
    names = ("picks", "in_order", "stagger")
    ours = {name: options.pop(name) for name in names if name in options}
    settings = EnvironmentSettings(**{"traffic": "policy", **options})
    worlds = Worlds(scenes, settings, num_worlds=num_worlds, seed=3, **ours)
    worlds.reset()
    return worlds


def some_scenes() -> ScenarioArrays:
    """Three moving cars and one parked; a lone car; a bend with a car that comes late."""
    beside = scene(road(), [(1, 20, 12), (1, 50, 5), (0, 15, 9), (2, 30, 0)], name="beside")
    lone = scene(road(), [(1, 20, 10)], name="lone")
    bend = scene(road(60.0, 150.0), [(0, 10, 8), (1, 12, 8), (0, 40, 7), (1, 30, 6)])
    return pack([beside, lone, late(bend, 2, 15)])


def late(plain: Scenario, agent: int, first: int) -> Scenario:
    """The same scene with an agent that is not seen before a step."""
    valid = plain.tracks.valid.copy()
    valid[agent, :first] = False
    return replace(plain, tracks=replace(plain.tracks, valid=valid))


def actions_of(world: int, step: int) -> NDArray[np.float32]:
    """What the driver of a world does, whoever else is in the batch."""
    random = np.random.default_rng([world, step])
    return random.normal([0.2, 0.0], 0.4, 2).astype(np.float32)


def stepped(worlds: Worlds, action: tuple[float, float] = (0.0, 0.0)) -> None:
    worlds.step(np.full((worlds.num_worlds, 2), action, np.float32))


def rolled(worlds: Worlds, count: int, steps: int) -> list[Seen]:
    """Everything the first `count` worlds show, step by step."""
    seen = []
    for step in range(steps):
        worlds.step(np.stack([actions_of(w, step) for w in range(worlds.num_worlds)]))
        ended = worlds.terminated | worlds.truncated
        shown = {
            "observations": worlds.observations,
            "rewards": worlds.rewards,
            "parts": worlds.reward_parts,
            "terminated": worlds.terminated,
            "truncated": worlds.truncated,
            "on_stage": worlds.on_stage,
            "final": np.where(ended[:, None], worlds.final_observations, 0),
            "total": np.where(ended, worlds.episodes.total_reward, 0),
        }
        seen.append({name: column[:count].copy() for name, column in shown.items()})
    return seen


def assert_same(one: list[Seen], other: list[Seen]) -> None:
    for left, right in zip(one, other, strict=True):
        for name, values in left.items():
            np.testing.assert_array_equal(values, right[name], err_msg=name)


def test_there_is_a_seat_for_every_moving_vehicle_of_the_largest_scenario() -> None:
    worlds = drive(some_scenes(), 1)
    assert (worlds.seats, worlds.num_worlds) == (4, 4)
    assert drive(some_scenes(), 9).num_worlds == 12
    assert drive(some_scenes(), 9, picks=np.array([0])).seats == 3
    assert drive(some_scenes(), 5, seats=2).num_worlds == 6


def test_two_seats_see_each_other_where_they_are() -> None:
    worlds = drive(pack([scene(road(), [(1, 20, 8), (1, 60, 12)])]), 2)
    seen = worlds.snapshot()
    for _ in range(30):
        assert seen.valid.all()
        stepped(worlds)
        seen = worlds.snapshot()
        assert seen.valid.all()
        for own, other in ((0, 1), (1, 0)):
            for name in ("x_m", "y_m", "heading_rad", "speed_mps", "length_m", "agent"):
                column = getattr(seen, name)
                assert column[own, 1] == column[other, 0], name
    assert not np.array_equal(seen.x_m[0], seen.x_m[1])


def test_who_does_not_move_goes_on_replaying() -> None:
    worlds = drive(some_scenes(), 3, picks=np.array([0]))
    before = worlds.snapshot()
    parked = before.agent[0].tolist().index(3)
    assert not (before.agent[:, 0] == 3).any()
    for _ in range(20):
        stepped(worlds)
    assert worlds.snapshot().x_m[0, parked] == before.x_m[0, parked]


def test_a_scene_does_the_same_in_a_batch_of_any_size() -> None:
    scenes = some_scenes()
    alone = rolled(drive(scenes, 4), 4, 150)
    assert_same(rolled(drive(scenes, 64), 4, 150), alone)


def test_the_number_of_threads_changes_nothing() -> None:
    scenes = some_scenes()
    one = rolled(drive(scenes, 64, threads=1, stagger=True), 64, 120)
    assert_same(rolled(drive(scenes, 64, threads=3, stagger=True), 64, 120), one)


@pytest.mark.parametrize("pick", [0, 1, 2])
def test_a_group_of_one_drives_as_in_replayed_traffic(pick: int) -> None:
    scenes = some_scenes()
    options: dict[str, Any] = {"picks": np.array([pick, 0]), "in_order": True}
    own = rolled(drive(scenes, 5, seats=1, **options), 5, 200)
    assert_same(rolled(drive(scenes, 5, traffic="replay", **options), 5, 200), own)


def crash() -> Worlds:
    """Seat 0 runs into seat 1 while seat 2 drives beside them."""
    return drive(pack([scene(road(), [(1, 20, 14), (1, 32, 4), (0, 20, 8)])]), 3)


def test_who_crashed_is_seen_a_last_time_and_then_is_gone() -> None:
    worlds = crash()
    while not worlds.terminated.any():
        stepped(worlds)
    assert worlds.terminated.tolist() == [True, True, False]
    assert worlds.on_stage.tolist() == [False, False, True]
    ended = worlds.episodes
    assert ended.end_reason[:2].tolist() == [
        EndReason.COLLISION_FRONT,
        EndReason.COLLISION_REAR,
    ]
    assert ended.at_fault[:2].tolist() == [True, False]
    assert (worlds.rewards[:2] < 0).all()
    assert (worlds.observations[:2] == 0).all()
    assert (worlds.final_observations[:2, 0] != 0).all()
    assert worlds.snapshot().valid[2].all()
    stepped(worlds)
    assert not worlds.terminated.any()


def test_who_crashed_comes_back_where_its_log_has_it_now() -> None:
    worlds = crash()
    steps = 0
    while not worlds.terminated.any():
        stepped(worlds)
        steps += 1
    while not worlds.on_stage[0]:
        stepped(worlds)
        steps += 1
        assert worlds.rewards[0] == 0
    seen = worlds.snapshot()
    assert seen.x_m[0, 0] == pytest.approx(20 + 1.4 * steps, abs=1e-4)
    assert seen.speed_mps[0, 0] == pytest.approx(14, abs=1e-4)
    assert worlds.rewards[0] == 0
    stepped(worlds)
    assert worlds.rewards[0] > 0


def test_a_late_vehicle_waits_until_its_place_is_free() -> None:
    standing = scene(road(), [(1, 60, 3), (1, 57, 3)])
    worlds = drive(pack([late(standing, 1, 20)]), 2)
    on_stage = []
    for step in range(120):
        actions = np.zeros((2, 2), np.float32)
        actions[0, 0] = 1.0 if step > 30 else -0.1
        worlds.step(actions)
        on_stage.append(bool(worlds.on_stage[1]))
        if on_stage[-1]:
            break
        assert (worlds.observations[1] == 0).all()
        assert not worlds.terminated[1]
        assert not worlds.truncated[1]
    assert on_stage[-1]
    assert len(on_stage) > 31


def test_pedestrians_and_vehicles_without_a_path_have_no_seat() -> None:
    plain = scene(road(), [(1, 20, 8), (1, 60, 12), (0, 60, 2)])
    category = plain.tracks.category.copy()
    category[2] = Category.PEDESTRIAN
    path = plain.agent_path.copy()
    path[1] = -1
    changed = replace(plain, tracks=replace(plain.tracks, category=category), agent_path=path)
    assert drive(pack([changed]), 1).seats == 1


def test_all_on_stage_are_truncated_when_time_is_up_and_the_next_scene_begins() -> None:
    worlds = drive(some_scenes(), 4, picks=np.array([0, 2]), in_order=True, horizon_s=2.0)
    for _ in range(20):
        assert not worlds.truncated.any()
        stepped(worlds)
    assert worlds.truncated.tolist() == [True, True, True, False]
    assert (worlds.state.progress.scenario == 2).all()
    assert (worlds.episodes.steps[:3] == 20).all()
    assert worlds.on_stage.tolist() == [True, True, False, True]


def test_an_episode_that_begins_late_counts_its_own_steps_and_way() -> None:
    plain = scene(road(), [(1, 20, 8), (0, 20, 6)])
    worlds = drive(pack([late(plain, 1, 15)]), 2, horizon_s=4.0)
    while not worlds.truncated.any():
        stepped(worlds)
    assert worlds.episodes.steps.tolist() == [40, 40 - 15]
    assert worlds.episodes.progress_m == pytest.approx([32, 15], abs=0.1)
    assert worlds.episodes.expert_m == pytest.approx([120, 6 * 13.5], abs=0.1)


def test_worlds_that_take_a_memory_back_go_on_as_if_nothing_had_been() -> None:
    scenes = some_scenes()
    worlds = drive(scenes, 12, stagger=True)
    rolled(worlds, 12, 40)
    memory = worlds.memory()
    went_on = rolled(worlds, 12, 100)
    fresh = drive(scenes, 12, stagger=True)
    fresh.restore(memory)
    assert_same(rolled(fresh, 12, 100), went_on)


def test_a_rules_driver_acts_for_worlds_whose_ego_is_not_there() -> None:
    worlds, driver = drive(some_scenes(), 8), IdmDriver()
    seen_off_stage = False
    for _ in range(200):
        worlds.step(driver.act(worlds))
        seen_off_stage |= not worlds.on_stage.all()
    assert seen_off_stage


def test_only_whole_groups_begin_anew() -> None:
    worlds = drive(some_scenes(), 8)
    worlds.reset_worlds([4, 5, 6, 7], [2, 2, 2, 2])
    assert (worlds.state.progress.scenario[4:] == 2).all()
    with pytest.raises(ValueError, match="whole groups of 4"):
        worlds.reset_worlds([4], [2])
