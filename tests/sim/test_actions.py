"""The three ways to tell the ego what to do."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivetrain.sim.actions import (
    ACTION_COLUMNS,
    MOST_DELTA_M,
    MOST_DELTA_RAD,
    PROPOSALS,
)
from drivetrain.sim.config import Actions, EnvironmentSettings
from drivetrain.sim.dynamics import MAX_BRAKING_MPS2
from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.world import EndReason, Worlds
from tests.scenes import road, scene


def scenes() -> ScenarioArrays:
    return pack(
        [
            scene(road(), [(1, 20, 12), (1, 45, 5), (0, 15, 9), (2, 30, 14)]),
            scene(road(60.0, 150.0), [(0, 10, 8), (1, 12, 8), (0, 30, 7), (2, 5, 9)]),
            scene(road(), [(1, 20, 10), (1, 70, 0)]),
        ]
    )


def make(arrays: ScenarioArrays, num_worlds: int = 1, **options: Any) -> Worlds:
    picks = options.pop("picks", None)
    worlds = Worlds(
        arrays, EnvironmentSettings(**options), num_worlds=num_worlds, seed=3, picks=picks
    )
    worlds.reset()
    return worlds


def any_actions(actions: Actions, worlds: int, random: np.random.Generator) -> NDArray[Any]:
    if actions == "proposals":
        return random.integers(0, PROPOSALS, worlds)
    return random.normal(0.0, 0.2, (worlds, ACTION_COLUMNS[actions])).astype(np.float32)


def towards(worlds: Worlds, pose: tuple[float, float, float]) -> NDArray[np.float32]:
    """The delta that brings the ego of world 0 to a pose of its box's middle."""
    b = worlds.state.bodies
    x, y, cos, sin = (float(c[0, 0]) for c in (b.x, b.y, b.cos, b.sin))
    dx, dy = pose[0] - x, pose[1] - y
    turned = np.remainder(pose[2] - np.arctan2(sin, cos) + np.pi, 2 * np.pi) - np.pi
    ahead, aside = dx * cos + dy * sin, dy * cos - dx * sin
    delta = [ahead / MOST_DELTA_M, aside / MOST_DELTA_M, turned / MOST_DELTA_RAD]
    return np.array([delta], np.float32)


@pytest.mark.parametrize("number", [0, 1])
def test_a_log_driven_by_deltas_is_met_to_the_millimetre(number: int) -> None:
    arrays = scenes()
    rules: dict[str, Any] = {"traffic": "replay", "on_failure": "ignore"}
    picks = np.array([number])
    worlds = make(arrays, picks=picks, actions="delta", **rules)
    first = int(arrays.first_frame[arrays.ego[number]])
    begun = worlds.state.egos.speed[0]
    for step in range(1, 100):
        row = first + step
        worlds.step(towards(worlds, (arrays.x[row], arrays.y[row], arrays.heading[row])))
        seen = worlds.snapshot()
        assert seen.x_m[0, 0] == pytest.approx(arrays.x[row], abs=1e-3)
        assert seen.y_m[0, 0] == pytest.approx(arrays.y[row], abs=1e-3)
        assert seen.heading_rad[0, 0] == pytest.approx(arrays.heading[row], abs=1e-4)
        # What was logged at constant speed shows as that, on the straight and in the curve.
        assert worlds.state.egos.speed[0] == pytest.approx(begun, rel=0.02)
        if step > 1:
            assert worlds.state.egos.acceleration[0] == pytest.approx(0.0, abs=0.4)
    turn = begun / (np.inf if number == 0 else 60.0)
    assert worlds.state.egos.yaw_rate[0] == pytest.approx(turn, abs=0.02)


def test_a_displacement_shows_the_speed_it_took() -> None:
    worlds = make(scenes(), picks=np.array([0]), actions="delta")
    for metres, speed, acceleration in [
        (1.2, 12.0, 0.0),
        (1.5, 15.0, 30.0),
        (0.0, 0.0, -150.0),
    ]:
        worlds.step(np.array([[metres / MOST_DELTA_M, 0.0, 0.0]], np.float32))
        assert worlds.state.egos.speed[0] == pytest.approx(speed, abs=1e-4)
        assert worlds.state.egos.acceleration[0] == pytest.approx(acceleration, abs=1e-2)
        assert worlds.state.bodies.vx[0, 0] == pytest.approx(speed, abs=1e-4)


def test_every_proposal_keeps_its_line_and_its_speed() -> None:
    free = pack([scene(road(length_m=400.0), [(1, 20, 6)], steps=301)])
    for number in range(PROPOSALS):
        worlds = make(free, actions="proposals", horizon_s=14.0)
        for _ in range(139):
            worlds.step(np.array([number]))
        line, share = divmod(number, 5)
        assert worlds.state.drivers.offset[0, 0] == pytest.approx(line - 1.0, abs=0.15)
        assert worlds.state.egos.speed[0] == pytest.approx(15.0 * (share + 1) / 5, rel=0.12)


def test_a_proposal_stops_behind_what_stands_in_its_way() -> None:
    worlds = make(scenes(), picks=np.array([2]), actions="proposals")
    while not worlds.truncated[0]:
        worlds.step(np.array([9]))
        assert not worlds.terminated[0]
    assert worlds.episodes.end_reason[0] == EndReason.TIME
    assert worlds.episodes.progress_m[0] == pytest.approx(50.0 - 4.9 - 1.0, abs=2.0)


@pytest.mark.parametrize(
    ("actions", "given", "says"),
    [
        ("bicycle", np.zeros((2, 3)), "it must be"),
        ("delta", np.zeros((2, 2)), "it must be"),
        ("delta", np.full((2, 3), np.nan), "world 0 is NaN"),
        ("proposals", np.array([3, 15]), "world 1 is 15; proposals are numbered 0 to 14"),
        ("proposals", np.array([0.5, 2.0]), "world 0 is 0.5"),
        ("proposals", np.array([1, -1]), "world 1 is -1"),
        ("proposals", np.zeros((2, 2)), "it must be"),
    ],
)
def test_a_strange_action_is_refused(actions: str, given: NDArray[Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make(scenes(), 2, actions=actions).step(given)


@pytest.mark.parametrize(
    ("actions", "actuators"), [*product(ACTION_COLUMNS, ["filtered"]), ("bicycle", "direct")]
)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_valid_action_makes_a_number_that_is_none(
    actions: Actions, actuators: str, seed: int
) -> None:
    random = np.random.default_rng(seed)
    worlds = make(scenes(), 8, actions=actions, actuators=actuators, on_failure="ignore")
    for _ in range(60):
        given_actions = any_actions(actions, 8, random)
        if actions != "proposals":
            given_actions = given_actions * random.choice([0.1, 1.0, 1e30], given_actions.shape)
        worlds.step(given_actions)
        for column in worlds.state.egos[:8]:
            assert np.isfinite(column).all()
        assert np.isfinite(worlds.snapshot().x_m[:, 0]).all()
        assert np.isfinite(worlds.observations).all()
        assert np.isfinite(worlds.rewards).all()


def test_without_lags_4_metres_per_second_squared_for_1_s_are_4_metres_per_second() -> None:
    worlds = make(scenes(), picks=np.array([0]), actuators="direct", traffic="replay")
    begun = worlds.state.egos.speed[0]
    for _ in range(10):
        worlds.step(np.array([[-4.0 / MAX_BRAKING_MPS2, 0.0]], np.float32))
    assert begun - worlds.state.egos.speed[0] == pytest.approx(4.0, abs=1e-5)
