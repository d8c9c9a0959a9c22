"""Fifteen ways to drive on: PDM-Closed's proposals, each as a rule that says the next step.

A proposal keeps to a line beside the route at a share of the speed limit, slower where the
route's curves ask for it, behind whatever stands first in its own corridor. The rule needs
nothing but where the car is now, so that it serves a step and a roll-out alike.
"""

import math

import numpy as np

from drivetrain.sim.actions import PROPOSAL_SHARES
from drivetrain.sim.compiled import compiled
from drivetrain.sim.dynamics import Motion, most_curvature
from drivetrain.sim.pursuit import LEAST_PURSUIT_M, PURSUIT_S, pursuit_curvature
from drivetrain.sim.road import Paths, row_at
from drivetrain.sim.state import Body
from drivetrain.sim.traffic import (
    LEAST_DESIRED_MPS,
    Follower,
    Manner,
    desired_speed,
    lead_between,
)

PROPOSER = Manner(1.5, 1.5, 3.0, 1.0)
"""PDM's parameters (tuplan_garage); its free road has the exponent 10."""

EASING_MPS2 = 1.5
"""Lateral acceleration of a change to a proposal's line: all at once it would be as hard as the
car can, which is neither comfortable nor meant."""


@compiled
def proposal_of(number: int) -> tuple[float, float]:
    """(metres to the left of the route, share of the limit) of a proposal."""
    return number // PROPOSAL_SHARES - 1.0, (number % PROPOSAL_SHARES + 1.0) / PROPOSAL_SHARES


@compiled
def proposal_lead(paths: Paths, me: Follower, other: Body, number: int) -> tuple[float, float]:
    """(gap in m, speed) to a body between here and a proposal's line; gap inf if it is not."""
    offset, _ = proposal_of(number)
    return lead_between(paths, me, other, min(me.offset, offset), max(me.offset, offset))


@compiled
def proposal_acceleration(
    paths: Paths,
    route: tuple[int, int, float],
    speed_mps: float,
    number: int,
    lead: tuple[float, float],
) -> float:
    """A [1 - (v/v0)^10 - (s*/s)^2], within [-B, A]; s* as in `idm_acceleration`.

    route: (start, points, along_m).  lead: (gap in m, speed in m/s) of what stands first in the
    way; gap inf for nothing.  v0 is a share of the limit, or what the curves ahead allow.
    """
    _, share = proposal_of(number)
    start, points, along = route
    limit = desired_speed(paths, start, points, along)
    desired = min(share * limit, np.float64(paths.pace[row_at(start, points, along)]))
    headway, acceleration, braking, standstill = PROPOSER
    closing = speed_mps * (speed_mps - lead[1]) / (2.0 * math.sqrt(acceleration * braking))
    wanted = standstill + max(0.0, speed_mps * headway + closing)
    square = (speed_mps / max(desired, LEAST_DESIRED_MPS)) ** 2
    crowding = wanted / max(lead[0], standstill)
    wish = acceleration * (1.0 - square**5 - crowding * crowding)
    return min(max(wish, -braking), acceleration)


@compiled
def proposal_curvature(
    paths: Paths,
    route: tuple[int, int, float],
    offset_m: float,
    motion: Motion,
    rear_to_centre_m: float,
    number: int,
) -> float:
    """The curvature that leads to the proposal's line, gently from another one, in 1/m.

    route: (start, points, along_m of the body's middle).  offset_m: of the same.
    """
    line, _ = proposal_of(number)
    reach = max(LEAST_PURSUIT_M, rear_to_centre_m + PURSUIT_S * motion.speed)
    ease = 0.5 * EASING_MPS2 * (reach / max(motion.speed, 1.0)) ** 2
    aim = offset_m + min(max(line - offset_m, -ease), ease)
    rear = (motion.x, motion.y, motion.heading)
    curvature = pursuit_curvature(paths, route, aim, rear, motion.speed, rear_to_centre_m)
    most = most_curvature(motion.speed)
    return min(max(curvature, -most), most)


@compiled
def proposal_control(
    paths: Paths,
    me: Follower,
    motion: Motion,
    sizes: tuple[float, float],
    number: int,
    lead: tuple[float, float],
) -> tuple[float, float]:
    """(acceleration in m/s^2, steering angle in rad) of a proposal, within the car's limits.

    me: the body on the route.  sizes: wheel base, and from the rear axle to the box's middle.
    lead: (gap in m, speed in m/s) of what stands first in the way; gap inf for nothing.
    """
    route = (me.start, me.points, me.along)
    acceleration = proposal_acceleration(paths, route, motion.speed, number, lead)
    curvature = proposal_curvature(paths, route, me.offset, motion, sizes[1], number)
    return acceleration, math.atan(curvature * sizes[0])
