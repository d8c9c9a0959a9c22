"""What of a nuPlan recording can be physical: the rest is dropped or mended, and counted.

A box that cannot be is dropped, a velocity that is none is worked out from the positions, and
a track that jumps is cut where it jumps. Velocities that merely differ from the positions are
kept and counted: which of the two is wrong cannot be told. Frames whose ego cannot be keep the
reason, and no scenario may reach over them.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from drivetrain.data import boxes
from drivetrain.data.converters.contract import UnfitFileError
from drivetrain.data.converters.nuplan_database import Boxes, Frames, Recording
from drivetrain.data.lines import turned
from drivetrain.data.validate import MAX_JUMP_M, MAX_SIZE_M, MAX_SPEED_MPS
from drivetrain.sim.scenario import Category, Tracks

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

FRAME_S = 0.05
FRAME_TOLERANCE = 0.2
"""Share by which the usual time between frames may differ from FRAME_S."""
OLDEST_US = 1_000_000_000_000_000
"""September 2001: times that count from zero were never recorded."""
UNIT_TOLERANCE = 1e-3
FRAME_JUMP_M = MAX_JUMP_M / 2
"""Two frames are one step: what may jump farther than this twice would jump in its scenario."""
UNLIKE_MPS = 2.0
"""By how much a track's velocities may differ from its positions on average; boxes jitter."""
CLOSE_S = 0.25
"""Between boxes farther apart in time, velocities do not say where a track went."""
SHORTEST_PIECE = 10
"""A track that jumps is cut there; pieces of fewer boxes are glitches."""

CENTRE_M = 1.461
"""From the rear axle to the middle of nuPlan's car (its vehicle parameters: "pacifica")."""

CATEGORIES = {
    "vehicle": Category.VEHICLE,
    "bicycle": Category.BICYCLE,
    "pedestrian": Category.PEDESTRIAN,
    "traffic_cone": Category.STATIC,
    "barrier": Category.STATIC,
    "czone_sign": Category.STATIC,
    "generic_object": Category.STATIC,
}

EGO_FAULTS = (
    "",
    "ego_not_finite",
    "ego_bad_quaternion",
    "ego_too_fast",
    "ego_jumps",
    "frame_times_repeat",
)
BETWEEN_FRAMES = (EGO_FAULTS.index("ego_jumps"), EGO_FAULTS.index("frame_times_repeat"))
"""Faults of the way from the frame before."""


@dataclass(frozen=True, slots=True)
class Ego:
    """The recorded car, the middle of its box.

    state: [frames, 5] as x, y, heading, vx, vy in UTM.  fault: [frames] row of EGO_FAULTS.
    """

    state: Floats
    fault: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Others:
    """Boxes that can be, in the order of tracks, and of frames within a track.

    frame, track: [boxes]; tracks count from 0 and each has one category.
    state: [boxes, 5] as x, y, heading, vx, vy in UTM.  size: [boxes, 2] as length, width.
    category: [tracks] codes of `Category`.
    """

    frame: Indices
    track: Indices
    state: Floats
    size: Floats
    category: NDArray[np.uint8]


def check_clock(frames: Frames) -> None:
    """Raises: UnfitFileError where the frames are no recording at 20 Hz."""
    if len(frames.time_us) < 2:
        raise UnfitFileError("no_frames")
    if frames.time_us[0] < OLDEST_US:
        raise UnfitFileError("times_count_from_zero")
    usual_s = float(np.median(np.diff(frames.time_us))) * 1e-6
    if abs(usual_s - FRAME_S) > FRAME_TOLERANCE * FRAME_S:
        raise UnfitFileError("not_at_20_hz")


