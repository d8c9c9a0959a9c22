"""How the others drive: the Intelligent Driver Model along a path (Treiber et al. 2000).

Parameters are those of nuPlan's reactive agents. What is not as there, on purpose:

- every agent is updated from the old state of all, so that their order means nothing (there
  each sees those before it already moved);
- a gap is the gap (there an agent's own footprint grows by v T after its first step, which
  doubles its headway), and a fast lead makes nobody brake (there s* has no lower bound);
- an agent's speed is its own or its path's limit, held where one is (there the limit of the
  route's last segment, and where none is known the previous agent's);
- the free-road term brakes no harder than comfortable, so that a falling limit is no emergency;
  behind a lead an agent may brake harder than that, as far as EMERGENCY_MPS2 (there never);
- a path's end is no standing lead: who comes there has left the scene;
- bicycles and pedestrians go on as logged (there bicycles vanish), late vehicles enter once
  their place is free (there never), nobody is dropped for being far away, and nobody is moved
  onto its path at once: an offset shrinks as one drives.

Speeds are those after a step, not half of it; cars have their real sizes; nobody respawns.
What it lacks: nobody gives way to who is about to cross but is not yet in the corridor, and
nobody changes lanes except along its path.
"""

import math
from typing import NamedTuple

import numpy as np

from drivetrain.sim.compiled import compiled
from drivetrain.sim.config import STEP_S
from drivetrain.sim.road import Paths, project_from, row_at
from drivetrain.sim.scenario import Signal
from drivetrain.sim.state import Body

LOOK_AHEAD_M = 80.0
STRAY_M = 5.0
"""Who is logged farther from its path than this does not follow it."""
CORRIDOR_MARGIN_M = 0.3
EMERGENCY_MPS2 = 8.0
UNKNOWN_LIMIT_MPS = 15.0
LEAST_DESIRED_MPS = 0.1
OFFSET_DECAY_M = 20.0
"""Metres of driving in which an offset from the path shrinks by about 63 %."""
ENTRY_GAP_M = 1.0
ENTRY_GAP_S = 0.5
"""A late agent enters once its place is free: its box, lengthened by this gap and the way it
makes in this time. Otherwise an ego that left its log would be run over by an apparition."""


_RED, _YELLOW = int(Signal.RED), int(Signal.YELLOW)


class Manner(NamedTuple):
    """The IDM's parameters."""

    headway_s: float
    acceleration_mps2: float
    braking_mps2: float
    standstill_m: float


AGENT = Manner(1.5, 1.0, 2.0, 1.0)
PLANNER = Manner(1.5, 1.0, 3.0, 1.0)
"""nuPlan's IDM planner: as its agents, but willing to brake harder."""


class Follower(NamedTuple):
    """A body on a path: its place, its direction, and the path's rows."""

    start: int
    points: int
    along: float
    offset: float
    x: float
    y: float
    cos: float
    sin: float
    half_length: float
    half_width: float


@compiled
def idm_acceleration(
    speed_mps: float, desired_mps: float, gap_m: float, lead_mps: float, manner: Manner
) -> float:
    """A [1 - (v/v0)^4 - (s*/s)^2] with s* = s0 + max(0, v T + v (v - v_lead) / (2 sqrt(a b))).

    The clamp keeps a fast lead from making its follower brake. gap_m may be inf. Who desires no
    speed brakes and stands.
    """
    headway, acceleration, braking, standstill = manner
    closing = speed_mps * (speed_mps - lead_mps) / (2.0 * math.sqrt(acceleration * braking))
    wanted = standstill + max(0.0, speed_mps * headway + closing)
    free = -braking / acceleration
    if desired_mps >= LEAST_DESIRED_MPS:
        ratio = speed_mps / desired_mps
        free = max(1.0 - ratio * ratio * ratio * ratio, free)
    crowding = wanted / max(gap_m, standstill)
    return max(acceleration * (free - crowding * crowding), -EMERGENCY_MPS2)


