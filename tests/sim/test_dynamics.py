import math
from itertools import pairwise
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.sim.config import STEP_S
from drivetrain.sim.dynamics import (
    DIRECT,
    FILTERED,
    MAX_ACCELERATION_MPS2,
    MAX_BRAKING_MPS2,
    MAX_STEERING_RAD,
    PACIFICA_WHEEL_BASE_M,
    Lags,
    Motion,
    advance,
    advance_with,
    most_curvature,
    wanted,
)
from drivetrain.sim.reward import acceleration_in_the_middle, comfort_factor
from drivetrain.sim.score.comfort import ALONG_MPS2, Ride, comfort_score

UNIT = st.floats(-1, 1)
SPEED = st.floats(0, 40)


def rolled(motion: Motion, acceleration: float, steering: float, steps: int) -> Motion:
    for _ in range(steps):
        motion = advance(motion, acceleration, steering, PACIFICA_WHEEL_BASE_M)
    return motion


def test_a_settled_acceleration_of_4_for_1_s_adds_4_metres_per_second() -> None:
    end = rolled(Motion(0.0, 0.0, 0.0, 3.0, 4.0, 0.0), 4.0, 0.0, 10)
    assert end.speed == pytest.approx(7.0)
    # Explicit Euler with the old speed: 3 dt + 3.4 dt + ... + 6.6 dt.
    assert end.x == pytest.approx(4.8)


def test_an_acceleration_builds_up_with_its_lag() -> None:
    motion = Motion(0.0, 0.0, 0.0, 10.0, 0.0, 0.0)
    for step in range(1, 6):
        motion = advance(motion, 1.0, 0.0, PACIFICA_WHEEL_BASE_M)
        assert motion.acceleration == pytest.approx(1.0 - (2.0 / 3.0) ** step)


@settings(max_examples=50, deadline=None)
@given(st.floats(-2, 2), st.floats(-0.2, 0.2), st.floats(8, 20))
def test_shorter_steps_lead_ever_closer_to_one_place(
    acceleration: float, steering: float, speed: float
) -> None:
    # The compiled step has its length built in; the Python behind it can be given another.
    step: Any = getattr(advance_with, "py_func", advance_with)
    ends = []
    for parts in (1, 2, 4, 8):
        shorter = FunctionType(step.__code__, {**step.__globals__, "STEP_S": STEP_S / parts})
        motion = Motion(0.0, 0.0, 0.0, speed, 0.0, 0.0)
        for _ in range(20 * parts):
            motion = shorter(FILTERED, motion, acceleration, steering, PACIFICA_WHEEL_BASE_M)
        ends.append(motion)
    gaps = [math.dist(one[:2], other[:2]) for one, other in pairwise(ends)]
    assert gaps[1] <= 0.7 * gaps[0] + 1e-9
    assert gaps[2] <= 0.7 * gaps[1] + 1e-9