def ego_of(frames: Frames) -> Ego:
    """The ego's box in every frame, and what is wrong with it.

    Raises: UnfitFileError where most of its poses cannot be.
    """
    x, y, qw, qx, qy, qz, forward, left, rate, _ = frames.pose.T
    heading = np.arctan2(2 * (qw * qz + qx * qy), 1 - 2 * (qy**2 + qz**2))
    cos, sin = np.cos(heading), np.sin(heading)
    # The middle moves sideways when the car turns about its rear axle.
    left = left + rate * CENTRE_M
    state = np.stack(
        [
            x + CENTRE_M * cos,
            y + CENTRE_M * sin,
            heading,
            cos * forward - sin * left,
            sin * forward + cos * left,
        ],
        axis=1,
    )
    fault = np.zeros(len(x), np.uint8)
    speed = np.hypot(forward, left)
    step_s = np.diff(frames.time_us) * 1e-6
    moved = np.hypot(*np.diff(state[:, :2], axis=0).T)
    reach = np.maximum(speed[1:], speed[:-1]) * step_s + FRAME_JUMP_M
    fault[1:][moved > reach] = EGO_FAULTS.index("ego_jumps")
    fault[speed > MAX_SPEED_MPS] = EGO_FAULTS.index("ego_too_fast")
    norm = np.sqrt(qw**2 + qx**2 + qy**2 + qz**2)
    fault[np.abs(norm - 1) > UNIT_TOLERANCE] = EGO_FAULTS.index("ego_bad_quaternion")
    fault[~np.isfinite(state).all(axis=1)] = EGO_FAULTS.index("ego_not_finite")
    fault[1:][step_s <= 0] = EGO_FAULTS.index("frame_times_repeat")
    if np.mean(fault > 0) > 0.5:
        raise UnfitFileError(EGO_FAULTS[int(np.bincount(fault[fault > 0]).argmax())])
    return Ego(state, fault)


def others_of(recording: Recording) -> tuple[Others, Counter[str]]:
    """The boxes that can be, and how many were dropped or mended, by reason."""
    done: Counter[str] = Counter()
    raw = recording.boxes
    kept = _Kept(raw, done)
    kept.drop("boxes_dropped_without_frame", raw.frame < 0)
    code = np.array([int(CATEGORIES.get(name, -1)) for name in recording.categories], int)
    unknown = raw.track < 0
    if len(code):
        unknown |= code[raw.track] < 0
    kept.drop("boxes_dropped_unknown_category", unknown)
    kept.drop("boxes_dropped_not_finite", np.any(~np.isfinite(raw.state[:, :3]), axis=1))
    size = raw.state[:, 5:]
    in_range = (size > 0) & (size < MAX_SIZE_M)
    kept.drop("boxes_dropped_bad_size", np.any(~in_range, axis=1))
    kept.drop("boxes_dropped_duplicate", kept.repeated())
    frame, track, state = kept.in_order()
    time_s = (recording.frames.time_us[frame] - recording.frames.time_us[0]) * 1e-6
    piece = _pieces(track, time_s, state, done)
    _mend_velocities(piece, time_s, state, done)
    good = piece >= 0
    too_fast = np.hypot(state[:, 3], state[:, 4]) > MAX_SPEED_MPS
    if (good & too_fast).any():
        done["boxes_dropped_too_fast"] += int((good & too_fast).sum())
    good &= ~too_fast
    frame, track, state, piece = frame[good], track[good], state[good], piece[good]
    done["velocities_unlike_positions"] += _unlike(piece, time_s[good], state)
    _, first, track_now = np.unique(piece, return_index=True, return_inverse=True)
    category = code[track[first]].astype(np.uint8)
    state[:, 2] = turned(state[:, 2])
    return Others(frame, track_now, state[:, :5], state[:, 5:], category), done


def overlaps_at_start(tracks: Tracks) -> int:
    """How many pairs of boxes touch in the first frame, the ego (row 0) left aside."""
    seen = tracks.valid[:, 0].copy()
    seen[0] = False
    shapes = shapely.polygons(boxes.corners(tracks, 0)[seen])
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    return int((first < second).sum())


