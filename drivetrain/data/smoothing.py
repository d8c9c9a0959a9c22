"""Recorded positions as smooth ones, with the velocities that belong to them.

A recorded track jitters: differenced twice it accelerates like no car. Each sample is replaced
by the value of a cubic that is fitted to its neighbours (Savitzky and Golay 1964), and its
velocity is the cubic's slope.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import lines
from drivetrain.data.lines import Floats
from drivetrain.sim.config import STEP_S
from drivetrain.sim.scenario import Tracks

DEGREE = 3

JUMP_M = 2.0
"""How much farther than around it an object may move in one step."""
JUMP_STEPS = 5


def smoothed(values: Floats, window: int, step_s: float) -> tuple[Floats, Floats]:
    """Values [steps] in equal steps, smoothed, and their change per second: two of [steps].

    window: samples of each fit, odd; fewer where there are not so many. At the ends the first
    and the last fit go on.
    """
    count = len(values)
    if count == 1:
        return values.copy(), np.zeros(1)
    width = min(window, count)
    at = np.arange(width) - 0.5 * (width - 1)
    powers = np.vander(at, min(DEGREE, width - 1) + 1, increasing=True)
    # [coefficients, width]: samples to the fit's coefficients.
    fit = np.linalg.pinv(powers)
    slopes = np.zeros_like(powers)
    slopes[:, 1:] = powers[:, :-1] * np.arange(1, powers.shape[1])
    # From the first value on, so that what stands still does so exactly.
    offsets = values - values[0]
    fits = np.lib.stride_tricks.sliding_window_view(offsets, width) @ fit.T
    # Each sample is read off the fit around it; those at the ends, off the first or last fit.
    used = np.clip(np.arange(count) - width // 2, 0, count - width)
    place = np.arange(count) - used
    value = (fits[used] * powers[place]).sum(axis=1)
    slope = (fits[used] * slopes[place]).sum(axis=1) / step_s
    return values[0] + value, slope


def runs(valid: NDArray[np.bool_]) -> Iterator[slice]:
    """The stretches of a track without a gap.  valid: [steps]."""
    changes = np.flatnonzero(np.diff(np.r_[False, valid, False].astype(np.int8)))
    for begin, end in changes.reshape(-1, 2):
        yield slice(int(begin), int(end))


def teleports(x_m: Floats, y_m: Floats, valid: NDArray[np.bool_]) -> bool:
    """Whether a track jumps.  x_m, y_m, valid: [steps].

    To be asked before a track is smoothed, which would hide it.
    """
    for run in runs(valid):
        moved_m = np.hypot(np.diff(x_m[run]), np.diff(y_m[run]))
        width = min(JUMP_STEPS, len(moved_m))
        if not width:
            continue
        around = np.lib.stride_tricks.sliding_window_view(moved_m, width)
        nearest = np.clip(np.arange(len(moved_m)) - width // 2, 0, len(around) - 1)
        if (moved_m > np.median(around, axis=1)[nearest] + JUMP_M).any():
            return True
    return False


def smooth_tracks(tracks: Tracks, window: int) -> Tracks:
    """The same tracks without jitter, their velocities those of their positions.

    What never moves stays where it is. window: samples of each fit, odd.
    """
    x_m, y_m = tracks.x_m.copy(), tracks.y_m.copy()
    vx_mps, vy_mps = tracks.vx_mps.copy(), tracks.vy_mps.copy()
    heading_rad = tracks.heading_rad.copy()
    for at, valid in enumerate(tracks.valid):
        for run in runs(valid):
            x_m[at, run], vx_mps[at, run] = smoothed(tracks.x_m[at, run], window, STEP_S)
            y_m[at, run], vy_mps[at, run] = smoothed(tracks.y_m[at, run], window, STEP_S)
            even, _ = smoothed(np.unwrap(tracks.heading_rad[at, run]), window, STEP_S)
            heading_rad[at, run] = lines.turned(even)
    return replace(
        tracks, x_m=x_m, y_m=y_m, heading_rad=heading_rad, vx_mps=vx_mps, vy_mps=vy_mps
    )
