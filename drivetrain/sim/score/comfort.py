"""Whether a drive was comfortable: nuPlan's six bounds, and what physics says beside them.

nuPlan's formulas, kept as they are: the acceleration at the middle of the car is
a + r (w^2 + dw/dt) along x, its lateral acceleration is 0 for a simulated ego, so hard turning
reads as acceleration along the car. In truth it is a - r w^2 along and v w + r dw/dt across.
"""

import math
from typing import NamedTuple

import numpy as np

from drivetrain.sim.compiled import called, compiled, inlined
from drivetrain.sim.score.smoothing import BEND, SLOPE, SMOOTH, filtered
from drivetrain.sim.state import Floats

ALONG_MPS2 = (-4.05, 2.40)
ACROSS_MPS2 = 4.89
JERK_MPS3 = 8.37
JERK_ALONG_MPS3 = 4.13
YAW_RATE_RADPS = 0.95
YAW_ACCELERATION_RADPS2 = 1.93

SMOOTH_WINDOW = 8
JERK_WINDOW = 15
YAW_WINDOW = 5
"""nuPlan's metrics leave the default window for yaw, whatever their own arguments say."""
DECIMALS = 1e8


class Ride(NamedTuple):
    """What comfort is made of.  All [frames]; the last three are room to work in.

    along, across: acceleration at the middle of the car.  total: its size at the rear axle.
    """

    heading: Floats
    along: Floats
    across: Floats
    total: Floats
    one: Floats
    other: Floats


@compiled
def smooth(series: Floats, out: Floats) -> None:
    """Accelerations as nuPlan smooths them, rounded to 8 decimals.  series, out: [frames]."""
    filtered(SMOOTH, min(SMOOTH_WINDOW, len(series)), 1.0, series, out)
    for i in range(len(out)):
        out[i] = np.rint(out[i] * DECIMALS) / DECIMALS


@compiled
def jerk(smoothed: Floats, step_s: float, out: Floats) -> None:
    """The slope of smoothed accelerations.  smoothed, out: [frames]."""
    filtered(SLOPE, min(JERK_WINDOW, len(smoothed)), 1.0 / step_s, smoothed, out)


@compiled
def yaw_rate(heading: Floats, step_s: float, out: Floats) -> None:
    """The slope of unwrapped headings.  heading, out: [frames], at least YAW_WINDOW."""
    filtered(SLOPE, YAW_WINDOW, 1.0 / step_s, heading, out)


@compiled
def yaw_acceleration(heading: Floats, step_s: float, out: Floats) -> None:
    """The bend of unwrapped headings.  heading, out: [frames], at least YAW_WINDOW."""
    filtered(BEND, YAW_WINDOW, 1.0 / (step_s * step_s), heading, out)


@inlined
def is_within(series: Floats, low: float, high: float) -> bool:
    """Whether every number lies strictly between the bounds."""
    for value in series:
        if not low < value < high:
            return False
    return True


@called
def comfort_score(ride: Ride, step_s: float) -> float:
    """1 if all six bounds hold in every frame, else 0; NaN for too short a drive."""
    if len(ride.heading) < YAW_WINDOW:
        return math.nan
    one, other = ride.one, ride.other
    smooth(ride.along, one)
    jerk(one, step_s, other)
    kept = is_within(one, ALONG_MPS2[0], ALONG_MPS2[1])
    kept = kept and is_within(other, -JERK_ALONG_MPS3, JERK_ALONG_MPS3)
    smooth(ride.across, one)
    kept = kept and is_within(one, -ACROSS_MPS2, ACROSS_MPS2)
    smooth(ride.total, one)
    jerk(one, step_s, other)
    kept = kept and is_within(other, -JERK_MPS3, JERK_MPS3)
    yaw_rate(ride.heading, step_s, one)
    kept = kept and is_within(one, -YAW_RATE_RADPS, YAW_RATE_RADPS)
    yaw_acceleration(ride.heading, step_s, one)
    kept = kept and is_within(one, -YAW_ACCELERATION_RADPS2, YAW_ACCELERATION_RADPS2)
    return 1.0 if kept else 0.0
