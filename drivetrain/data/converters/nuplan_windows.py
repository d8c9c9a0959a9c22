"""Which 15 s of a nuPlan recording become scenarios, and what everybody did in them.

A scenario begins 3 s before the frame that carries its tag and takes every second row from
there, as nuPlan's challenges do. Where rows are missing, the states are interpolated at equal
times; where too many are missing, the window is no scenario.

On purpose other than nuPlan: its challenges map 73 types to these 15 s and give any other type
20 s from its tag on; here every type gets the same 15 s, so that a set has one length. nuPlan
leaves out the tags in a log's first two and last two scenes; here a tag counts wherever all of
its window was recorded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivetrain.data.converters.nuplan_checks import (
    BETWEEN_FRAMES,
    EGO_FAULTS,
    FRAME_S,
    Ego,
    Others,
)
from drivetrain.data.converters.nuplan_database import Lights, Recording
from drivetrain.data.lines import turned
from drivetrain.sim.config import STEP_S
from drivetrain.sim.scenario import Category, Signal, Tracks

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

STEPS = 151
"""15 s at 10 Hz, both ends counted."""
BEGIN_S = -3.0
"""From a tag's frame to the begin of its scenario."""
APART_S = 15.0
"""Scenarios of one type begin at least this long apart: tags stand on runs of frames."""
UNTAGGED = "unknown"
"""The type of scenarios from a recording without tags."""
STRIDE = 2
STEP_TOLERANCE = 0.02
LONGEST_GAP_S = 0.25
ON_ROW = 1e-6
"""Share of the time between two rows below which a step stands on a row."""

EGO_LENGTH_M, EGO_WIDTH_M = 5.176, 2.297
"""nuPlan's vehicle parameters ("pacifica")."""


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of one scenario.

    anchor: the frame that carries the tag.  rows: the frames that are read, [STEPS] of them
    or, where they must be interpolated, all of them.
    begin, share: [STEPS] between which rows each step lies, and how far on; None where the
    rows are the steps.
    """

    anchor: int
    type: str
    rows: Indices
    begin: Indices | None = None
    share: Floats | None = None


def windows_of(
    recording: Recording, ego: Ego, others: Others, types: Sequence[str]
) -> tuple[list[Window], list[str]]:
    """The windows of the types wanted (empty: of all), and why others are none.

    Only a good window takes its type's turn: a tag stands on a run of frames, and one without
    a window says nothing about the next. Of a run, a reason is told once.
    """
    time_us, scenes = recording.frames.time_us, Scenes(ego, others)
    found: list[Window] = []
    reasons: list[str] = []
    last_us: dict[tuple[str, str], int] = {}

    def is_due(type_: str, reason: str, now_us: int) -> bool:
        return now_us - last_us.get((type_, reason), -(10**18)) >= APART_S * 1e6

    for anchor, type_ in _anchors(recording, types):
        now_us = int(time_us[anchor])
        if not is_due(type_, "", now_us):
            continue
        window = _occupied(scenes, window_at(time_us, ego, anchor, type_))
        if isinstance(window, Window):
            found.append(window)
            last_us[type_, ""] = now_us
        elif is_due(type_, window, now_us):
            reasons.append(window)
            last_us[type_, window] = now_us
    return found, reasons


def _occupied(scenes: "Scenes", window: Window | str) -> Window | str:
    """The window if anything was detected in it: 15 s without are a gap in the labels."""
    if isinstance(window, str) or len(scenes.seen(window)):
        return window
    return "no_objects"


def _anchors(recording: Recording, types: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The frames that scenarios could be made around, and their types, in the order of time.

    Of several tags on a frame the alphabetically last counts, as in nuPlan.
    """
    tags = recording.tags
    wanted: dict[int, str] = {}
    for frame, type_ in zip(tags.frame.tolist(), tags.type, strict=True):
        if frame >= 0 and (not types or type_ in types):
            wanted[frame] = max(wanted.get(frame, ""), type_)
    if not tags.type and (not types or UNTAGGED in types):
        wanted = dict.fromkeys(range(len(recording.frames.time_us)), UNTAGGED)
    yield from sorted(wanted.items())


def window_at(time_us: Indices, ego: Ego, anchor: int, type_: str) -> Window | str:
    """The window around a frame, or why there is none."""
    begin_us = int(time_us[anchor]) + (0 if type_ == UNTAGGED else int(BEGIN_S * 1e6))
    first = int(np.searchsorted(time_us, begin_us))
    length_us = round((STEPS - 1) * STEP_S * 1e6)
    last = int(np.searchsorted(time_us, time_us[first] + length_us))
    if last >= len(time_us):
        # The last row of all may come a little early, as any row may.
        last = len(time_us) - 1
        if time_us[last] + 0.5 * FRAME_S * 1e6 < time_us[first] + length_us:
            return "outside_recording"
    if time_us[first] > begin_us + STEP_S * 1e6:
        return "outside_recording"
    window = _rows(time_us, first, last, (anchor, type_))
    if isinstance(window, Window):
        faults = ego.fault[window.rows[0] : window.rows[-1] + 1].copy()
        if faults[0] in BETWEEN_FRAMES:
            # How the first row was reached is not in the window.
            faults[0] = 0
        if faults.any():
            return EGO_FAULTS[int(faults[faults > 0][0])]
    return window


