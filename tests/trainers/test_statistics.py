"""Intervals hold what they promise."""

import tracemalloc

import numpy as np
import pytest

from trainers import statistics
from trainers.statistics import (
    Difference,
    Mean,
    difference_of,
    holm,
    mean_of,
    numbered,
    rate_of,
    sign_flip_p,
)


def ends(told: Mean | Difference) -> tuple[float, float]:
    assert told.low is not None
    assert told.high is not None
    return told.low, told.high


def width(told: Mean | Difference) -> float:
    low, high = ends(told)
    return high - low


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
    assert width(many) < width(few)
    low, high = ends(many)
    assert low < values.mean() < high


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


def test_copies_of_a_drive_make_a_mean_no_surer() -> None:
    values = np.random.default_rng(5).normal(size=40)
    once = mean_of(values)
    copied = mean_of(np.repeat(values, 7), np.repeat(np.arange(40), 7))
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))
    naive = mean_of(np.repeat(values, 7))
    assert width(naive) < 0.5 * width(copied)


def test_copies_of_a_drive_make_a_rate_no_surer() -> None:
    happened = np.random.default_rng(6).uniform(size=60) < 0.3
    once = rate_of(happened)
    copied = rate_of(np.repeat(happened, 5), np.repeat(np.arange(60), 5))
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=0.01)
    assert copied.count == 5 * once.count
    sure = rate_of(np.ones(300, np.bool_), np.repeat(np.arange(60), 5))
    assert sure.low == pytest.approx(rate_of(np.ones(60, np.bool_)).low)


def test_groups_of_one_episode_change_nothing() -> None:
    values = np.random.default_rng(7).uniform(size=50)
    assert mean_of(values, np.arange(50)) == mean_of(values)
    assert rate_of(values > 0.4, np.arange(50)) == rate_of(values > 0.4)


def test_groups_are_numbered_as_they_appear() -> None:
    assert numbered(np.array(["b", "a", "b", "c"])).tolist() == [0, 1, 0, 2]


def test_signs_of_a_few_groups_are_tried_in_full() -> None:
    # Of the 8 patterns of 1, 2 and 4 only +++ and --- are as far from 0 as 7.
    groups = np.arange(3)
    assert sign_flip_p(np.array([1.0, 2.0, 4.0]), groups) == 2 / 8
    # Those of 1, 2 and -4 sum up to 1 at least in all of them.
    assert sign_flip_p(np.array([1.0, 2.0, -4.0]), groups) == 1.0
    assert sign_flip_p(np.zeros(3), groups) == 1.0
    # Two episodes of one drive flip together.
    assert sign_flip_p(np.array([1.0, 1.0, 4.0]), np.array([0, 0, 1])) == 2 / 4


@pytest.mark.parametrize("groups", [10, 40])
def test_signs_agree_with_the_permutation_test_of_scipy(groups: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    gaps = np.random.default_rng(groups).normal(0.3, size=groups)
    theirs = stats.permutation_test(
        (gaps,), np.sum, permutation_type="samples", n_resamples=20_000, rng=1
    )
    assert sign_flip_p(gaps, np.arange(groups)) == pytest.approx(theirs.pvalue, abs=0.012)


def test_one_of_many_comparisons_must_be_surer() -> None:
    # Holm (1979): 3 * 0.01, then 2 * 0.02, then never less than the one before.
    assert holm([0.02, 0.01, 0.03]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_interval_of_a_difference_is_that_of_its_closed_form() -> None:
    chance = np.random.default_rng(8)
    ours, theirs = chance.normal(1.0, size=(2, 400)), chance.normal(size=(2, 400))
    groups = np.arange(400)
    single = difference_of(ours[:1], theirs[:1], groups)
    gaps = ours[0] - theirs[0]
    half = 1.96 * gaps.std() / np.sqrt(400)
    assert single.mean == pytest.approx(gaps.mean())
    assert (single.low, single.high) == pytest.approx(
        (gaps.mean() - half, gaps.mean() + half), abs=0.02
    )
    assert single.p < 0.001


def test_seeds_that_disagree_make_a_difference_unsure() -> None:
    groups = np.arange(200)
    spread = np.array([[0.0], [0.5], [1.0]]) + np.zeros((3, 200))
    against = np.full((1, 200), 0.4)
    one = difference_of(spread[2:], against, groups)
    three = difference_of(spread, against, groups)
    assert ends(one)[0] > 0
    assert ends(three)[0] < 0 < ends(three)[1]


def test_an_interval_over_seeds_holds_the_truth_about_as_often_as_it_says() -> None:
    # Were seeds not drawn anew, it would in a third of all trials.
    chance, held, groups = np.random.default_rng(9), 0, np.arange(30)
    for _ in range(50):
        skill = chance.normal(0.0, 0.2, size=(5, 1))
        ours = skill + chance.normal(0.0, 0.3, size=(5, 30))
        low, high = ends(difference_of(ours, np.zeros((1, 30)), groups))
        held += low <= 0.0 <= high
    assert held >= 43


def test_one_drive_tells_no_interval() -> None:
    values = np.random.default_rng(10).uniform(size=15)
    one = np.zeros(15, np.int64)
    assert (mean_of(values, one).low, mean_of(values, one).high) == (None, None)
    assert difference_of(values[None], 0 * values[None], one).low is None
    rate = rate_of(values > 0.5, one)
    assert rate.high - rate.low > 0.7


def test_two_drives_tell_an_interval_from_one_to_the_other() -> None:
    told = mean_of(np.array([0.2, 0.2, 0.8, 0.8]), np.array([0, 0, 1, 1]))
    assert (told.low, told.mean, told.high) == pytest.approx((0.2, 0.5, 0.8))
