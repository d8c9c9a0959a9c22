"""Fifteen ways to drive on: PDM-Closed's proposals, each as a rule that says the next step.

A proposal keeps to a line beside the route at a share of the speed limit, slower where the
route's curves ask for it, behind whatever stands first in its own corridor. The rule needs
nothing but where the car is now, so that it serves a step and a roll-out alike.
"""

import math

import numpy as np

from drivetrain.sim.actions import PROPOSAL_SHARES
from drivetrain.sim.compiled import compiled
from drivetrain.sim.dynamics import (
    MAX_ACCELERATION_MPS2,
    MAX_BRAKING_MPS2,
    Motion,
    most_curvature,
)
from drivetrain.sim.pursuit import pursuit_curvature
from drivetrain.sim.road import Paths, row_at
from drivetrain.sim.state import Body
from drivetrain.sim.traffic import (
    Follower,
    Manner,
    desired_speed,
    idm_acceleration,
    lead_between,
)

PROPOSER = Manner(1.5, 1.5, 3.0, 1.0)
"""PDM's parameters (tuplan_garage); the exponent of the free road is 4, not its 10."""


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
    offset, share = proposal_of(number)
    at = row_at(me.start, me.points, me.along)
    limit = desired_speed(paths, me.start, me.points, me.along)
    desired = min(share * limit, np.float64(paths.pace[at]))
    acceleration = idm_acceleration(motion.speed, desired, lead[0], lead[1], PROPOSER)
    acceleration = min(max(acceleration, -MAX_BRAKING_MPS2), MAX_ACCELERATION_MPS2)
    route, rear = (me.start, me.points, me.along), (motion.x, motion.y, motion.heading)
    curvature = pursuit_curvature(paths, route, offset, rear, motion.speed, sizes[1])
    most = most_curvature(motion.speed)
    return acceleration, math.atan(min(max(curvature, -most), most) * sizes[0])
