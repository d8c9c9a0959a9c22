"""The closed-loop score of whole episodes, as the worlds report it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivetrain.sim.config import Actions, EnvironmentSettings
from drivetrain.sim.log_driver import LogDriver
from drivetrain.sim.metrics import EpisodeTable, drive_each
from drivetrain.sim.pack import pack
from drivetrain.sim.planners import Driver, IdmDriver, RandomDriver
from drivetrain.sim.scenario import Category, Road, Scenario
from drivetrain.sim.score.terms import METRICS, MULTIPLIERS, WEIGHTS, Terms, score_of
from drivetrain.sim.world import Worlds
from tests.scenes import moved, road, scene

SETTINGS = EnvironmentSettings(traffic="replay", on_failure="ignore", horizon_s=6.0)
FACTORS = METRICS[4:8]


class Constant:
    """Always the same pedals and wheel."""

    actions: Actions = "bicycle"

    def __init__(self, throttle: float, turn: float) -> None:
        self._action = (throttle, turn)

    def act(self, worlds: Worlds) -> NDArray[np.float32]:
        return np.tile(np.array(self._action, np.float32), (worlds.num_worlds, 1))


def driven(scenarios: Sequence[Scenario], driver: Driver) -> EpisodeTable:
    return drive_each(pack(scenarios), np.arange(len(scenarios)), SETTINGS, driver)


def metric(table: EpisodeTable, name: str) -> NDArray[np.float64]:
    column: NDArray[np.float64] = table.metrics[:, METRICS.index(name)]
    return column


def turned(lane_road: Road) -> Road:
    """The same lanes, to be driven the other way."""
    lanes = [replace(lane, baseline_m=lane.baseline_m[::-1].copy()) for lane in lane_road.lanes]
    return replace(lane_road, lanes=tuple(lanes))


def test_an_easy_drive_at_the_limits_scores_all_there_is() -> None:
    table = driven([scene(road(), [(1, 20, 10)], steps=61)], Constant(0.0, 0.0))
    assert table.score[0] == 1.0
    assert metric(table, "lateral_mps2")[0] == 0.0


def test_replaying_the_log_scores_like_the_log() -> None:
    scenes = [
        scene(road(80.0, 100.0), [(1, 10, 8), (0, 20, 6)], steps=61),
        scene(road(), [(0, 20, 12), (0, 50, 11), (2, 5, 14)], steps=61),
    ]
    assert (driven(scenes, LogDriver()).score > 0.99).all()


def test_each_multiplier_can_take_the_whole_score() -> None:
    into_a_car = scene(road(), [(1, 20, 10), (1, 50, 0)], steps=61)
    off_the_road = scene(road(lanes=1), [(0, 20, 10)], steps=61)
    slowly = scene(road(), [(1, 20, 5)], steps=61)
    the_wrong_way = scene(turned(road()), [(1, 20, 10)], steps=61)
    cases = {
        "nuplan_no_ego_at_fault_collisions": (into_a_car, Constant(0.0, 0.0)),
        "nuplan_drivable_area_compliance": (off_the_road, Constant(0.0, 0.3)),
        "nuplan_ego_is_making_progress": (slowly, Constant(-1.0, 0.0)),
        "nuplan_driving_direction_compliance": (the_wrong_way, Constant(0.0, 0.0)),
    }
    assert set(cases) == set(MULTIPLIERS)
    for name, (case, driver) in cases.items():
        table = driven([case], driver)
        assert metric(table, name)[0] == 0.0, name
        assert table.score[0] == 0.0, name


def test_one_cone_costs_half_and_somebody_on_foot_everything() -> None:
    plain = scene(road(), [(1, 20, 10), (1, 50, 0)], steps=61)
    scores = []
    for category in (Category.STATIC, Category.PEDESTRIAN):
        who = np.array([Category.VEHICLE, category], np.uint8)
        tracks = replace(plain.tracks, category=who)
        table = driven([replace(plain, tracks=tracks)], Constant(0.0, 0.0))
        scores.append(metric(table, "nuplan_no_ego_at_fault_collisions")[0])
    assert scores == [0.5, 0.0]


def test_a_side_collision_is_at_fault_only_between_lanes() -> None:
    beside = [(1, 20.0, 10.0), (2, 20.0, 10.0)]
    in_lane = scene(road(), beside, steps=61)
    drifting = in_lane.tracks.y_m.copy()
    # The other one comes over; the ego stays in its lane.
    drifting[1] -= np.linspace(0.0, 2.5, 61)
    hit = replace(in_lane, tracks=replace(in_lane.tracks, y_m=drifting))
    stays = driven([hit], Constant(0.0, 0.0))
    assert stays.collision[0]
    assert not stays.at_fault_collision[0]
    assert metric(stays, "nuplan_no_ego_at_fault_collisions")[0] == 1.0
    comes_over = driven([in_lane], Constant(0.0, 0.05))
    assert comes_over.at_fault_collision[0]
    assert comes_over.score[0] == 0.0


def test_speeding_costs_in_proportion_to_the_excess() -> None:
    table = driven(
        [scene(road(), [(1, 20, speed)], steps=61) for speed in (15.0, 16.0, 18.0)],
        Constant(0.0, 0.0),
    )
    # One frame more than there are steps, as nuPlan counts.
    expected = 1.0 - 1.0 / 2.23 * 61 / 60
    np.testing.assert_allclose(
        metric(table, "nuplan_speed_limit_compliance"), [1.0, expected, 0.0], atol=1e-6
    )


def test_what_a_map_does_not_tell_is_left_out() -> None:
    whole = road()
    no_limits = replace(
        whole, lanes=tuple(replace(lane, limit_mps=np.nan) for lane in whole.lanes)
    )
    no_ground = replace(whole, areas=())
    no_lanes = replace(whole, lanes=(), areas=())
    table = driven(
        [scene(each, [(1, 20, 30)], steps=31) for each in (no_limits, no_ground, no_lanes)],
        Constant(0.0, 0.0),
    )
    assert np.isnan(metric(table, "nuplan_speed_limit_compliance")).tolist() == [
        True,
        False,
        True,
    ]
    unknown = np.isnan(metric(table, "nuplan_drivable_area_compliance"))
    assert unknown.tolist() == [False, True, True]
    assert table.score[0] == 1.0
    assert table.score[1] == pytest.approx(12 / 16)
    assert np.isnan(table.score[2])


@given(
    values=st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=8, max_size=8),
)
@settings(deadline=None)
def test_the_score_is_multipliers_times_a_weighted_mean(values: list[float | None]) -> None:
    known = [np.nan if value is None else value for value in values]
    terms = Terms._make([*known, 1.0, 1.0, 0.0])
    if np.isnan(known[4]):
        assert np.isnan(score_of(terms))
        return
    factor = float(np.nanprod(known[:4]))
    weights = np.array(WEIGHTS) * ~np.isnan(known[4:])
    mean = float(np.nansum(weights * np.nan_to_num(known[4:])) / weights.sum())
    assert score_of(terms) == pytest.approx(factor * mean)


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    angle=st.floats(-3.1, 3.1),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_a_scene_that_is_turned_and_shifted_scores_the_same(
    seed: int, angle: float, shift: tuple[float, float]
) -> None:
    random = np.random.default_rng(seed)
    plain = [
        scene(
            road(float(random.choice([np.inf, 100.0])), 160.0),
            [(1, 20, 8), (1, 45, random.uniform(2, 9)), (0, 25, random.uniform(2, 12))],
            steps=41,
        )
        for _ in range(3)
    ]
    elsewhere = [moved(each, angle, shift) for each in plain]
    one, other = driven(plain, IdmDriver()), driven(elsewhere, IdmDriver())
    np.testing.assert_allclose(one.score, other.score, atol=1e-3)
    np.testing.assert_allclose(one.metrics, other.metrics, atol=1e-3)


def test_neither_batch_nor_threads_nor_order_change_a_score() -> None:
    scenes = [
        scene(road(lanes=2), [(1, 20, 5.0 + n), (1, 40, 4), (0, 22, 6.0 + n)], steps=31)
        for n in range(40)
    ]
    arrays = pack(scenes)
    picks = np.arange(len(scenes))

    def drive(order: NDArray[np.int64], threads: int) -> EpisodeTable:
        chosen = SETTINGS.model_copy(update={"threads": threads})
        return drive_each(arrays, order, chosen, Constant(0.1, 0.02))

    together = drive(picks, 1)
    for table in (drive(picks, 2), drive(picks[::-1].copy(), 1)):
        back = np.argsort(table.scenario)
        np.testing.assert_array_equal(table.score[back], together.score)
        np.testing.assert_array_equal(table.metrics[back], together.metrics)
    alone = [drive(np.array([pick]), 1).metrics[0] for pick in picks[::13]]
    np.testing.assert_array_equal(alone, together.metrics[::13])


def test_no_driver_brings_a_score_out_of_its_range() -> None:
    scenes = [scene(road(), [(1, 20, 9), (1, 40, 3), (0, 30, 9)], steps=41)] * 20
    table = driven(scenes, RandomDriver(3))
    assert ((table.score >= 0.0) & (table.score <= 1.0)).all()
    shares = table.metrics[:, [METRICS.index(name) for name in (*MULTIPLIERS, *FACTORS)]]
    assert ((shares >= 0.0) & (shares <= 1.0)).all()