@compiled
def is_too_near(speed_mps: float, gap_m: float, lead_mps: float, manner: Manner) -> bool:
    """Whether comfortable braking from the next step on no longer ends standstill_m behind."""
    closing = speed_mps - lead_mps
    needed = closing * STEP_S + closing * closing / (2.0 * manner.braking_mps2)
    return closing > 0.0 and gap_m <= manner.standstill_m + needed


@compiled
def stops_at(signal: int, gap_m: float, speed_mps: float, manner: Manner) -> bool:
    """Whether one stops at a line: on red, and on yellow if comfortable braking will do."""
    if signal == _RED:
        return True
    return signal == _YELLOW and speed_mps * speed_mps <= 2.0 * manner.braking_mps2 * gap_m


@compiled
def drive_on(
    along_m: float, offset_m: float, speed_mps: float, acceleration_mps2: float
) -> tuple[float, float, float]:
    """(along_m, offset_m, speed_mps) one step later: explicit Euler, never backwards."""
    moved = speed_mps * STEP_S
    offset = offset_m * (1.0 - min(moved / OFFSET_DECAY_M, 1.0))
    return along_m + moved, offset, max(0.0, speed_mps + acceleration_mps2 * STEP_S)


@compiled
def lead_in_corridor(paths: Paths, me: Follower, other: Body) -> tuple[float, float]:
    """(gap in m, speed along the path) to a body in the corridor ahead; gap inf if it is not.

    The corridor is as wide as the follower where it is and where it is going, the middle of the
    path.
    """
    return lead_between(paths, me, other, min(me.offset, 0.0), max(me.offset, 0.0))


@compiled
def lead_between(
    paths: Paths, me: Follower, other: Body, right_m: float, left_m: float
) -> tuple[float, float]:
    """(gap in m, speed along the path) to a body in a corridor ahead; gap inf if it is not.

    The corridor is what the follower sweeps between two offsets from the path. What
    stands behind the follower's middle is never ahead, wherever the path turns.
    """
    dx, dy = other.x - me.x, other.y - me.y
    if dx * me.cos + dy * me.sin <= 0.0:
        return math.inf, 0.0
    guess = me.along + math.sqrt(dx * dx + dy * dy)
    along, aside, found = project_from(paths, me.start, me.points, guess, (other.x, other.y))
    if not found or along <= me.along:
        return math.inf, 0.0
    at = row_at(me.start, me.points, along)
    ux, uy = np.float64(paths.cos[at]), np.float64(paths.sin[at])
    cos, sin = abs(ux * other.cos + uy * other.sin), abs(ux * other.sin - uy * other.cos)
    reach = sin * other.half_length + cos * other.half_width
    side = me.half_width + CORRIDOR_MARGIN_M + reach
    if aside < right_m - side or aside > left_m + side:
        return math.inf, 0.0
    back = along - cos * other.half_length - sin * other.half_width
    gap = back - me.along - me.half_length
    if gap > LOOK_AHEAD_M:
        return math.inf, 0.0
    return gap, max(0.0, ux * other.vx + uy * other.vy)


@compiled
def farthest_lead(me: Follower, gap_m: float, radius_m: float) -> float:
    """No body whose middle is farther than this can have a smaller gap than gap_m.

    radius_m: at least the half diagonal of any other body. Straight distances never exceed the
    way along the path plus both offsets from it.
    """
    aside = 2.0 * abs(me.offset) + me.half_width + CORRIDOR_MARGIN_M + radius_m
    return gap_m + me.half_length + radius_m + aside + 1.0


@compiled
def desired_speed(paths: Paths, start: int, points: int, along_m: float) -> float:
    """The limit where one is on a path, in m/s, or what is assumed where none is known."""
    limit = np.float64(paths.limit[row_at(start, points, along_m)])
    return UNKNOWN_LIMIT_MPS if math.isnan(limit) else limit
