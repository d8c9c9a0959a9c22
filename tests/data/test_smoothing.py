"""Jitter goes, motion stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.data import smoothing

STEPS = 60
SECONDS = 0.1 * np.arange(STEPS)


@pytest.mark.parametrize("window", [5, 9, 21, 61])
def test_a_cubic_is_itself_and_its_velocity_its_slope(window: int) -> None:
    cubic = np.polynomial.Polynomial([3.0, -2.0, 0.7, 0.05])
    value, slope = smoothing.smoothed(cubic(SECONDS), window, 0.1)
    np.testing.assert_allclose(value, cubic(SECONDS), atol=1e-9)
    np.testing.assert_allclose(slope, cubic.deriv()(SECONDS), atol=1e-7)


def test_noise_shrinks() -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.1, STEPS)
    value, slope = smoothing.smoothed(8.0 * SECONDS + noise, 21, 0.1)
    assert np.std(value - 8.0 * SECONDS) < 0.06
    assert np.std(slope[5:-5] - 8.0) < 0.2 * np.std(np.diff(noise) / 0.1)


def test_what_stands_far_away_stands_exactly() -> None:
    value, slope = smoothing.smoothed(np.full(STEPS, 3_997_905.123), 21, 0.1)
    assert set(value) == {3_997_905.123}
    assert not slope.any()


@given(count=st.integers(1, 12), window=st.sampled_from([5, 21]), at=st.floats(-1e3, 1e3))
def test_short_tracks_are_smoothed_as_far_as_they_go(
    count: int, window: int, at: float
) -> None:
    steady = np.asarray(at + 0.5 * np.arange(count), np.float64)
    value, slope = smoothing.smoothed(steady, window, 0.1)
    np.testing.assert_allclose(value, steady, atol=1e-6)
    np.testing.assert_allclose(slope, 5.0 if count > 1 else 0.0, atol=1e-6)


def test_runs_are_the_stretches_without_a_gap() -> None:
    seen = np.array([0, 1, 1, 0, 0, 1, 0, 1], bool)
    assert list(smoothing.runs(seen)) == [slice(1, 3), slice(5, 6), slice(7, 8)]
    assert list(smoothing.runs(np.zeros(3, bool))) == []


@pytest.mark.parametrize("jump", [range(30, 31), range(30, 60), range(59, 60)])
def test_a_jump_is_seen_whether_it_comes_back_or_not(jump: range) -> None:
    x_m, y_m = np.asarray(12.0 * SECONDS, np.float64), np.zeros(STEPS)
    valid = np.ones(STEPS, bool)
    assert not smoothing.teleports(x_m, y_m, valid)
    y_m[list(jump)] = 4.0
    assert smoothing.teleports(x_m, y_m, valid)


def test_hard_braking_jitter_and_a_gap_are_no_jumps() -> None:
    braked_s = np.minimum(SECONDS, 3.0)
    x_m = np.asarray(30.0 * braked_s - 0.5 * 9.0 * braked_s**2, np.float64)
    x_m += np.random.default_rng(1).normal(0.0, 0.3, STEPS)
    valid = np.ones(STEPS, bool)
    valid[20:30] = False
    x_m[30:] += 40.0
    assert not smoothing.teleports(x_m, np.zeros(STEPS), valid)
