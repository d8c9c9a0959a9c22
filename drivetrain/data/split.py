"""Which scenarios train, validate and test: whole groups only, so that nothing leaks.

A group is one recording drive. Frames of one drive lie seconds apart, so two splits must
never share one.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
SHARES: dict[Split, float] = {"train": 0.8, "val": 0.1, "test": 0.1}
MANY_GROUPS = 30

HASH_RULE = "SHA-256 of the group: 80 % train, 10 % val, 10 % test"
QUOTA_RULE = "few groups, largest first to the emptiest quota: 80 % train, 10 % val, 10 % test"
GIVEN_RULE = "given by the converter"

FILL_ORDER: tuple[Split, ...] = ("train", "test", "val")
"""Which split gets a group first when there are too few: without training nothing matters."""


def assign(groups: Sequence[str]) -> tuple[dict[str, Split], str]:
    """The split of each distinct group, and the rule in words.

    groups: one name per scenario. Many groups go by their hash, so that adding data moves
    nothing. Few groups go by quota, so that test (and with three groups val) is not empty.
    """
    counts = Counter(groups)
    if len(counts) >= MANY_GROUPS:
        hashed = {group: _by_hash(group) for group in sorted(counts)}
        if set(hashed.values()) == set(SPLITS):
            return hashed, HASH_RULE
    return _by_quota(counts), QUOTA_RULE


def _by_hash(group: str) -> Split:
    share = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    if share < SHARES["train"]:
        return "train"
    return "val" if share < SHARES["train"] + SHARES["val"] else "test"


def _by_quota(counts: Mapping[str, int]) -> dict[str, Split]:
    total = sum(counts.values())
    room = {split: SHARES[split] * total for split in SPLITS}
    largest_first = sorted(counts, key=lambda group: (-counts[group], group))
    available = FILL_ORDER[: len(counts)]
    empty = list(available)
    chosen: dict[str, Split] = {}
    for at, group in enumerate(largest_first):
        must_fill = not chosen or len(largest_first) - at == len(empty)
        split = empty[0] if must_fill else max(available, key=lambda name: room[name])
        if split in empty:
            empty.remove(split)
        room[split] -= counts[group]
        chosen[group] = split
    return chosen
