"""Boxes at irregular stamps as tracks at 10 Hz with velocities.

- Stamps are 96 to 104 ms apart: every track is interpolated to steps of 100 ms.
- No velocities are stored, and boxes jitter: tracks are smoothed, the ego's less than others.
  Boxes of what stands wander by decimetres, so it is held where it stands.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import lines, smoothing
from drivetrain.data.converters.argoverse_boxes import Boxes
from drivetrain.data.converters.contract import Repair, UnfitFileError
from drivetrain.data.lines import Floats
from drivetrain.sim.config import STEP_S
from drivetrain.sim.scenario import Category, Tracks

SMOOTHING_STEPS = 15
EGO_SMOOTHING_STEPS = 9
MOST_STEPS = 36_000
"""An hour: a log that goes on for longer has a damaged clock, and would fill the memory."""

LONGEST_GAP_NS = 250_000_000
"""One missing frame is bridged; after two, an object is gone and comes back."""

STANDS_WITHIN_M = 1.0
STANDS_DRIFT_M = 0.5
STANDS_MPS = 0.5
"""What stays so near its middle, ends so near its beginning, and that slowly, stands."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Who was there, and when.  objects: [agents] names.  repairs: what was mended."""

    objects: list[str]
    tracks: Tracks
    repairs: list[Repair]


def tracks_of(objects: Sequence[Boxes]) -> Seen:
    """All objects on one clock; those that jump or are between its steps only are dropped.

    objects: the ego first.

    Raises: UnfitFileError, also where it is the ego that would be dropped.
    """
    begin_ns = min(int(boxes.stamp_ns[0]) for boxes in objects)
    end_ns = max(int(boxes.stamp_ns[-1]) for boxes in objects)
    # An object seen last just before a step is missed by it, not by a rounding.
    steps = int((end_ns - begin_ns) / (STEP_S * 1e9) + 1e-3) + 1
    if steps > MOST_STEPS:
        raise UnfitFileError("too_long")
    clock_ns = np.round(np.arange(steps) * STEP_S * 1e9)
    rows = np.zeros((5, len(objects), steps))
    valid = np.zeros((len(objects), steps), bool)
    done: Counter[str] = Counter()
    for at, boxes in enumerate(objects):
        rows[:3, at], valid[at] = _on_clock(boxes, clock_ns, begin_ns)
        done["resampled_track"] += 1
        if not valid[at].any():
            done["dropped_glimpse"] += 1
        elif smoothing.teleports(rows[0, at], rows[1, at], valid[at]):
            done["dropped_jumping_track"] += 1
            valid[at] = False
        elif _stands(boxes):
            rows[:3, at, valid[at]] = _middle(boxes)[:, None]
            done["held_standing_track"] += 1
        else:
            window = SMOOTHING_STEPS if at else EGO_SMOOTHING_STEPS
            _smooth(rows[:, at], valid[at], window)
            done["smoothed_track"] += 1
    if not valid[0].any():
        raise UnfitFileError("ego_jumps")
    kept = np.flatnonzero(valid.any(axis=1)).tolist()
    rows[2] = lines.turned(rows[2])
    x_m, y_m, heading, vx, vy = rows[:, kept]
    sizes = np.array([objects[at].size_m for at in kept]).reshape(-1, 2)
    category = np.array([objects[at].category for at in kept], np.uint8)
    tracks = Tracks(x_m, y_m, heading, vx, vy, valid[kept], sizes[:, 0], sizes[:, 1], category)
    names = [objects[at].name for at in kept]
    return Seen(names, tracks, [Repair(what, count) for what, count in sorted(done.items())])


def _on_clock(
    boxes: Boxes, clock_ns: Floats, begin_ns: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """[3, steps] x, y and unwrapped heading, and where they are known."""
    stamps_ns = (boxes.stamp_ns - begin_ns).astype(np.float64)
    found = np.zeros((3, len(clock_ns)))
    valid = np.zeros(len(clock_ns), bool)
    breaks = np.flatnonzero(np.diff(stamps_ns) > LONGEST_GAP_NS) + 1
    values = np.vstack([boxes.position_m.T, np.unwrap(boxes.heading_rad)])
    for part in np.split(np.arange(len(stamps_ns)), breaks):
        first_ns, last_ns = stamps_ns[part[0]], stamps_ns[part[-1]]
        here = (clock_ns >= first_ns - 1e5) & (clock_ns <= last_ns + 1e5)
        valid |= here
        for row, value in zip(found, values, strict=True):
            row[here] = np.interp(clock_ns[here], stamps_ns[part], value[part])
    return found, valid


def _stands(boxes: Boxes) -> bool:
    """Whether an object never goes anywhere. People always may: they take small steps."""
    if boxes.category == Category.PEDESTRIAN:
        return False
    position = boxes.position_m
    away_m = np.hypot(*(position - np.median(position, axis=0)).T)
    part = max(1, len(position) // 4)
    drift_m = float(np.hypot(*(position[-part:].mean(axis=0) - position[:part].mean(axis=0))))
    seconds = max(float(boxes.stamp_ns[-1] - boxes.stamp_ns[0]) * 1e-9, STEP_S)
    return bool(
        np.quantile(away_m, 0.95) < STANDS_WITHIN_M
        and drift_m < min(STANDS_DRIFT_M, STANDS_MPS * seconds)
    )


def _middle(boxes: Boxes) -> Floats:
    """[3] the place and the heading of what stands."""
    return np.array(
        [*np.median(boxes.position_m, axis=0), np.median(np.unwrap(boxes.heading_rad))]
    )


def _smooth(rows: Floats, valid: NDArray[np.bool_], window: int) -> None:
    """Smooths x, y and heading in place and fills the velocities.  rows: [5, steps]."""
    for run in smoothing.runs(valid):
        for place, speed in ((0, 3), (1, 4)):
            rows[place, run], rows[speed, run] = smoothing.smoothed(
                rows[place, run], window, STEP_S
            )
        rows[2, run], _ = smoothing.smoothed(rows[2, run], window, STEP_S)