def _rows(time_us: Indices, first: int, last: int, name: tuple[int, str]) -> Window | str:
    even = first + STRIDE * np.arange(STEPS)
    if even[-1] < len(time_us):
        step_s = np.diff(time_us[even]) * 1e-6
        if (np.abs(step_s - STEP_S) <= STEP_TOLERANCE * STEP_S).all():
            return Window(*name, even)
    rows = np.arange(first, last + 1)
    seconds = (time_us[rows] - time_us[first]) * 1e-6
    if np.diff(seconds).max() > LONGEST_GAP_S:
        return "rows_missing"
    wanted = np.minimum(STEP_S * np.arange(STEPS), seconds[-1])
    begin = np.clip(np.searchsorted(seconds, wanted, side="right") - 1, 0, len(rows) - 2)
    share = (wanted - seconds[begin]) / (seconds[begin + 1] - seconds[begin])
    # Where a row is the step, no other row may leak in: UTM numbers are large.
    share = np.where(share < ON_ROW, 0.0, np.where(share > 1 - ON_ROW, 1.0, share))
    return Window(*name, rows, begin, share)


class Scenes:
    """Cuts windows out of a recording."""

    def __init__(self, ego: Ego, others: Others) -> None:
        self._ego = ego
        self._others = others
        self._by_frame = np.argsort(others.frame, kind="stable")
        self._frames = others.frame[self._by_frame]

    def seen(self, window: Window) -> Indices:
        """[agents] the tracks of the others, in order."""
        return np.unique(self._others.track[self._boxes(window)[0]])

    def tracks(self, window: Window, origin_m: Floats) -> Tracks:
        """What the ego (first) and all others did.  origin_m: [2]."""
        boxes, column = self._boxes(window)
        others = self._others
        tracks, agent = np.unique(others.track[boxes], return_inverse=True)
        shape = (len(tracks) + 1, len(window.rows))
        state, valid = np.zeros((*shape, 5)), np.zeros(shape, np.bool_)
        state[0], valid[0] = self._ego.state[window.rows], True
        state[agent + 1, column], valid[agent + 1, column] = others.state[boxes], True
        if window.begin is not None and window.share is not None:
            state, valid = _interpolated(state, valid, window.begin, window.share)
        state[..., :2] -= origin_m
        x, y, heading, vx, vy = np.moveaxis(np.where(valid[..., None], state, 0.0), -1, 0)
        length, width = self._sizes(boxes, agent, len(tracks))
        return Tracks(
            x_m=x,
            y_m=y,
            heading_rad=turned(heading),
            vx_mps=vx,
            vy_mps=vy,
            valid=valid,
            length_m=np.concatenate([[EGO_LENGTH_M], length]),
            width_m=np.concatenate([[EGO_WIDTH_M], width]),
            category=np.concatenate([[Category.VEHICLE], others.category[tracks]]).astype(
                np.uint8
            ),
        )

    def _boxes(self, window: Window) -> tuple[Indices, Indices]:
        """The boxes in the rows of a window, and the row of each."""
        rows = window.rows
        low, high = np.searchsorted(self._frames, [rows[0], rows[-1] + 1])
        boxes = self._by_frame[low:high]
        step = int(rows[1] - rows[0])
        column, rest = np.divmod(self._others.frame[boxes] - rows[0], step)
        return boxes[rest == 0], column[rest == 0]

    def _sizes(self, boxes: Indices, agent: Indices, agents: int) -> tuple[Floats, Floats]:
        """Length and width of each agent: the medians of its boxes.  [agents] each."""
        order = np.argsort(agent, kind="stable")
        ends = np.cumsum(np.bincount(agent, minlength=agents))
        sizes = [
            np.median(part, axis=0)
            for part in np.split(self._others.size[boxes[order]], ends[:-1])
        ]
        length, width = np.reshape(sizes, (-1, 2)).T if agents else np.zeros((2, 0))
        return length, width


def _interpolated(
    state: Floats, valid: NDArray[np.bool_], begin: Indices, share: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """States between rows; seen only where both rows are.  state: [agents, rows, 5]."""
    before, after = state[:, begin], state[:, begin + 1]
    change = after - before
    change[..., 2] = turned(change[..., 2])
    both = valid[:, begin] & valid[:, begin + 1]
    on_row = ((share == 0) & valid[:, begin]) | ((share == 1) & valid[:, begin + 1])
    return before + share[:, None] * change, both | on_row


def signals(lights: Lights, light_of: dict[int, int], window: Window) -> NDArray[np.uint8]:
    """[lights of the road, STEPS] what lights show; light_of: the light of each connector."""
    shown = np.full((len(light_of), len(window.rows)), Signal.NONE, np.uint8)
    step = int(window.rows[1] - window.rows[0])
    column, rest = np.divmod(lights.frame - window.rows[0], step)
    inside = (lights.frame >= 0) & (rest == 0) & (column >= 0) & (column < len(window.rows))
    for at in np.flatnonzero(inside):
        light = light_of.get(int(lights.connector[at]))
        if light is not None:
            shown[light, column[at]] = lights.signal[at]
    if window.begin is not None and window.share is not None:
        return shown[:, window.begin + (window.share == 1)]
    return shown
