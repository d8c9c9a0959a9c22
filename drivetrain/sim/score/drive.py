"""Where somebody drove, frame by frame, and on which lanes that was."""

from typing import NamedTuple

import numpy as np

from drivetrain.sim.compiled import inlined
from drivetrain.sim.state import Bytes, Floats, Ints

MOST_LANES = 8
"""Lanes remembered per frame: more connectors than this hardly overlap anywhere."""


class Drive(NamedTuple):
    """All [frames]; x, y of the middle of the box.

    lanes: [frames, MOST_LANES], the first `counts` of each frame are what it is on; and
    inside: whether it really is, or only was and is near.  along: on the first one's baseline.
    """

    x: Floats
    y: Floats
    heading: Floats
    speed: Floats
    lanes: Ints
    counts: Ints
    inside: Bytes
    along: Floats


def new_drive(frames: int) -> Drive:
    """Room for so many frames."""
    x, y, heading, speed, along = (np.full(frames, np.nan) for _ in range(5))
    lanes, counts = np.zeros((frames, MOST_LANES), np.int64), np.zeros(frames, np.int64)
    return Drive(x, y, heading, speed, lanes, counts, np.zeros(frames, np.uint8), along)


@inlined
def first_frames(drive: Drive, frames: int) -> Drive:
    """The same rooms, cut to so many frames."""
    return Drive(
        drive.x[:frames],
        drive.y[:frames],
        drive.heading[:frames],
        drive.speed[:frames],
        drive.lanes[:frames],
        drive.counts[:frames],
        drive.inside[:frames],
        drive.along[:frames],
    )
