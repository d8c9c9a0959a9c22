"""Inverse dynamics: which pedals and wheel bring the bicycle along a log.

Exact where the bicycle can follow: what `advance_with` makes of the commands is the log again.
A log that cannot be driven (a jump aside, a turn on the spot) leaves a residual, which `rolled`
shows; whoever imitates must look at it.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.config import STEP_S
from drivetrain.sim.dynamics import (
    FILTERED,
    MAX_ACCELERATION_MPS2,
    MAX_BRAKING_MPS2,
    MAX_STEERING_RAD,
    STANDING_MPS,
    Lags,
    Motion,
    advance_with,
    most_curvature,
)

Floats = NDArray[np.float64]


class Commands(NamedTuple):
    """What drives along a log of n poses.

    start: the bicycle at the first pose.
    acceleration_mps2, steering_rad: [n - 2], the wanted ones of each step; the last pose's
    speed cannot be told from where it lies.
    """

    start: Motion
    acceleration_mps2: Floats
    steering_rad: Floats


def inverse(
    rear_m: Floats,
    heading_rad: Floats,
    wheel_base_m: float,
    lags: Lags = FILTERED,
    acceleration_mps2: float = 0.0,
) -> Commands:
    """The commands along poses of the rear axle, STEP_S apart.

    rear_m: [n, 2].  heading_rad: [n].  acceleration_mps2: that of the start.
    Raises: ValueError for fewer than three poses.
    """
    if len(rear_m) < 3:
        raise ValueError("inverse dynamics need at least three poses")
    heading = np.unwrap(heading_rad)
    moved, turned = np.diff(rear_m, axis=0), np.diff(heading)
    cos, sin = np.cos(heading[:-1]), np.sin(heading[:-1])
    speed = np.maximum((moved[:, 0] * cos + moved[:, 1] * sin) / STEP_S, 0.0)
    steering = _steering(speed, turned, wheel_base_m)
    acceleration = np.concatenate([[acceleration_mps2], np.diff(speed) / STEP_S])
    x, y = rear_m[0]
    start = Motion(
        float(x),
        float(y),
        float(heading[0]),
        float(speed[0]),
        acceleration_mps2,
        float(steering[0]),
    )
    return Commands(
        start,
        _before_lag(acceleration, lags.acceleration_s),
        _before_lag(steering, lags.steering_s),
    )


def _steering(speed_mps: Floats, turned_rad: Floats, wheel_base_m: float) -> Floats:
    """The angle of each step; where the car hardly moves, the last one that could be told."""
    moves = speed_mps >= STANDING_MPS
    told = np.arctan(turned_rad * wheel_base_m / np.where(moves, speed_mps * STEP_S, 1.0))
    last = np.maximum.accumulate(np.where(moves, np.arange(len(moves)), -1))
    held = np.where(last >= 0, told[np.maximum(last, 0)], 0.0)
    return np.clip(held, -MAX_STEERING_RAD, MAX_STEERING_RAD)


def _before_lag(values: Floats, lag_s: float) -> Floats:
    """What an actuator with that lag must be told to go from each value to the next."""
    return values[:-1] + np.diff(values) * (STEP_S + lag_s) / STEP_S


def rolled(commands: Commands, wheel_base_m: float, lags: Lags = FILTERED) -> Floats:
    """Where the commands lead: x, y, heading of the rear axle.  [n - 1, 3]."""
    motion, poses = commands.start, [commands.start[:3]]
    for told in zip(commands.acceleration_mps2, commands.steering_rad, strict=True):
        motion = advance_with(lags, motion, float(told[0]), float(told[1]), wheel_base_m)
        poses.append(motion[:3])
    return np.array(poses)


def action_for(
    acceleration_mps2: float, steering_rad: float, speed_mps: float, wheel_base_m: float
) -> tuple[float, float]:
    """The bicycle action that asks for this: the inverse of `dynamics.wanted`.

    Numbers beyond [-1, 1] are more than an action can ask for.
    """
    strongest = MAX_ACCELERATION_MPS2 if acceleration_mps2 > 0.0 else MAX_BRAKING_MPS2
    curvature = math.tan(steering_rad) / wheel_base_m
    return acceleration_mps2 / strongest, curvature / most_curvature(speed_mps)
