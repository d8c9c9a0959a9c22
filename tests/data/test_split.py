"""Nothing of one recording is in two splits."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.data.split import HASH_RULE, MANY_GROUPS, QUOTA_RULE, SPLITS, assign

GROUPS = st.lists(st.text("abcdefgh", min_size=1, max_size=3), min_size=1, max_size=120)


@settings(max_examples=50, deadline=None)
@given(groups=GROUPS)
def test_every_group_has_exactly_one_split_whatever_the_order(groups: list[str]) -> None:
    chosen, _ = assign(groups)
    assert chosen.keys() == set(groups)
    assert set(chosen.values()) <= set(SPLITS)
    assert assign(groups[::-1])[0] == chosen


@settings(max_examples=50, deadline=None)
@given(groups=GROUPS)
def test_no_split_is_empty_that_could_be_filled(groups: list[str]) -> None:
    chosen, _ = assign(groups)
    filled = ("train", "test", "val")[: len(set(groups))]
    assert set(chosen.values()) == set(filled)


def test_the_largest_of_few_groups_trains() -> None:
    chosen, rule = assign(["a"] * 3 + ["b"] * 20 + ["c"] * 5)
    assert chosen["b"] == "train"
    assert rule == QUOTA_RULE


def test_many_groups_keep_their_split_when_data_is_added() -> None:
    few = [f"drive{at}" for at in range(MANY_GROUPS * 4)]
    more = [f"drive{at}" for at in range(MANY_GROUPS * 40)]
    (before, rule), (after, _) = assign(few), assign(more)
    assert rule == HASH_RULE
    assert {group: after[group] for group in few} == before
    shares = Counter(after.values())
    assert 0.75 < shares["train"] / len(more) < 0.85
