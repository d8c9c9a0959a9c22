"""Text that others wrote, and numbers in tables."""

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.numbers import (
    gigabytes,
    percent,
    short_count,
    short_duration,
    short_number,
)
from drivetrain.text import LINE_LIMIT, listing, nearest, plain, quote, typed

GIB = 1 << 30


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_becomes_one_visible_line(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    assert len(shown) <= LINE_LIMIT
    assert "```" not in shown


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80))
def test_any_text_stays_inside_inline_code(text: str) -> None:
    assert quote(text).count("`") == 2


def test_colours_titles_and_directions_leave_no_trace() -> None:
    nasty = "\x1b[1;31mred\x1b[0m \x1b]0;title\x07\u202eback\u202c\x00\x9b2J"
    assert plain(nasty) == "red back2J"


def test_indentation_is_kept_and_line_ends_are_not() -> None:
    assert plain("    at\tline 3\r\n") == "    at line 3"


def test_a_huge_line_is_cut() -> None:
    assert plain("a" * 1_000_000) == "a" * (LINE_LIMIT - 1) + "…"


@pytest.mark.parametrize(
    ("word", "meant"), [("pop", "ppo"), ("STATSU", "status"), ("zzz", None), ("", None)]
)
def test_the_nearest_name_is_found(word: str, meant: str | None) -> None:
    assert nearest(word, ["ppo", "status", "logs"]) == meant


def test_names_are_listed_as_people_do() -> None:
    assert listing(["a", "b", "c"]) == "`a`, `b` and `c`"
    assert listing(["a"]) == "`a`"
    assert listing([]) == "nothing"


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        *((None, "-"), (NAN, "-"), (0, "0"), (999, "999"), (1000, "1K"), (350_000, "350K")),
        *((1_250_000, "1.2M"), (10_000_000, "10M"), (12_900, "12K"), (-1_500, "-1.5K")),
        (2_000_000_000, "2B"),
    ],
)
def test_counts_are_short(count: float | None, text: str) -> None:
    assert short_count(count) == text


def test_a_count_is_never_overstated() -> None:
    assert short_count(999_999) == "999K"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, "-"), (5.234, "5.2"), (-5.25, "-5.2"), (0.0321, "0.03"), (0.0, "0.00")),
        *((-0.001, "0.00"), (NAN, "nan"), (-INF, "-inf"), (12_345.6, "12K")),
    ],
)
def test_rewards_are_short_and_a_nan_is_not_hidden(value: float | None, text: str) -> None:
    assert short_number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((None, "-"), (0, "0s"), (-3, "0s"), (89, "89s"), (90, "2m"), (5_399, "90m")),
        *((8 * 3600, "8h"), (12 * 3600, "12h"), (5 * 86_400, "5d"), (INF, "-")),
    ],
)
def test_durations_are_short(seconds: float | None, text: str) -> None:
    assert short_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(None, "-"), (18 * GIB, "18GB"), (24_564 << 20, "24GB"), (int(1.94 * GIB), "1.9GB")],
)
def test_memory_is_told_as_on_the_box(size: float | None, text: str) -> None:
    assert gigabytes(size) == text


def test_shares_are_percentages() -> None:
    assert [percent(share) for share in (None, 0.78, 1, NAN)] == ["-", "78%", "100%", "-"]


@pytest.mark.parametrize("word", ["datasets/ngsim", "a b", "$(touch X)", "한글", "a;b"])
def test_a_suggested_word_reads_as_itself_in_a_shell(word: str) -> None:
    assert shlex.split(typed(word)) == [word]


@pytest.mark.parametrize("word", ["`x`", "it's", "--help", "\x1b[31m", "a\nb", "x" * 300])
def test_a_word_that_nobody_should_type_is_not_suggested(word: str) -> None:
    assert typed(word) == "…"
