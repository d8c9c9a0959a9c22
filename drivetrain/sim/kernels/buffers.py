"""What the kernels share: the rules, what a step fills, and room to work in."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.chance import Chance
from drivetrain.sim.compiled import inlined
from drivetrain.sim.dynamics import Lags
from drivetrain.sim.layout import ObservationLayout
from drivetrain.sim.reward import REWARD_PARTS, Weights
from drivetrain.sim.scenario import Signal
from drivetrain.sim.state import Body, EndReason, Floats, Ints, Phase, State
from drivetrain.sim.traffic import Follower

NOWHERE_M = 1e9

NO_END = int(EndReason.NONE)
OFF_THE_ROAD = int(EndReason.OFF_ROAD)
AT_ROUTE_END = int(EndReason.ROUTE_END)
OUT_OF_TIME = int(EndReason.TIME)
AT_RED_LIGHT = int(EndReason.RED_LIGHT)
RED, NO_SIGNAL = int(Signal.RED), int(Signal.NONE)
WAITING, DRIVING, GONE = int(Phase.WAITING), int(Phase.DRIVING), int(Phase.GONE)
PARTS = len(REWARD_PARTS)


class Rules(NamedTuple):
    """What holds for all worlds of a batch.

    groups, seats: how many groups of how many worlds drive one scene together.
    goes_on: a collision or leaving the road does not end the episode.
    replay: nobody drives by IDM, or with mixed: not yet.
    ends_on_red: driving past a red light does.  actions: an `ActionCode`.
    """

    seed: np.uint64
    groups: int
    seats: int
    horizon: int
    replay: bool
    mixed: bool
    goes_on: bool
    ends_on_red: bool
    actions: int
    lags: Lags
    chance: Chance
    in_order: bool
    stagger: bool
    weights: Weights


class Buffers(NamedTuple):
    """What a step fills.  [worlds, ...]."""

    observations: NDArray[np.float32]
    final_observations: NDArray[np.float32]
    rewards: NDArray[np.float32]
    parts: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]


class Scratch(NamedTuple):
    """Room for one thread, whose content means nothing between worlds.  [slots], [rows]."""

    x: Floats
    y: Floats
    acceleration: Floats
    nearest: Ints
    distance: Floats


def new_buffers(worlds: int, layout: ObservationLayout) -> Buffers:
    """Room for what a step fills; nothing in it is valid before a reset."""
    return Buffers(
        observations=np.full((worlds, layout.size), np.nan, np.float32),
        final_observations=np.full((worlds, layout.size), np.nan, np.float32),
        rewards=np.full(worlds, np.nan, np.float32),
        parts=np.full((worlds, PARTS), np.nan, np.float32),
        terminated=np.zeros(worlds, np.bool_),
        truncated=np.zeros(worlds, np.bool_),
    )


def new_scratch(slots: int, layout: ObservationLayout) -> Scratch:
    """Room for a thread."""
    rows = max(layout.agents, layout.boundary)
    return Scratch(
        x=np.full(slots, np.nan),
        y=np.full(slots, np.nan),
        acceleration=np.full(slots, np.nan),
        nearest=np.zeros(rows, np.int64),
        distance=np.full(rows, np.nan),
    )


@inlined
def body_at(state: State, w: int, j: int) -> Body:
    """The body in slot j, as numbers."""
    b = state.bodies
    return Body(
        b.x[w, j],
        b.y[w, j],
        b.cos[w, j],
        b.sin[w, j],
        b.vx[w, j],
        b.vy[w, j],
        b.half_length[w, j],
        b.half_width[w, j],
    )


@inlined
def follower_at(state: State, w: int, j: int) -> Follower:
    """The body in slot j as somebody who follows its path."""
    b, d = state.bodies, state.drivers
    return Follower(
        d.start[w, j],
        d.points[w, j],
        d.along[w, j],
        d.offset[w, j],
        b.x[w, j],
        b.y[w, j],
        b.cos[w, j],
        b.sin[w, j],
        b.half_length[w, j],
        b.half_width[w, j],
    )
