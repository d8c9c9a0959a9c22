"""What moves, and how far each world has come: struct-of-arrays, a row per world.

Slot 0 of a world is the ego; the others follow in the order of their tracks. Everything is
float64, so that the reference in plain Python computes the very same numbers.
"""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.score.record import Record, new_record
from drivetrain.sim.score.terms import METRICS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


class EndReason(IntEnum):
    """Why an episode ended; every ended episode has exactly one."""

    NONE = 0
    COLLISION_FRONT = 1
    COLLISION_REAR = 2
    COLLISION_SIDE = 3
    COLLISION_STATIC = 4
    OFF_ROAD = 5
    ROUTE_END = 6
    TIME = 7
    RED_LIGHT = 8


class Phase(IntEnum):
    """Where an agent is in its visit to the scene."""

    WAITING = 0
    DRIVING = 1
    GONE = 2


class Body(NamedTuple):
    """One box in motion: its middle, direction, velocity and half sizes."""

    x: float
    y: float
    cos: float
    sin: float
    vx: float
    vy: float
    half_length: float
    half_width: float


class Bodies(NamedTuple):
    """`Body` for every slot.  All [worlds, slots]; absent ones have present == 0.

    touched: whether the ego has run into it in this episode; a body is run into once.
    order: from place 1 on the other slots, as near as they were when the ego last looked.
    """

    x: Floats
    y: Floats
    cos: Floats
    sin: Floats
    vx: Floats
    vy: Floats
    half_length: Floats
    half_width: Floats
    present: Bytes
    category: Bytes
    touched: Bytes
    order: Ints


class Drivers(NamedTuple):
    """Who moves a slot: another world's ego, a path follower, or the log (points == 0).

    All [worlds, slots].  agent: row of the agents table.  row: the world whose ego this is, -1
    for none.  path: row of the paths table, -1 for none; start, points: its points.  along,
    offset: place on the path in m; of slot 0, on the route.  lead: slot of the last lead, 0 for
    none or the ego.
    """

    agent: Ints
    row: Ints
    path: Ints
    start: Ints
    points: Ints
    along: Floats
    offset: Floats
    speed: Floats
    desired: Floats
    lead: Ints
    phase: Bytes


class Egos(NamedTuple):
    """The bicycle and what it meets.  All [worlds].

    lead_gap, lead_speed: to what stands first in the route's corridor.  line_gap, line_signal:
    to the next stop line of the route, and what its light shows.  Gaps are inf for nothing.
    """

    rear_x: Floats
    rear_y: Floats
    heading: Floats
    speed: Floats
    acceleration: Floats
    steering: Floats
    yaw_rate: Floats
    yaw_acceleration: Floats
    jerk: Floats
    wheel_base: Floats
    rear_to_centre: Floats
    lead_gap: Floats
    lead_speed: Floats
    line_gap: Floats
    line_signal: Ints


class Progress(NamedTuple):
    """Where each world is in its episode.  [worlds]; part_sums is [worlds, parts].

    step: of the scene; the episode began at step `entered`.
    radius: no body of the episode reaches farther from its middle, in m.
    collided, at_fault, off_road: whether that has happened in this episode.
    red_lights: lines crossed on red, where the expert did not.
    expert_m: how far the expert drives from where the episode began.
    on_stage: 0 for a seat whose vehicle is not in the scene, else 1.
    """

    scenario: Ints
    episode: Ints
    slots: Ints
    step: Ints
    entered: Ints
    last_step: Ints
    on_stage: Bytes
    radius: Floats
    expert_m: Floats
    begin_m: Floats
    best_m: Floats
    total_reward: Floats
    speed_sum: Floats
    part_sums: Floats
    collided: Bytes
    at_fault: Bytes
    off_road: Bytes
    red_lights: Ints


class State(NamedTuple):
    """Everything a world carries from one step to the next."""

    bodies: Bodies
    drivers: Drivers
    egos: Egos
    progress: Progress
    record: Record


class Episodes(NamedTuple):
    """The summary of the episode that the last step ended, a row per world.

    Rows of worlds whose episode goes on hold an older one. progress_m: best forward progress
    along the route. part_means: [worlds, parts], a mean over the episode's steps.
    collided, at_fault, off_road: whether that happened, whatever ended the episode.
    red_lights: how many lines were crossed on red, where the expert did not.
    score: nuPlan's closed-loop score, 0 to 1; NaN where the map does not tell it.
    metrics: [worlds, metrics] in the order of `score.terms.METRICS`.
    """

    scenario: Ints
    steps: Ints
    end_reason: NDArray[np.int64]
    collided: NDArray[np.bool_]
    at_fault: NDArray[np.bool_]
    off_road: NDArray[np.bool_]
    red_lights: Ints
    total_reward: Floats
    progress_m: Floats
    expert_m: Floats
    mean_speed_mps: Floats
    part_means: Floats
    score: Floats
    metrics: Floats


def blank(kind: Any, *shape: int) -> Any:
    """A struct of arrays whose floats are NaN, so that a cell nobody wrote shows."""
    dtypes: dict[Any, tuple[Any, Any]] = {
        Floats: (np.float64, np.nan),
        Ints: (np.int64, -1),
        Bytes: (np.uint8, 255),
        NDArray[np.bool_]: (np.bool_, False),
    }
    columns: dict[str, NDArray[Any]] = {}
    for name, annotation in kind.__annotations__.items():
        dtype, filler = dtypes[annotation]
        columns[name] = np.full(shape, filler, dtype)
    return kind(**columns)


def new_state(worlds: int, slots: int, parts: int, frames: int) -> State:
    """Room for that many worlds; nothing in it is valid before a reset.

    frames: of the longest episode, its first one included.
    """
    progress = blank(Progress, worlds)._replace(part_sums=np.full((worlds, parts), np.nan))
    progress.episode[:] = -1
    return State(
        blank(Bodies, worlds, slots),
        blank(Drivers, worlds, slots),
        blank(Egos, worlds),
        progress,
        new_record(worlds, frames),
    )


def new_episodes(worlds: int, parts: int) -> Episodes:
    """Room for a summary per world."""
    episodes: Episodes = blank(Episodes, worlds)
    return episodes._replace(
        part_means=np.full((worlds, parts), np.nan),
        metrics=np.full((worlds, len(METRICS)), np.nan),
    )
