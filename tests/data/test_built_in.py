"""The built-in set needs no download, and its splits share nothing."""

import numpy as np

from drivetrain.data.generate import BUILT_IN, built_in_set
from drivetrain.data.open import open_set
from drivetrain.data.split import SPLITS


def test_the_built_in_set_is_split_by_road() -> None:
    made = built_in_set()
    assert made.manifest.splits == BUILT_IN
    groups = {split: set(made.catalogue["group"][made.picks(split)]) for split in SPLITS}
    assert not groups["train"] & groups["val"]
    assert not groups["train"] & groups["test"]
    assert not groups["val"] & groups["test"]
    assert made.licences == ("generated",)


def test_it_is_made_once_and_is_what_no_data_means() -> None:
    assert open_set(None) is built_in_set()


def test_experts_get_somewhere_in_every_scenario() -> None:
    metres = built_in_set().arrays.expert_m
    assert np.isfinite(metres).all()
    assert metres.min() > 2.0
