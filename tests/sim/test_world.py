from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.pack import pack
from drivetrain.sim.reward import REWARD_PARTS
from drivetrain.sim.scenario import Scenario, ScenarioArrays, Tracks
from drivetrain.sim.world import EndReason, Worlds
from tests.scenes import moved, road, scene

Seen = dict[str, NDArray[Any]]


def some_scenes() -> ScenarioArrays:
    """A free road, a slow lead, a curve with neighbours, and a car that stands in the way."""
    return pack(
        [
            scene(road(), [(1, 20, 10)], name="free"),
            scene(road(), [(1, 20, 12), (1, 45, 5), (0, 15, 9), (2, 30, 14)], name="slow"),
            scene(
                road(60.0, 150.0), [(0, 10, 8), (1, 12, 8), (0, 30, 7), (2, 5, 9)], name="curve"
            ),
            scene(road(lanes=1), [(0, 20, 10), (0, 60, 0)], name="blocked"),
        ]
    )


def make(scenes: ScenarioArrays, num_worlds: int, *, seed: int = 3, **options: Any) -> Worlds:
    names = ("picks", "in_order", "stagger")
    ours = {name: options.pop(name) for name in names if name in options}
    worlds = Worlds(
        scenes, EnvironmentSettings(**options), num_worlds=num_worlds, seed=seed, **ours
    )
    worlds.reset()
    return worlds


def actions_of(world: int, step: int) -> NDArray[np.float32]:
    """What the driver of a world does, whoever else is in the batch."""
    random = np.random.default_rng([world, step])
    return random.normal(0.2, 0.5, 2).astype(np.float32)


def rolled(worlds: Worlds, numbers: list[int], steps: int) -> list[Seen]:
    """Everything the given worlds show, step by step."""
    seen = []
    for step in range(steps):
        worlds.step(np.stack([actions_of(w, step) for w in range(worlds.num_worlds)]))
        ended = worlds.terminated | worlds.truncated
        seen.append(
            {
                "observations": worlds.observations[numbers].copy(),
                "rewards": worlds.rewards[numbers].copy(),
                "parts": worlds.reward_parts[numbers].copy(),
                "terminated": worlds.terminated[numbers].copy(),
                "truncated": worlds.truncated[numbers].copy(),
                "final": np.where(ended[:, None], worlds.final_observations, 0)[numbers],
                "total": np.where(ended, worlds.episodes.total_reward, 0)[numbers],
            }
        )
    return seen


def assert_same(
    one: list[dict[str, NDArray[Any]]], other: list[dict[str, NDArray[Any]]]
) -> None:
    for left, right in zip(one, other, strict=True):
        for name, values in left.items():
            np.testing.assert_array_equal(values, right[name], err_msg=name)


@pytest.mark.parametrize("traffic", ["idm", "replay"])
def test_a_world_does_the_same_in_a_batch_of_any_size(traffic: str) -> None:
    scenes = some_scenes()
    alone = rolled(make(scenes, 1, traffic=traffic), [0], 120)
    seven = rolled(make(scenes, 7, traffic=traffic), list(range(7)), 120)
    many = make(scenes, 64, traffic=traffic)
    assert_same(rolled(many, list(range(7)), 120), seven)
    assert_same([{name: v[:1] for name, v in step.items()} for step in seven], alone)


def test_the_number_of_threads_changes_nothing() -> None:
    scenes = some_scenes()
    everybody = list(range(64))
    assert_same(
        rolled(make(scenes, 64, threads=1), everybody, 100),
        rolled(make(scenes, 64, threads=3), everybody, 100),
    )


