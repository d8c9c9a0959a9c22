"""Intervals hold what they promise."""

import tracemalloc

import numpy as np
import pytest

from trainers import statistics
from trainers.statistics import mean_of, rate_of


def test_a_rate_without_failures_is_still_uncertain() -> None:
    rate = rate_of(np.ones(128, np.bool_))
    assert (rate.count, rate.rate) == (128, 1.0)
    assert rate.high == pytest.approx(1.0)
    assert 0.96 < rate.low < 0.98


def test_wilsons_interval_has_its_published_values() -> None:
    # 10 of 20: 0.299 to 0.701 (Brown, Cai, DasGupta 2001, for z = 1.96).
    rate = rate_of(np.arange(20) < 10)
    assert rate.low == pytest.approx(0.299, abs=5e-4)
    assert rate.high == pytest.approx(0.701, abs=5e-4)


def test_more_episodes_make_a_mean_surer() -> None:
    values = np.random.default_rng(1).uniform(size=1000)
    few, many = mean_of(values[:50]), mean_of(values)
    assert many.high - many.low < few.high - few.low
    assert many.low < values.mean() < many.high


def test_equal_values_leave_no_doubt() -> None:
    mean = mean_of(np.full(5, 0.25))
    assert (mean.low, mean.mean, mean.high) == (0.25, 0.25, 0.25)


def test_the_interval_is_the_same_every_time() -> None:
    values = np.random.default_rng(2).normal(size=64)
    assert mean_of(values) == mean_of(values)


@pytest.mark.parametrize("at_once", [1, 1000, 7 * 33 + 5])
def test_how_many_are_drawn_at_once_changes_no_interval(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    values = np.random.default_rng(3).normal(size=33)
    whole = mean_of(values)
    monkeypatch.setattr(statistics, "DRAWN_AT_ONCE", at_once)
    assert mean_of(values) == whole


def test_the_interval_of_many_episodes_takes_little_memory() -> None:
    values = np.random.default_rng(4).uniform(size=2_000)
    tracemalloc.start()
    try:
        mean_of(values)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40e6
