"""Traffic lights: who stops, who need not, and what a red one costs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drivetrain.sim.config import Actions, EnvironmentSettings
from drivetrain.sim.layout import FLAT, EgoColumn
from drivetrain.sim.metrics import drive_each
from drivetrain.sim.pack import pack
from drivetrain.sim.planners import IdmDriver
from drivetrain.sim.reward import REWARD_PARTS
from drivetrain.sim.scenario import Scenario, ScenarioArrays, Signal, Stop
from drivetrain.sim.state import EndReason
from drivetrain.sim.traffic import AGENT, stops_at
from drivetrain.sim.world import Worlds
from tests.scenes import EGO_LENGTH_M, road, scene

LINE_M = 80.0
STEPS = 151


def lit(plain: Scenario, shown: list[tuple[int, Signal]], line_m: float = LINE_M) -> Scenario:
    """The scene with a stop line across all lanes; shown: (from which step on, what)."""
    signals = np.full((1, plain.tracks.valid.shape[1]), Signal.NONE, np.uint8)
    for step, signal in shown:
        signals[:, step:] = signal
    paths = tuple(replace(path, stops=(Stop(line_m, 0),)) for path in plain.road.paths)
    return replace(plain, road=replace(plain.road, paths=paths, lights=1), signals=signals)


def make(arrays: ScenarioArrays, **options: Any) -> Worlds:
    worlds = Worlds(arrays, EnvironmentSettings(**options), num_worlds=1, seed=0)
    worlds.reset()
    return worlds


def driven(worlds: Worlds, action: list[float], steps: int) -> None:
    for _ in range(steps):
        worlds.step(np.array([action], np.float32))


def standing_ego(others: list[tuple[int, float, float]]) -> Scenario:
    """The ego stands out of the way while others drive."""
    return scene(road(), [(2, 150, 0), *others])


def test_idm_traffic_waits_at_red_and_goes_on_at_green() -> None:
    red_then_green = [(0, Signal.RED), (100, Signal.GREEN)]
    worlds = make(pack([lit(standing_ego([(0, 20, 10), (0, 5, 10)]), red_then_green)]))
    driven(worlds, [0.0, 0.0], 99)
    seen = worlds.snapshot()
    fronts = seen.x_m[0, 1:] + 2.3
    assert LINE_M - 3.0 < fronts[0] < LINE_M
    assert fronts[1] < fronts[0] - 4.6
    assert seen.speed_mps[0, 1] < 0.5
    driven(worlds, [0.0, 0.0], 50)
    assert worlds.snapshot().x_m[0, 1] > LINE_M + 5.0


@pytest.mark.parametrize("signal", [Signal.GREEN, Signal.UNKNOWN, Signal.NONE])
def test_nobody_stops_for_what_is_not_red(signal: Signal) -> None:
    worlds = make(pack([lit(standing_ego([(0, 20, 10)]), [(0, signal)])]))
    free = make(pack([standing_ego([(0, 20, 10)])]))
    for each in (worlds, free):
        driven(each, [0.0, 0.0], 100)
    np.testing.assert_array_equal(worlds.snapshot().x_m, free.snapshot().x_m)


def test_who_is_past_the_line_drives_on() -> None:
    over = lit(standing_ego([(0, LINE_M - 2.2, 8)]), [(0, Signal.RED)])
    worlds = make(pack([over]))
    driven(worlds, [0.0, 0.0], 50)
    assert worlds.snapshot().x_m[0, 1] > LINE_M + 30.0


def test_on_yellow_stops_only_who_can_do_so_comfortably() -> None:
    enough = 10.0**2 / (2 * AGENT.braking_mps2)
    assert stops_at(Signal.YELLOW, enough + 0.1, 10.0, AGENT)
    assert not stops_at(Signal.YELLOW, enough - 0.1, 10.0, AGENT)
    assert stops_at(Signal.RED, 0.1, 10.0, AGENT)
    for start, goes_on in [(20.0, False), (65.0, True)]:
        worlds = make(pack([lit(standing_ego([(0, start, 10)]), [(0, Signal.YELLOW)])]))
        driven(worlds, [0.0, 0.0], 120)
        assert (worlds.snapshot().x_m[0, 1] > LINE_M) == goes_on


@pytest.mark.parametrize("actions", ["bicycle", "proposals"])
def test_rules_that_drive_the_ego_stop_at_red(actions: str) -> None:
    worlds = make(pack([lit(scene(road(), [(1, 20, 10)]), [(0, Signal.RED)])]), actions=actions)
    driver = IdmDriver()
    for _ in range(149):
        worlds.step(driver.act(worlds) if actions == "bicycle" else np.array([9]))
        assert not worlds.terminated[0]
    front = worlds.state.drivers.along[0, 0] + EGO_LENGTH_M / 2
    assert LINE_M - 3.0 < front < LINE_M
    assert worlds.state.progress.red_lights[0] == 0


@pytest.mark.parametrize(
    ("signal", "speed_mps"),
    [(Signal.RED, 10), (Signal.YELLOW, 5), (Signal.YELLOW, 25), (Signal.GREEN, 10)],
)
def test_the_ego_sees_a_line_as_a_car_that_stands_there_where_rules_stop_at_it(
    signal: Signal, speed_mps: float
) -> None:
    ego = (1, 20, speed_mps)
    blocked = make(pack([scene(road(), [ego, (1, LINE_M + 2.3, 0)])])).observations[0]
    seen = make(pack([lit(scene(road(), [ego]), [(0, signal)])])).observations[0]
    lead = [EgoColumn.LEAD_GAP, EgoColumn.LEAD_SPEED, EgoColumn.CLOSING]
    stops = signal == Signal.RED or (signal == Signal.YELLOW and speed_mps < 10)
    expected = blocked[lead] if stops else [1.0, 1.0, 0.0]
    np.testing.assert_allclose(seen[lead], expected, atol=1e-3)


def test_who_drives_in_front_of_a_red_light_is_seen_instead_of_it() -> None:
    ego, other = (1, 20, 10), (1, 40, 7)
    seen = make(pack([lit(scene(road(), [ego, other]), [(0, Signal.RED)])])).observations[0]
    free = make(pack([scene(road(), [ego, other])])).observations[0]
    np.testing.assert_array_equal(seen[: len(EgoColumn)], free[: len(EgoColumn)])


def red_for_the_ego() -> Scenario:
    """A light that turns red after the expert has passed it."""
    return lit(scene(road(), [(1, 20, 10)]), [(0, Signal.GREEN), (70, Signal.RED)])


def test_driving_past_a_red_light_is_counted_once() -> None:
    worlds = make(pack([red_for_the_ego()]), red_light="ignore")
    driven(worlds, [-0.5, 0.0], 20)
    driven(worlds, [0.2, 0.0], 128)
    assert worlds.state.progress.red_lights[0] == 1
    driven(worlds, [0.0, 0.0], 2)
    assert worlds.episodes.red_lights[0] == 1
    assert worlds.episodes.end_reason[0] == EndReason.TIME


def test_it_ends_the_episode_and_costs_its_penalty() -> None:
    worlds = make(pack([red_for_the_ego()]))
    driven(worlds, [-0.5, 0.0], 20)
    while not (worlds.terminated[0] or worlds.truncated[0]):
        driven(worlds, [0.2, 0.0], 1)
    assert worlds.terminated[0]
    assert worlds.episodes.end_reason[0] == EndReason.RED_LIGHT
    assert worlds.rewards[0] == -worlds.settings.reward.red_light
    assert worlds.reward_parts[0, REWARD_PARTS.index("red_light")] == 1.0


def test_what_the_expert_did_too_is_not_held_against_the_ego() -> None:
    always_red = lit(scene(road(), [(1, 20, 10)]), [(0, Signal.RED)])
    worlds = make(pack([always_red]))
    driven(worlds, [0.0, 0.0], 150)
    assert worlds.truncated[0]
    assert worlds.episodes.red_lights[0] == 0


def test_a_light_that_turns_red_under_the_ego_is_no_offence() -> None:
    # The front passes the line in step 58; what was shown when the step began counts.
    plain = scene(road(), [(1, 20, 10)])
    slow = lit(plain, [(0, Signal.YELLOW), (58, Signal.RED)])
    late = lit(plain, [(0, Signal.YELLOW), (57, Signal.RED)])
    for shown, crossed in [(slow, 0), (late, 1)]:
        # The expert of this one stands, and so excuses nothing.
        still = np.zeros_like(shown.tracks.x_m)
        tracks = replace(shown.tracks, x_m=20.0 + still)
        worlds = make(pack([replace(shown, tracks=tracks)]), red_light="ignore")
        driven(worlds, [0.0, 0.0], 60)
        assert worlds.state.progress.red_lights[0] == crossed


@pytest.mark.parametrize(
    ("signal", "lamps"),
    [
        (Signal.RED, [1, 0, 0]),
        (Signal.YELLOW, [0, 1, 0]),
        (Signal.GREEN, [0, 0, 1]),
        (Signal.UNKNOWN, [0, 0, 0]),
    ],
)
def test_the_ego_sees_the_next_line_of_its_route_and_its_light(
    signal: Signal, lamps: list[float]
) -> None:
    worlds = make(pack([lit(scene(road(), [(1, 20, 10)]), [(0, signal)])]))
    seen = worlds.observations[0, FLAT.light_at :]
    gap = LINE_M - 20.0 - EGO_LENGTH_M / 2
    assert seen.tolist() == pytest.approx([gap / 80.0, *lamps])
    driven(worlds, [0.0, 0.0], 60)
    assert worlds.observations[0, FLAT.light_at :].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_a_road_without_lights_shows_none() -> None:
    worlds = make(pack([scene(road(), [(1, 20, 10)])]))
    assert worlds.observations[0, FLAT.light_at :].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert FLAT.size == FLAT.light_at + 4 == 249


def test_the_rules_driver_is_judged_without_a_red_light() -> None:
    arrays = pack([red_for_the_ego()])
    table = drive_each(arrays, np.array([0]), EnvironmentSettings(), IdmDriver())
    assert table.red_lights.tolist() == [0]


class Late:
    """Brakes at first, and then drives past a light that has turned red."""

    actions: Actions = "bicycle"

    def act(self, worlds: Worlds) -> NDArray[np.float32]:
        throttle = np.where(worlds.state.progress.step < 20, -0.5, 0.2)
        return np.stack([throttle, np.zeros_like(throttle)], axis=1).astype(np.float32)


def test_who_is_judged_goes_on_after_a_red_light_and_is_told_of_it() -> None:
    settings = EnvironmentSettings(red_light="stop")
    arrays = pack([red_for_the_ego(), scene(road(), [(1, 20, 10)])])
    table = drive_each(arrays, np.array([0, 1, 0]), settings, Late())
    assert table.red_lights.tolist() == [1, 0, 1]
    assert set(table.end_reason.tolist()) == {EndReason.TIME}