def test_another_seed_draws_other_scenarios() -> None:
    scenes = some_scenes()
    drawn = [make(scenes, 64, seed=seed).state.progress.scenario for seed in (1, 1, 2)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert set(drawn[0]) == {0, 1, 2, 3}


def test_setting_the_seed_rewinds_the_stream() -> None:
    worlds = make(some_scenes(), 16)
    first = worlds.observations.copy()
    worlds.reset()
    assert not np.array_equal(first, worlds.observations)
    worlds.seed = 3
    worlds.reset()
    np.testing.assert_array_equal(first, worlds.observations)


def test_worlds_in_order_drive_every_pick_once() -> None:
    worlds = make(some_scenes(), 2, picks=np.array([3, 0, 1, 2]), in_order=True, horizon_s=1.0)
    driven = [worlds.state.progress.scenario.copy()]
    while len(driven) < 2:
        worlds.step(np.zeros((2, 2), np.float32))
        if worlds.truncated.all():
            driven.append(worlds.state.progress.scenario.copy())
    assert np.concatenate(driven).tolist() == [3, 0, 1, 2]


def test_every_buffer_is_written_and_bounded_under_any_action() -> None:
    worlds = make(some_scenes(), 32, stagger=True)
    ended = np.zeros(32, np.bool_)
    extremes = np.array([-np.inf, -1e30, -1.0, 0.0, 1.0, 1e30, np.inf], np.float32)
    random = np.random.default_rng(0)
    for _ in range(200):
        worlds.step(random.choice(extremes, (32, 2)))
        ended |= worlds.terminated | worlds.truncated
        for buffer in (worlds.observations, worlds.rewards, worlds.reward_parts):
            assert np.isfinite(buffer).all()
        assert np.abs(worlds.observations).max() <= 1.0
    assert ended.all()
    assert np.isfinite(worlds.final_observations).all()
    assert np.isfinite(worlds.episodes.part_means).all()


def test_a_nan_action_names_its_world_and_moves_nobody() -> None:
    worlds = make(some_scenes(), 8)
    before = worlds.snapshot()
    actions = np.zeros((8, 2), np.float32)
    actions[5, 1] = np.nan
    with pytest.raises(ValueError, match="world 5 is NaN"):
        worlds.step(actions)
    np.testing.assert_array_equal(before.x_m, worlds.snapshot().x_m)


def test_stepping_before_a_reset_is_refused() -> None:
    worlds = Worlds(some_scenes(), EnvironmentSettings(), num_worlds=2, seed=0)
    with pytest.raises(ValueError, match="not been reset"):
        worlds.step(np.zeros((2, 2), np.float32))


def test_the_final_observation_is_the_one_before_the_reset() -> None:
    scenes = some_scenes()
    long = make(scenes, 1, picks=np.array([0]), horizon_s=3.0)
    short = make(scenes, 1, picks=np.array([0]), horizon_s=2.0)
    start = short.observations.copy()
    for _ in range(20):
        for worlds in (long, short):
            worlds.step(np.full((1, 2), 0.3, np.float32))
    assert short.truncated[0]
    assert not long.truncated[0]
    np.testing.assert_array_equal(short.final_observations, long.observations)
    np.testing.assert_array_equal(short.observations, start)


def end_of(worlds: Worlds, action: tuple[float, float]) -> EndReason:
    """How the first episode of the first world ends under a constant action."""
    for _ in range(1000):
        worlds.step(np.full((worlds.num_worlds, 2), action, np.float32))
        if worlds.terminated[0] or worlds.truncated[0]:
            return EndReason(int(worlds.episodes.end_reason[0]))
    raise AssertionError("the episode never ended")


def test_running_out_of_time_truncates_and_everything_else_terminates() -> None:
    scenes = some_scenes()
    free = make(scenes, 1, picks=np.array([0]), horizon_s=4.0)
    assert end_of(free, (0.0, 0.0)) is EndReason.TIME
    assert free.truncated[0]
    assert not free.terminated[0]
    assert free.episodes.steps[0] == 40
    for number, action, reason in [
        (0, (1.0, 0.0), EndReason.ROUTE_END),
        (0, (0.0, 1.0), EndReason.OFF_ROAD),
        (3, (0.0, 0.0), EndReason.COLLISION_STATIC),
    ]:
        worlds = make(scenes, 1, picks=np.array([number]))
        assert end_of(worlds, action) is reason
        assert worlds.terminated[0]
        assert not worlds.truncated[0]


def test_hitting_a_moving_car_from_behind_is_the_egos_fault() -> None:
    worlds = make(some_scenes(), 1, picks=np.array([1]), traffic="replay")
    assert end_of(worlds, (0.3, 0.0)) is EndReason.COLLISION_FRONT
    assert worlds.episodes.at_fault[0]


def test_being_hit_from_behind_is_not() -> None:
    scenes = pack([scene(road(), [(1, 60, 10), (1, 40, 12)])])
    worlds = make(scenes, 1, traffic="replay")
    assert end_of(worlds, (-0.3, 0.0)) is EndReason.COLLISION_REAR
    assert not worlds.episodes.at_fault[0]


def test_driving_like_the_expert_earns_the_whole_route_and_no_more() -> None:
    worlds = make(some_scenes(), 1, picks=np.array([0]))
    assert end_of(worlds, (0.0, 0.0)) is EndReason.TIME
    weight = worlds.settings.reward.route
    assert worlds.episodes.total_reward[0] == pytest.approx(weight, rel=0.02)
    assert worlds.episodes.progress_m[0] == pytest.approx(150.0, abs=1.0)
    worlds = make(some_scenes(), 1, picks=np.array([0]))
    assert end_of(worlds, (0.2, 0.0)) is EndReason.ROUTE_END
    assert worlds.episodes.part_means[0, REWARD_PARTS.index("route")] * worlds.episodes.steps[
        0
    ] == pytest.approx(1.0, rel=1e-6)


def test_a_crash_costs_its_penalty_once() -> None:
    worlds = make(some_scenes(), 1, picks=np.array([3]))
    assert end_of(worlds, (0.0, 0.0)) is EndReason.COLLISION_STATIC
    assert worlds.rewards[0] == -worlds.settings.reward.collision
    assert worlds.reward_parts[0, REWARD_PARTS.index("collision")] == 1.0


def test_an_episode_that_ignores_failures_notes_them_and_pays_nothing_afterwards() -> None:
    worlds = make(some_scenes(), 1, picks=np.array([3]), on_failure="ignore")
    collision, route = (REWARD_PARTS.index(name) for name in ("collision", "route"))
    crashes, earned_later = 0.0, 0.0
    while not worlds.truncated[0]:
        worlds.step(np.zeros((1, 2), np.float32))
        earned_later += float(worlds.reward_parts[0, route]) if crashes else 0.0
        crashes += float(worlds.reward_parts[0, collision])
        assert not worlds.terminated[0]
    assert (crashes, earned_later) == (1.0, 0.0)
    assert worlds.episodes.collided[0]
    assert worlds.episodes.at_fault[0]
    assert not worlds.episodes.off_road[0]
    assert worlds.episodes.progress_m[0] > 100.0


def test_being_driven_through_from_behind_is_one_collision_and_not_at_fault() -> None:
    # The replayed car passes through the ego, in front of which it would be the ego's fault.
    scenes = pack([scene(road(), [(1, 60, 10), (1, 40, 14)])])
    worlds = make(scenes, 1, traffic="replay", on_failure="ignore", horizon_s=10.0)
    assert end_of(worlds, (0.0, 0.0)) is EndReason.TIME
    assert worlds.episodes.collided[0]
    assert not worlds.episodes.at_fault[0]


def test_leaving_the_road_can_be_ignored_too() -> None:
    worlds = make(some_scenes(), 1, picks=np.array([0]), on_failure="ignore", horizon_s=5.0)
    assert end_of(worlds, (0.0, 1.0)) is EndReason.TIME
    assert worlds.episodes.off_road[0]
    assert not worlds.episodes.collided[0]


def test_idm_traffic_stops_behind_an_ego_that_stops() -> None:
    scenes = pack([scene(road(), [(1, 60, 10), (1, 40, 10), (1, 25, 10)])])
    worlds = make(scenes, 1)
    for _ in range(149):
        worlds.step(np.array([[-1.0, 0.0]], np.float32))
        assert not worlds.terminated[0]
    seen = worlds.snapshot()
    assert np.all(seen.speed_mps < 0.2)
    gaps = -np.diff(seen.x_m[0]) - (seen.length_m[0, :-1] + seen.length_m[0, 1:]) / 2
    assert np.all(gaps > 0.5)


def test_replayed_traffic_is_there_exactly_while_its_log_is() -> None:
    plain = scene(road(), [(1, 20, 10), (0, 60, 10)], steps=60)
    valid = plain.tracks.valid.copy()
    valid[1] = False
    valid[1, 5:20] = valid[1, 22:30] = True
    scenes = pack([replace(plain, tracks=replace(plain.tracks, valid=valid))])
    worlds = make(scenes, 1, traffic="replay")
    for step in range(1, 59):
        worlds.step(np.zeros((1, 2), np.float32))
        assert worlds.snapshot().valid[0].tolist() == [True, bool(valid[1, step])]
    worlds.step(np.zeros((1, 2), np.float32))
    assert worlds.truncated[0]  # the log is over, and with it what the expert did


def test_a_late_agent_waits_until_its_place_is_free() -> None:
    plain = scene(road(), [(1, 60, 0), (1, 60, 8)])
    valid = plain.tracks.valid.copy()
    valid[1, :20] = False
    late = replace(plain.tracks, valid=valid, x_m=np.where(valid, 61.0, 0.0))
    late.x_m[0] = 60.0
    worlds = make(pack([replace(plain, tracks=late)]), 1)
    present = []
    for _ in range(100):
        worlds.step(np.array([[0.5, 0.0]], np.float32))
        assert not worlds.terminated[0]
        present.append(bool(worlds.snapshot().valid[0, 1]))
    assert not any(present[:25])
    assert present[-1]


def permuted(scenario: Scenario, order: NDArray[np.int64]) -> Scenario:
    """The same scene with its agents listed in another order."""
    tracks = scenario.tracks
    columns = {name: getattr(tracks, name)[order] for name in tracks.__slots__}
    return replace(
        scenario,
        tracks=Tracks(**columns),
        ego=int(np.flatnonzero(order == scenario.ego)[0]),
        agent_path=scenario.agent_path[order],
        desired_mps=scenario.desired_mps[order],
    )


@pytest.mark.parametrize("traffic", ["idm", "replay"])
def test_the_order_of_the_agents_means_nothing(traffic: str) -> None:
    plain = scene(
        road(300.0, 200.0), [(1, 20, 12), (1, 45, 5), (0, 15, 9), (2, 31, 14), (0, 52, 8)]
    )
    one = make(pack([plain]), 1, traffic=traffic)
    other = make(pack([permuted(plain, np.array([3, 1, 4, 0, 2]))]), 1, traffic=traffic)
    assert_same(rolled(one, [0], 100), rolled(other, [0], 100))


@pytest.mark.parametrize("traffic", ["idm", "replay"])
def test_moving_the_whole_scene_changes_nothing(traffic: str) -> None:
    plain = scene(road(60.0, 150.0), [(0, 10, 8), (1, 12, 8), (0, 30, 7), (2, 5, 9)])
    here = make(pack([plain]), 1, traffic=traffic)
    there = make(pack([moved(plain, 2.0, (300.0, -200.0))]), 1, traffic=traffic)
    random = np.random.default_rng(0)
    for _ in range(100):
        action = random.normal(0.0, 0.05, (1, 2))
        here.step(action)
        there.step(action)
        np.testing.assert_allclose(here.observations, there.observations, atol=1e-3)
        np.testing.assert_allclose(here.rewards, there.rewards, atol=1e-3 * 100)
        assert here.terminated[0] == there.terminated[0]


def test_worlds_can_be_reset_one_by_one_to_a_wanted_scenario() -> None:
    worlds = make(some_scenes(), 4)
    others = worlds.observations[[0, 1, 3]].copy()
    worlds.reset_worlds([2], [3])
    assert worlds.state.progress.scenario[2] == 3
    np.testing.assert_array_equal(worlds.observations[[0, 1, 3]], others)
    with pytest.raises(ValueError, match="rows of the 4 scenarios"):
        worlds.reset_worlds([2], [4])


def test_staggered_worlds_do_not_all_end_at_once() -> None:
    worlds = make(some_scenes(), 64, picks=np.array([0]), stagger=True)
    ends = []
    for _ in range(149):
        worlds.step(np.zeros((64, 2), np.float32))
        ends.append(int(worlds.truncated.sum()))
    assert max(ends) <= 8


def remembered(scenes: ScenarioArrays, steps: int) -> tuple[dict[str, NDArray[Any]], Worlds]:
    """Worlds after some steps, and their memory of that moment."""
    worlds = make(scenes, 7, stagger=True)
    rolled(worlds, list(range(7)), steps)
    return worlds.memory(), worlds


def test_worlds_that_take_a_memory_back_go_on_as_if_nothing_had_been() -> None:
    scenes = some_scenes()
    memory, worlds = remembered(scenes, 40)
    went_on = rolled(worlds, list(range(7)), 120)
    fresh = make(scenes, 7, seed=99, stagger=True)
    fresh.restore(memory)
    np.testing.assert_array_equal(fresh.observations, memory["buffers.observations"])
    assert_same(rolled(fresh, list(range(7)), 120), went_on)
    assert fresh.seed == worlds.seed


def test_a_memory_does_not_change_as_the_worlds_go_on() -> None:
    memory, worlds = remembered(some_scenes(), 10)
    before = {name: column.copy() for name, column in memory.items()}
    rolled(worlds, [0], 5)
    for name, column in memory.items():
        np.testing.assert_array_equal(column, before[name], err_msg=name)


def test_a_memory_of_other_worlds_is_refused_and_changes_nothing() -> None:
    memory, _ = remembered(some_scenes(), 10)
    other = make(some_scenes(), 5)
    seen = other.observations.copy()
    with pytest.raises(ValueError, match="of other worlds"):
        other.restore(memory)
    fewer = {name: column for name, column in memory.items() if name != "egos.speed"}
    with pytest.raises(ValueError, match=r"egos\.speed"):
        make(some_scenes(), 7).restore(fewer)
    np.testing.assert_array_equal(other.observations, seen)


def test_a_memory_of_other_rules_or_other_scenarios_is_refused() -> None:
    memory, _ = remembered(some_scenes(), 10)
    others = pack([scene(road(60.0), [(1, 20, 10)], name=name) for name in "abcd"])
    for worlds in (
        make(some_scenes(), 7, stagger=True, on_failure="ignore"),
        make(some_scenes(), 7, stagger=False),
        make(some_scenes(), 7, stagger=True, in_order=True),
        make(others, 7, stagger=True),
    ):
        with pytest.raises(ValueError, match="of other worlds: "):
            worlds.restore(memory)
    make(some_scenes(), 7, stagger=True, threads=1).restore(memory)


def test_a_memory_without_a_seed_is_refused() -> None:
    memory, worlds = remembered(some_scenes(), 10)
    del memory["seed"]
    with pytest.raises(ValueError, match="seed"):
        worlds.restore(memory)


def test_room_is_made_for_the_picks_alone() -> None:
    worlds = make(some_scenes(), 2, picks=np.array([0, 3]))
    assert worlds.snapshot().valid.shape == (2, 2)
    with pytest.raises(ValueError, match="larger or longer than any of the picks"):
        worlds.reset_worlds([1], [1])
    worlds.reset_worlds([1], [3])