@settings(max_examples=50, deadline=None)
@given(st.floats(-0.5, 0.5).filter(lambda steering: abs(steering) > 0.01), st.floats(1, 20))
def test_a_settled_turn_stays_near_its_circle(steering: float, speed: float) -> None:
    radius = PACIFICA_WHEEL_BASE_M / math.tan(steering)
    motion = Motion(0.0, 0.0, 0.0, speed, 0.0, steering)
    for _ in range(100):
        motion = advance(motion, 0.0, steering, PACIFICA_WHEEL_BASE_M)
    assert motion.heading == pytest.approx(speed * 10.0 / radius)
    # Euler's chord instead of the arc: the circle through its points is a little wider.
    turn = speed * STEP_S / radius
    chord_radius = speed * STEP_S / (2.0 * math.sin(turn / 2.0))
    x = chord_radius * (math.sin(100 * turn - turn / 2.0) + math.sin(turn / 2.0))
    assert motion.x == pytest.approx(x, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(SPEED, st.floats(-4, 4), st.lists(UNIT, min_size=1, max_size=50))
def test_the_car_never_rolls_backwards(
    speed: float, acceleration: float, throttles: list[float]
) -> None:
    motion = Motion(0.0, 0.0, 0.0, speed, acceleration, 0.0)
    for throttle in throttles:
        command, steering = wanted(throttle, 0.0, motion.speed, PACIFICA_WHEEL_BASE_M)
        before, motion = motion, advance(motion, command, steering, PACIFICA_WHEEL_BASE_M)
        assert motion.speed >= 0.0
        assert motion.x >= before.x
        assert motion.speed - before.speed == pytest.approx(motion.acceleration * STEP_S)


@settings(max_examples=50, deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), SPEED)
def test_any_action_stays_within_the_limits(throttle: float, turn: float, speed: float) -> None:
    acceleration, steering = wanted(throttle, turn, speed, PACIFICA_WHEEL_BASE_M)
    assert -MAX_BRAKING_MPS2 <= acceleration <= MAX_ACCELERATION_MPS2
    assert abs(steering) <= MAX_STEERING_RAD
    curvature = math.tan(steering) / PACIFICA_WHEEL_BASE_M
    assert abs(curvature) <= most_curvature(speed) + 1e-12
    assert speed**2 * abs(curvature) <= 4.0 + 1e-9 or speed < 1.0


@pytest.mark.parametrize("lags", [FILTERED, DIRECT])
@pytest.mark.parametrize("throttle", [-1.0, 1.0])
def test_a_full_pedal_that_is_kept_is_comfortable_to_score_and_reward(
    throttle: float, lags: Lags
) -> None:
    motion, felt = Motion(0.0, 0.0, 0.0, 40.0, 0.0, 0.0), []
    for _ in range(80):
        command = wanted(throttle, 0.0, motion.speed, PACIFICA_WHEEL_BASE_M)
        motion = advance_with(lags, motion, *command, PACIFICA_WHEEL_BASE_M)
        felt.append(motion.acceleration)
    kept = np.array(felt[20:])
    still = np.zeros_like(kept)
    ride = Ride(still, kept, still, np.abs(kept), np.empty_like(kept), np.empty_like(kept))
    assert comfort_score(ride, STEP_S) == 1.0
    assert {comfort_factor(each, 0.0, 0.0, 0.0, 0.0) for each in kept} == {1.0}
    # No more than a hair is given away.
    assert abs(motion.acceleration) > 0.99 * abs(ALONG_MPS2[int(throttle > 0)])


@pytest.mark.parametrize(
    "felt",
    [
        (2.5, 0.0, 0.0, 0.0, 0.0),
        (-4.1, 0.0, 0.0, 0.0, 0.0),
        (0.0, -4.9, 0.0, 0.0, 0.0),
        (0.0, 0.0, 4.2, 0.0, 0.0),
        (0.0, 0.0, 0.0, -1.0, 0.0),
        (0.0, 0.0, 0.0, 0.0, 2.0),
    ],
)
def test_each_bound_that_is_broken_halves_the_comfort(felt: tuple[float, ...]) -> None:
    assert comfort_factor(*felt) == 0.5
    assert comfort_factor(*(0.9 * each for each in felt)) == 1.0
    assert comfort_factor(3.0, 5.0, 0.0, 0.0, 0.0) == 0.25


def test_a_full_pedal_in_a_turn_that_tightens_is_uncomfortable() -> None:
    turning = (0.3, 0.2)
    along = acceleration_in_the_middle(MAX_ACCELERATION_MPS2, *turning, 1.5)
    assert along == pytest.approx(MAX_ACCELERATION_MPS2 + 1.5 * (0.09 + 0.2))
    assert comfort_factor(along, 0.0, 0.0, *turning) == 0.5


def test_no_action_means_no_acceleration_and_no_turn() -> None:
    assert wanted(0.0, 0.0, 10.0, PACIFICA_WHEEL_BASE_M) == (0.0, 0.0)
