import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.sim.dynamics import (
    DIRECT,
    FILTERED,
    PACIFICA_WHEEL_BASE_M,
    Lags,
    Motion,
    advance_with,
    wanted,
)
from drivetrain.sim.inverse import Commands, action_for, inverse, rolled

LAGS = st.sampled_from([FILTERED, DIRECT])
UNIT = st.floats(-1, 1)


@settings(max_examples=100, deadline=None)
@given(LAGS, st.floats(4, 30), st.lists(st.tuples(UNIT, UNIT), min_size=3, max_size=60))
def test_the_inverse_of_a_drive_is_what_was_told_and_leads_along_it_again(
    lags: Lags, speed: float, told: list[tuple[float, float]]
) -> None:
    motions = [Motion(5.0, -3.0, 3.0, speed, 0.0, 0.0)]
    commands = []
    for throttle, turn in told:
        # Never near standstill, where a steering angle does not show.
        pedal = abs(throttle) if motions[-1].speed < 3.0 else throttle
        command = wanted(pedal, turn, motions[-1].speed, PACIFICA_WHEEL_BASE_M)
        commands.append(command)
        motions.append(advance_with(lags, motions[-1], *command, PACIFICA_WHEEL_BASE_M))
    # The speed and the angle of the last motion show one pose later.
    last = motions[-1]
    motions.append(advance_with(lags, last, 0.0, 0.0, PACIFICA_WHEEL_BASE_M))
    log = np.array([motion[:3] for motion in motions])
    found = inverse(
        log[:, :2], np.remainder(log[:, 2], 2 * math.pi), PACIFICA_WHEEL_BASE_M, lags
    )
    np.testing.assert_allclose(found.acceleration_mps2, [a for a, _ in commands], atol=1e-6)
    np.testing.assert_allclose(found.steering_rad, [s for _, s in commands], atol=1e-6)
    again = rolled(found, PACIFICA_WHEEL_BASE_M, lags)
    np.testing.assert_allclose(again[:, :2], log[:-1, :2], atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(UNIT, UNIT, st.floats(0, 40))
def test_an_action_is_found_again_from_what_it_asked_for(
    throttle: float, turn: float, speed: float
) -> None:
    asked = wanted(throttle, turn, speed, PACIFICA_WHEEL_BASE_M)
    found = action_for(*asked, speed, PACIFICA_WHEEL_BASE_M)
    assert found == pytest.approx((throttle, turn), abs=1e-9)


def test_a_car_that_stands_keeps_its_wheel_where_it_was() -> None:
    rear = np.zeros((5, 2))
    rear[1:, 0] = 1.0  # one metre, then it stands, while noise turns its heading
    found = inverse(rear, np.array([0.0, 0.1, 0.0, 0.2, -0.1]), PACIFICA_WHEEL_BASE_M, DIRECT)
    assert found.start.steering == pytest.approx(math.atan(0.1 * PACIFICA_WHEEL_BASE_M))
    np.testing.assert_allclose(found.steering_rad, found.start.steering)
    assert np.isfinite(rolled(found, PACIFICA_WHEEL_BASE_M)).all()


def test_a_log_that_no_bicycle_can_drive_leaves_a_residual() -> None:
    rear = np.column_stack([np.arange(20.0), np.where(np.arange(20) < 10, 0.0, 3.0)])
    found = inverse(rear, np.zeros(20), PACIFICA_WHEEL_BASE_M)
    assert isinstance(found, Commands)
    assert abs(rolled(found, PACIFICA_WHEEL_BASE_M)[-1, 1] - 3.0) > 2.0


def test_two_poses_are_too_few() -> None:
    with pytest.raises(ValueError, match="three poses"):
        inverse(np.zeros((2, 2)), np.zeros(2), PACIFICA_WHEEL_BASE_M)
