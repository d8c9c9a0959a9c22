from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.metrics import EpisodeTable, drive_each
from drivetrain.sim.pack import pack
from drivetrain.sim.pdm import PdmDriver
from drivetrain.sim.planners import Driver, IdmDriver
from drivetrain.sim.scenario import Category, Scenario, Signal, Stop
from drivetrain.sim.world import EndReason, Worlds
from tests.scenes import LANE_M, moved, road, scene
from tests.sim.plain_pdm import PlainPdm

FASTEST_IN_LANE = 9


def worlds_of(*scenarios: Scenario, threads: int = 1) -> Worlds:
    environment = EnvironmentSettings(threads=threads, traffic="replay")
    worlds = Worlds(
        pack(list(scenarios)), environment, num_worlds=len(scenarios), seed=0, in_order=True
    )
    worlds.reset()
    return worlds


def driven(scenario: Scenario, driver: Driver | None = None) -> EpisodeTable:
    environment = EnvironmentSettings(threads=1, traffic="replay")
    return drive_each(pack([scenario]), np.array([0]), environment, driver or PdmDriver())


def with_category(scenario: Scenario, agent: int, category: Category) -> Scenario:
    kinds = scenario.tracks.category.copy()
    kinds[agent] = category
    return replace(scenario, tracks=replace(scenario.tracks, category=kinds))


def at(scenario: Scenario, agent: int, aside_m: float) -> Scenario:
    """The same scene with an agent's track shifted to the left of a straight road."""
    y = scenario.tracks.y_m.copy()
    y[agent] += aside_m
    return replace(scenario, tracks=replace(scenario.tracks, y_m=y))


def cut_in() -> Scenario:
    """A slower car on the left comes into the ego's lane, twelve metres ahead."""
    plain = scene(road(lanes=3), [(1, 20, 10), (2, 38, 7)])
    y, vy = plain.tracks.y_m.copy(), plain.tracks.vy_mps.copy()
    gone = np.clip(np.arange(y.shape[1]) / 20.0, 0.0, 1.0)
    y[1] -= gone * LANE_M
    vy[1] = np.gradient(y[1], 0.1)
    return replace(plain, tracks=replace(plain.tracks, y_m=y, vy_mps=vy))


def lit(shown: Signal) -> Scenario:
    """A straight road whose lane has a stop line 60 m on."""
    plain = scene(road(lanes=1), [(0, 20, 10)])
    path = replace(plain.road.paths[0], stops=(Stop(80.0, 0),))
    lights = np.full((1, plain.tracks.x_m.shape[1]), shown, np.uint8)
    return replace(plain, road=replace(plain.road, paths=(path,), lights=1), signals=lights)


def test_on_a_free_road_it_drives_at_the_limit_in_the_middle_of_its_lane() -> None:
    worlds, driver = worlds_of(scene(road(), [(1, 20, 10)])), PdmDriver()
    for _ in range(100):
        worlds.step(driver.act(worlds))
    assert driver.plans.proposal[0] == FASTEST_IN_LANE
    assert worlds.state.egos.speed[0] == pytest.approx(14.0, abs=1.0)
    assert worlds.state.drivers.offset[0, 0] == pytest.approx(0.0, abs=0.05)


def test_it_stops_behind_a_car_that_stands() -> None:
    table = driven(scene(road(lanes=1), [(0, 20, 10), (0, 90, 0)]))
    assert EndReason(int(table.end_reason[0])) is EndReason.TIME
    assert not table.collision[0]
    assert not table.off_road[0]


def test_it_goes_around_what_leaves_room_within_a_metre() -> None:
    beside = at(scene(road(), [(1, 20, 10), (1, 80, 0)]), 1, -2.0)
    barrel = with_category(beside, 1, Category.STATIC)
    around, behind = driven(barrel), driven(barrel, IdmDriver())
    assert around.success[0]
    assert not around.collision[0]
    assert behind.progress[0] < 0.6


def test_it_brakes_for_a_car_that_cuts_in() -> None:
    table = driven(cut_in())
    assert not table.collision[0]
    assert table.progress[0] > 0.6


def test_it_lets_a_pedestrian_cross() -> None:
    plain = scene(road(lanes=1), [(0, 20, 8), (0, 55, 0)])
    x, y, vy = (np.array(c) for c in (plain.tracks.x_m, plain.tracks.y_m, plain.tracks.vy_mps))
    y[1], vy[1] = -6.0 + 1.5 * np.arange(y.shape[1]) * 0.1, 1.5
    small = replace(plain.tracks, x_m=x, y_m=y, vy_mps=vy, width_m=np.array([2.3, 0.6]))
    small = replace(small, length_m=np.array([5.2, 0.6]))
    walker = with_category(replace(plain, tracks=small), 1, Category.PEDESTRIAN)
    table = driven(walker)
    assert not table.collision[0]
    assert table.progress[0] > 0.8


@pytest.mark.parametrize(
    ("shown", "passes"),
    [(Signal.RED, False), (Signal.YELLOW, False), (Signal.GREEN, True), (Signal.UNKNOWN, True)],
)
def test_it_stops_where_a_light_says_so(shown: Signal, *, passes: bool) -> None:
    worlds, driver = worlds_of(lit(shown)), PdmDriver()
    for _ in range(120):
        worlds.step(driver.act(worlds))
    front = worlds.state.drivers.along[0, 0] + worlds.state.bodies.half_length[0, 0]
    assert (front > 80.0) == passes
    assert worlds.state.egos.speed[0] > 5.0 if passes else front > 75.0


