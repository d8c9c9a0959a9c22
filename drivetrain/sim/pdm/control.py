"""The fifteen proposals of PDM-Closed, and how each is driven: pursuit and the IDM.

A proposal keeps a distance to the left of the route and a share of the speed limit. Its IDM is
that of PDM-Closed (Dauner et al. 2023): exponent 10, and a speed for roads without a limit.
"""

import math
from typing import NamedTuple

import numpy as np

from drivetrain.sim.compiled import compiled, inlined
from drivetrain.sim.dynamics import (
    MAX_ACCELERATION_MPS2,
    MAX_BRAKING_MPS2,
    Motion,
    most_curvature,
)
from drivetrain.sim.pursuit import LEAST_PURSUIT_M, PURSUIT_S
from drivetrain.sim.road import Paths, point_at, row_at
from drivetrain.sim.scenario import PATH_SPACING_M
from drivetrain.sim.state import Body
from drivetrain.sim.traffic import UNKNOWN_LIMIT_MPS, Manner

PDM = Manner(1.5, 1.5, 3.0, 1.0)

ASIDES_M = (-1.0, 0.0, 1.0)
LIMIT_SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)
PROPOSALS = len(ASIDES_M) * len(LIMIT_SHARES)
"""Line by line from the right, each from slow to fast."""
MOST_ASIDE_M = 1.0

EASING_MPS2 = 1.5
"""Lateral acceleration with which a proposal changes over to its line: it stays comfortable."""


class Car(NamedTuple):
    """What stays the same over a plan: the ego's shape, and the rows of its route.

    begin_m, begin_offset: the place on the route where the plan begins.
    """

    start: int
    points: int
    begin_m: float
    begin_offset: float
    wheel_base: float
    rear_to_centre: float
    half_length: float
    half_width: float


class Place(NamedTuple):
    """Where a roll-out has come: the bicycle, and its middle's place on the route."""

    motion: Motion
    along: float
    offset: float


@inlined
def body_of(car: Car, motion: Motion) -> Body:
    """The ego's box where its rear axle is."""
    cos, sin = math.cos(motion.heading), math.sin(motion.heading)
    return Body(
        motion.x + car.rear_to_centre * cos,
        motion.y + car.rear_to_centre * sin,
        cos,
        sin,
        motion.speed * cos,
        motion.speed * sin,
        car.half_length,
        car.half_width,
    )


@compiled
def pdm_acceleration(
    speed_mps: float, desired_mps: float, gap_m: float, lead_mps: float
) -> float:
    """A [1 - (v/v0)^10 - (s*/s)^2], within [-B, A]; s* as in `idm_acceleration`."""
    headway, acceleration, braking, standstill = PDM
    closing = speed_mps * (speed_mps - lead_mps) / (2.0 * math.sqrt(acceleration * braking))
    wanted = standstill + max(0.0, speed_mps * headway + closing)
    square = (speed_mps / desired_mps) ** 2
    crowding = wanted / max(gap_m, standstill)
    wish = acceleration * (1.0 - square**5 - crowding * crowding)
    return min(max(wish, -braking), acceleration)


@inlined
def throttle_for(acceleration_mps2: float) -> float:
    """The action in [-1, 1] that asks for an acceleration."""
    strongest = MAX_ACCELERATION_MPS2 if acceleration_mps2 > 0.0 else MAX_BRAKING_MPS2
    return min(max(acceleration_mps2 / strongest, -1.0), 1.0)


@inlined
def desired_mps(paths: Paths, car: Car, along_m: float, share: float) -> float:
    """The share of the limit, but no faster than the curves ahead can be driven."""
    row = row_at(car.start, car.points, along_m)
    limit = np.float64(paths.limit[row])
    if math.isnan(limit):
        limit = UNKNOWN_LIMIT_MPS
    return max(min(share * limit, np.float64(paths.pace[row])), 0.1)


@inlined
def turn_towards(paths: Paths, car: Car, place: Place, aside_m: float) -> float:
    """The steering action in [-1, 1] that keeps to the line aside_m left of the route.

    Pursuit from the rear axle. From another line it changes over gently: what it aims at is no
    farther aside than EASING_MPS2 would bring it.
    """
    motion = place.motion
    reach = max(LEAST_PURSUIT_M, car.rear_to_centre + PURSUIT_S * motion.speed)
    along = place.along - car.rear_to_centre + reach
    x, y, cos, sin = point_at(paths, car.start, car.points, along)
    # Past its end a route goes straight on.
    beyond = max(0.0, along - (car.points - 1) * PATH_SPACING_M)
    ease = 0.5 * EASING_MPS2 * (reach / max(motion.speed, 1.0)) ** 2
    aim = place.offset + min(max(aside_m - place.offset, -ease), ease)
    dx = x + beyond * cos - aim * sin - motion.x
    dy = y + beyond * sin + aim * cos - motion.y
    # The circle along the heading through the point: 2 y / (x^2 + y^2).
    sideways = dy * math.cos(motion.heading) - dx * math.sin(motion.heading)
    curvature = 2.0 * sideways / max(dx * dx + dy * dy, 1.0)
    return min(max(curvature / most_curvature(motion.speed), -1.0), 1.0)
