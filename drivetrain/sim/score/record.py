"""What a step writes down of the ego, for the score at the end of its episode."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]

VRU, CAR, THING = range(3)
GROUPS = 3
"""Whom one can run into: vulnerable road users, vehicles, things."""


class Noted(IntEnum):
    """The columns of `Record.motion`: the rear axle, and how near others are.

    TTC_AHEAD, TTC_BESIDE: sampled seconds until the ego meets somebody, infinity if nobody;
    beside are those who count only between lanes or in an intersection.
    """

    X = 0
    Y = 1
    HEADING = 2
    SPEED = 3
    ACCELERATION = 4
    YAW_RATE = 5
    TTC_AHEAD = 6
    TTC_BESIDE = 7


class Mark(IntEnum):
    """The columns of `Record.marks`.

    HITS: new collisions at fault, a column for each of GROUPS.  SIDE_HITS: likewise
    those that are at fault only between lanes.  CROSSES: whether a road edge meets the ego.
    """

    HITS = 0
    SIDE_HITS = GROUPS
    CROSSES = 2 * GROUPS


class Record(NamedTuple):
    """A row for every frame of the episode so far, the first one's before any action.

    motion: [worlds, frames, columns of Noted].  marks: [worlds, frames, columns of Mark].
    """

    motion: Floats
    marks: Bytes


def new_record(worlds: int, frames: int) -> Record:
    """Room for episodes of so many frames."""
    return Record(
        np.full((worlds, frames, len(Noted)), np.nan),
        np.full((worlds, frames, int(Mark.CROSSES) + 1), 255, np.uint8),
    )