class _Kept:
    """Boxes, less and less of them; counts what goes."""

    def __init__(self, boxes: Boxes, done: Counter[str]) -> None:
        self._boxes = boxes
        self._done = done
        self._kept = np.ones(len(boxes.frame), np.bool_)

    def drop(self, reason: str, bad: NDArray[np.bool_]) -> None:
        """Leaves out those still kept that are bad."""
        gone = self._kept & bad
        self._kept &= ~bad
        if gone.any():
            self._done[reason] += int(gone.sum())

    def repeated(self) -> NDArray[np.bool_]:
        """[boxes] kept ones whose track is seen more than once in their frame.

        None of them can be trusted: nothing tells which is right.
        """
        rows = np.flatnonzero(self._kept)
        keys = self._boxes.track[rows] * (self._boxes.frame.max(initial=0) + 1)
        _, inverse, counts = np.unique(
            keys + self._boxes.frame[rows], return_inverse=True, return_counts=True
        )
        repeated = np.zeros(len(self._kept), np.bool_)
        repeated[rows[counts[inverse] > 1]] = True
        return repeated

    def in_order(self) -> tuple[Indices, Indices, Floats]:
        """Frames, tracks and states of those kept, by track and then by frame."""
        rows = np.flatnonzero(self._kept)
        rows = rows[np.lexsort((self._boxes.frame[rows], self._boxes.track[rows]))]
        return self._boxes.frame[rows], self._boxes.track[rows], self._boxes.state[rows]


def _pieces(track: Indices, time_s: Floats, state: Floats, done: Counter[str]) -> Indices:
    """[boxes] the piece of a track that each belongs to, -1 for glitches."""
    if not len(track):
        return np.zeros(0, np.int64)
    speed = np.nan_to_num(np.hypot(state[:, 3], state[:, 4]), posinf=0.0)
    speed = np.where(speed > MAX_SPEED_MPS, 0.0, speed)
    reach = np.maximum(speed[1:], speed[:-1]) * np.diff(time_s) + FRAME_JUMP_M
    is_next = np.diff(track) == 0
    jumps = is_next & (np.hypot(*np.diff(state[:, :2], axis=0).T) > reach)
    piece = np.concatenate([[0], np.cumsum(jumps | ~is_next)])
    if not jumps.any():
        return piece
    was_cut = np.zeros(int(piece[-1]) + 1, np.bool_)
    was_cut[piece[1:][jumps]] = was_cut[piece[:-1][jumps]] = True
    glitch = (was_cut & (np.bincount(piece) < SHORTEST_PIECE))[piece]
    done["tracks_cut_where_they_jump"] += len(np.unique(track[1:][jumps]))
    if glitch.any():
        done["boxes_dropped_jump"] += int(glitch.sum())
    return np.where(glitch, -1, piece)


def _mend_velocities(piece: Indices, time_s: Floats, state: Floats, done: Counter[str]) -> None:
    """Puts central differences of the positions where a velocity is none."""
    bad = ~(np.hypot(state[:, 3], state[:, 4]) <= MAX_SPEED_MPS)
    if not bad.any():
        return
    rows = np.flatnonzero(bad)
    before, after = np.maximum(rows - 1, 0), np.minimum(rows + 1, len(piece) - 1)
    before = np.where(piece[before] == piece[rows], before, rows)
    after = np.where(piece[after] == piece[rows], after, rows)
    passed_s = time_s[after] - time_s[before]
    moved = state[after, :2] - state[before, :2]
    # A box seen once has no neighbours to tell its speed: it stands.
    seconds = np.where(passed_s > 0, passed_s, np.inf)
    state[rows, 3:5] = moved / seconds[:, None]
    done["velocities_from_positions"] += len(rows)


def _unlike(piece: Indices, time_s: Floats, state: Floats) -> int:
    """How many pieces do not go where their velocities lead."""
    passed_s = np.diff(time_s)
    pair = np.flatnonzero((np.diff(piece) == 0) & (passed_s < CLOSE_S))
    led = 0.5 * (state[pair, 3:5] + state[pair + 1, 3:5]) * passed_s[pair, None]
    off = state[pair + 1, :2] - state[pair, :2] - led
    owner, pieces = piece[pair], int(piece.max(initial=-1)) + 1
    seconds = np.bincount(owner, passed_s[pair], pieces)
    off_m = np.hypot(*(np.bincount(owner, off[:, axis], pieces) for axis in (0, 1)))
    # A few boxes tell no mean.
    is_long = seconds >= SHORTEST_PIECE * FRAME_S
    return int((is_long & (off_m > UNLIKE_MPS * seconds)).sum())
