"""The car that a plan is made for, and where its roll-outs have come."""

import math
from typing import NamedTuple

from drivetrain.sim.compiled import inlined
from drivetrain.sim.dynamics import Lags, Motion
from drivetrain.sim.kernels.acting import motion_of
from drivetrain.sim.state import Body, State


class Car(NamedTuple):
    """What stays the same over a plan: the ego's shape, its actuators, its route's rows.

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
    lags: Lags


class Place(NamedTuple):
    """Where a roll-out has come: the bicycle, and its middle's place on the route."""

    motion: Motion
    along: float
    offset: float


@inlined
def car_of(state: State, w: int, lags: Lags) -> Car:
    """The ego of a world, as its plans see it."""
    d, e, b = state.drivers, state.egos, state.bodies
    return Car(
        d.start[w, 0],
        d.points[w, 0],
        d.along[w, 0],
        d.offset[w, 0],
        e.wheel_base[w],
        e.rear_to_centre[w],
        b.half_length[w, 0],
        b.half_width[w, 0],
        lags,
    )


@inlined
def place_of(state: State, w: int) -> Place:
    """Where every plan of a world begins."""
    d = state.drivers
    return Place(motion_of(state, w), d.along[w, 0], d.offset[w, 0])


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
