"""The easy speed of a path meets every curve and limit ahead."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from drivetrain.sim.pace import CURVE_MPS2, SLOWING_MPS2, easy_speeds
from drivetrain.sim.traffic import UNKNOWN_LIMIT_MPS

POINTS = 60


def direction(turns_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    angle = np.cumsum(turns_rad)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def test_a_straight_path_is_driven_at_its_limit_or_the_assumed_one() -> None:
    straight = direction(np.zeros(POINTS))
    assert easy_speeds(straight, np.full(POINTS, 9.0)) == pytest.approx(9.0)
    assert easy_speeds(straight, np.full(POINTS, np.nan)) == pytest.approx(UNKNOWN_LIMIT_MPS)


def test_a_circle_is_driven_with_the_easy_lateral_acceleration() -> None:
    radius = 20.0
    speeds = easy_speeds(direction(np.full(POINTS, 1.0 / radius)), np.full(POINTS, 30.0))
    assert speeds[0] ** 2 / radius == pytest.approx(CURVE_MPS2, rel=1e-3)


def test_one_slows_down_in_time_for_a_lower_limit() -> None:
    limit = np.where(np.arange(POINTS) < 40, 15.0, 5.0)
    speeds = easy_speeds(direction(np.zeros(POINTS)), limit)
    assert speeds[40] == pytest.approx(5.0)
    assert speeds[30] == pytest.approx(np.sqrt(5.0**2 + 2 * SLOWING_MPS2 * 10))


@given(
    turns=arrays(np.float64, POINTS, elements=st.floats(-0.3, 0.3)),
    limit=arrays(np.float64, POINTS, elements=st.floats(1.0, 40.0) | st.just(np.nan)),
)
@settings(max_examples=50, deadline=None)
def test_no_point_asks_for_harder_braking_or_more_than_its_limit(
    turns: NDArray[np.float64], limit: NDArray[np.float64]
) -> None:
    speeds = easy_speeds(direction(turns), limit)
    assert np.all(np.isfinite(speeds))
    assert np.all(speeds <= np.where(np.isnan(limit), UNKNOWN_LIMIT_MPS, limit) + 1e-9)
    slowing = (speeds[:-1] ** 2 - speeds[1:] ** 2) / 2.0
    assert np.all(slowing <= SLOWING_MPS2 + 1e-9)