def test_it_does_not_stop_for_a_yellow_light_that_comes_too_late() -> None:
    scenario = lit(Signal.GREEN)
    signals = scenario.signals
    assert signals is not None
    signals[:, 40:] = Signal.YELLOW
    worlds, driver = worlds_of(scenario), PdmDriver()
    for _ in range(80):
        worlds.step(driver.act(worlds))
    assert worlds.state.drivers.along[0, 0] > 90.0


def test_it_does_not_go_around_through_a_lane_that_leads_the_other_way() -> None:
    narrow = road(lanes=1)
    path = replace(narrow.paths[0], half_width_m=np.full(201, 0.8))
    outline = np.array([[0.0, 0.8], [200.0, 0.8], [200.0, 3.0], [0.0, 3.0]])
    other_way = replace(
        narrow.lanes[0], outline_m=outline, baseline_m=np.array([[200.0, 1.8], [0.0, 1.8]])
    )
    for against in (True, False):
        lanes = (other_way,) if against else ()
        on = replace(narrow, paths=(path,), lanes=lanes, edges_m=np.zeros((0, 4)))
        worlds, driver = worlds_of(scene(on, [(0, 20, 10)])), PdmDriver()
        driver.act(worlds)
        scores = driver.plans.scores[0].reshape(3, 5)
        assert np.isnan(scores[2, -1]) == against
        assert np.isfinite(scores[:2]).all()


def test_at_walking_pace_it_stops_rather_than_hits() -> None:
    blocked = scene(road(lanes=1), [(0, 20, 4), (0, 27, 0)])
    worlds, driver = worlds_of(blocked), PdmDriver()
    worlds.step(driver.act(worlds))
    assert driver.plans.brakes[0]
    assert np.isnan(driver.plans.scores[0]).all()
    assert worlds.state.egos.acceleration[0] < -1.0


def random_scene(random: np.random.Generator) -> Scenario:
    """Cars, walkers and objects on straight and bent roads, some beside their lane."""
    radius = float(random.choice([np.inf, np.inf, 120.0, 60.0]))
    lanes, others = int(random.integers(1, 4)), int(random.integers(0, 8))
    drives = [(int(random.integers(lanes)), 30.0, float(random.uniform(0, 14)))]
    for _ in range(others):
        start, speed = random.uniform(5, 130), random.choice([0.0, random.uniform(0, 12)])
        drives.append((int(random.integers(lanes)), float(start), float(speed)))
    plain = scene(road(radius, 160.0, lanes), drives, steps=31)
    aside = random.normal(0, 0.8, (len(drives), 1))
    category = random.choice(4, len(drives)).astype(np.uint8)
    category[0], aside[0] = Category.VEHICLE, random.normal(0, 0.3)
    tracks = replace(plain.tracks, y_m=plain.tracks.y_m + aside, category=category)
    return replace(plain, tracks=tracks)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_proposal_is_worth_what_the_plain_rule_says(seed: int) -> None:
    random = np.random.default_rng(seed)
    worlds, driver = worlds_of(random_scene(random), random_scene(random)), PdmDriver()
    for step in range(13):
        actions = driver.act(worlds)
        if step % 6 == 0:
            for w in range(2):
                plain = PlainPdm(worlds, w)
                best = int(driver.plans.proposal[w])
                np.testing.assert_allclose(
                    driver.plans.scores[w], plain.scores(), atol=1e-6, err_msg=f"{w} {step}"
                )
                brakes = plain.drives[best].hit_s <= 2.0 and plain.motion.speed <= 5.0
                first = (
                    -1.0 if brakes else plain.drives[best].first[0],
                    plain.drives[best].first[1],
                )
                np.testing.assert_allclose(actions[w], first, atol=1e-5)
        worlds.step(actions)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_proposal_is_worth_more_than_the_one_that_it_drives(seed: int) -> None:
    worlds, driver = worlds_of(random_scene(np.random.default_rng(seed))), PdmDriver()
    for _ in range(10):
        worlds.step(driver.act(worlds))
        scores, best = driver.plans.scores[0], driver.plans.proposal[0]
        assert np.isnan(scores).all() or scores[best] == np.nanmax(scores)


def test_threads_and_neighbours_change_nothing() -> None:
    random = np.random.default_rng(3)
    scenes = [random_scene(random) for _ in range(19)]
    many, alone = worlds_of(*scenes, threads=3), [worlds_of(each) for each in scenes]
    together, apart = PdmDriver(), PdmDriver()
    for _ in range(5):
        actions = together.act(many)
        for number, one in enumerate(alone):
            own = apart.act(one)
            np.testing.assert_array_equal(own[0], actions[number])
            one.step(own)
        many.step(actions)


def test_a_scene_elsewhere_is_driven_alike() -> None:
    scenario = cut_in()
    here, there = worlds_of(scenario), worlds_of(moved(scenario, 1.1, (300.0, -80.0)))
    one, other = PdmDriver(), PdmDriver()
    for _ in range(60):
        here.step(one.act(here))
        there.step(other.act(there))
    assert here.state.drivers.along[0, 0] == pytest.approx(
        there.state.drivers.along[0, 0], abs=0.05
    )


def test_what_was_felt_before_a_plan_is_not_held_against_it() -> None:
    driver, worlds = PdmDriver(), worlds_of(scene(road(), [(1, 20, 10)]))
    driver.act(worlds)
    calm = np.nanmax(driver.plans.scores)
    worlds.state.egos.acceleration[:] = -4.06
    driver.act(worlds)
    assert np.nanmax(driver.plans.scores) == pytest.approx(calm, abs=0.01)


def test_a_driver_goes_from_small_worlds_to_large_ones() -> None:
    small = worlds_of(scene(road(), [(1, 20, 10)]))
    large = worlds_of(cut_in())
    driver = PdmDriver()
    driver.act(small)
    np.testing.assert_array_equal(driver.act(large), PdmDriver().act(large))
