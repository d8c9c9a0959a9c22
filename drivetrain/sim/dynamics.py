"""The ego's motion: nuPlan's kinematic bicycle (rear axle, explicit Euler, filtered actuators).

Source: nuplan-devkit, simulation/controller/motion_model/kinematic_bicycle.py, constants of its
`pacifica` vehicle.
"""

import math
from typing import NamedTuple

from drivetrain.sim.compiled import compiled
from drivetrain.sim.config import STEP_S

PACIFICA_LENGTH_M = 5.176
PACIFICA_WHEEL_BASE_M = 3.089
PACIFICA_REAR_TO_CENTRE_M = 1.461

ACCELERATION_LAG_S = 0.2
STEERING_LAG_S = 0.05
MAX_STEERING_RAD = math.pi / 3

MAX_ACCELERATION_MPS2 = 2.39
MAX_BRAKING_MPS2 = 4.04
"""A hair inside the comfort bounds of nuPlan's score (2.40 and 4.05, and on the bound is too
much): straight on, no action that is kept is uncomfortable. In a curve the score adds r w^2."""

MAX_CURVATURE_PER_M = 0.2
MAX_LATERAL_MPS2 = 4.0
"""A steering action is a share of the curvature that gives this lateral acceleration. Were it
a share of the steering angle, the noise of exploration would spin the car at speed, and one
policy would need a different hand at 5 m/s and at 25 m/s."""


STANDING_MPS = 0.6
"""Below this a heading that changes tells no steering angle (Waymax)."""


class Lags(NamedTuple):
    """How slowly the car follows what it is told, in s."""

    acceleration_s: float
    steering_s: float


FILTERED = Lags(ACCELERATION_LAG_S, STEERING_LAG_S)
DIRECT = Lags(0.0, 0.0)


class Motion(NamedTuple):
    """The bicycle: its rear axle, speed and filtered actuators."""

    x: float
    y: float
    heading: float
    speed: float
    acceleration: float
    steering: float


@compiled
def wanted(
    throttle: float, turn: float, speed_mps: float, wheel_base_m: float
) -> tuple[float, float]:
    """Actions in [-1, 1] as (acceleration in m/s^2, steering angle in rad); beyond, clipped."""
    throttle = min(max(throttle, -1.0), 1.0)
    turn = min(max(turn, -1.0), 1.0)
    acceleration = throttle * (MAX_ACCELERATION_MPS2 if throttle > 0.0 else MAX_BRAKING_MPS2)
    return acceleration, math.atan(turn * most_curvature(speed_mps) * wheel_base_m)


@compiled
def most_curvature(speed_mps: float) -> float:
    """The curvature of a full steering action, in 1/m."""
    return min(MAX_CURVATURE_PER_M, MAX_LATERAL_MPS2 / max(speed_mps * speed_mps, 1.0))


@compiled
def advance(
    motion: Motion, acceleration_mps2: float, steering_rad: float, wheel_base_m: float
) -> Motion:
    """One step of STEP_S as `advance_with` has it, with nuPlan's lags."""
    return advance_with(FILTERED, motion, acceleration_mps2, steering_rad, wheel_base_m)


@compiled
def advance_with(
    lags: Lags,
    motion: Motion,
    acceleration_mps2: float,
    steering_rad: float,
    wheel_base_m: float,
) -> Motion:
    """One step of STEP_S towards the wanted acceleration and steering angle.

    x += v cos(psi) dt, y += v sin(psi) dt, psi += v tan(delta) / L dt with the old v and delta;
    v += a dt with the new a, but never below standstill.
    """
    x, y, heading, speed, acceleration, steering = motion
    acceleration += STEP_S / (STEP_S + lags.acceleration_s) * (acceleration_mps2 - acceleration)
    new_speed = speed + acceleration * STEP_S
    if new_speed < 0.0:
        # A car that stands does not decelerate, and must not have to work off a filtered brake.
        new_speed, acceleration = 0.0, -speed / STEP_S
    change = STEP_S / (STEP_S + lags.steering_s) * (steering_rad - steering)
    return Motion(
        x + speed * math.cos(heading) * STEP_S,
        y + speed * math.sin(heading) * STEP_S,
        heading + yaw_rate(speed, steering, wheel_base_m) * STEP_S,
        new_speed,
        acceleration,
        min(max(steering + change, -MAX_STEERING_RAD), MAX_STEERING_RAD),
    )


@compiled
def displaced(
    motion: Motion, by: tuple[float, float, float], sizes: tuple[float, float]
) -> Motion:
    """The bicycle after its box moved ahead, to the left (m) and turned (rad) within a step.

    sizes: wheel base, and from the rear axle to the box's middle, which is what moves.
    Speed, acceleration and steering angle are those of a bicycle that came there: the rear
    axle's way along its mean heading, and what changed. Backwards is a speed below 0.
    """
    wheel_base, rear_to_centre = sizes
    ahead, aside, turned = by
    cos, sin = math.cos(motion.heading), math.sin(motion.heading)
    x = motion.x + rear_to_centre * cos + ahead * cos - aside * sin
    y = motion.y + rear_to_centre * sin + ahead * sin + aside * cos
    heading = motion.heading + turned
    x -= rear_to_centre * math.cos(heading)
    y -= rear_to_centre * math.sin(heading)
    between = motion.heading + 0.5 * turned
    moved = (x - motion.x) * math.cos(between) + (y - motion.y) * math.sin(between)
    speed = moved / STEP_S
    steering = 0.0
    if abs(speed) >= STANDING_MPS:
        steering = math.atan(turned / moved * wheel_base)
    return Motion(
        x,
        y,
        heading,
        speed,
        (speed - motion.speed) / STEP_S,
        min(max(steering, -MAX_STEERING_RAD), MAX_STEERING_RAD),
    )


@compiled
def yaw_rate(speed_mps: float, steering_rad: float, wheel_base_m: float) -> float:
    """V tan(delta) / L, in rad/s."""
    return speed_mps * math.tan(steering_rad) / wheel_base_m
