"""Rolls out every proposal of a world, and chooses what to do now."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.actions import PROPOSALS
from drivetrain.sim.compiled import compiled, inlined
from drivetrain.sim.config import STEP_S
from drivetrain.sim.dynamics import (
    MAX_ACCELERATION_MPS2,
    MAX_BRAKING_MPS2,
    Lags,
    Motion,
    advance_with,
    most_curvature,
    wanted,
    yaw_rate,
)
from drivetrain.sim.kernels.ego import meets_edge
from drivetrain.sim.lane_map import LaneMap, lane_map_of
from drivetrain.sim.pdm.car import Car, Place, body_of, car_of, place_of
from drivetrain.sim.pdm.direction import moved_along
from drivetrain.sim.pdm.forecast import (
    PLAN_S,
    PLAN_STEPS,
    Counts,
    Forecast,
    forecast_others,
    lead_of,
    new_forecast,
)
from drivetrain.sim.pdm.judging import (
    Hits,
    Traces,
    Verdicts,
    is_comfortable,
    meet_forecast,
    new_verdicts,
    score_all,
)
from drivetrain.sim.proposals import (
    proposal_acceleration,
    proposal_curvature,
    proposal_of,
)
from drivetrain.sim.road import Paths, paths_of, project_near, row_at
from drivetrain.sim.scenario import PATH_SPACING_M, ScenarioArrays
from drivetrain.sim.score.drive import MOST_LANES
from drivetrain.sim.score.lane_rules import DIRECTION_S, direction_score, most_against
from drivetrain.sim.score.meeting import ALLOWED, LAST_SAMPLE, TTC_STANDS_MPS, TTC_STEP_S
from drivetrain.sim.score.record import THING
from drivetrain.sim.state import Body, Floats, Ints, State

UNSAFE_S = LAST_SAMPLE * TTC_STEP_S
"""The last time that nuPlan tries and finds too soon."""
FATAL_OBJECTS = ALLOWED[THING] + 1.0
"""nuPlan forgives half of one collision at fault with an object, and none of two."""
EMERGENCY_S, EMERGENCY_MPS = 2.0, 5.0
"""PDM-Closed stops where even its best proposal hits within 2 s, at 5 m/s or less."""


class Plans(NamedTuple):
    """What was decided.  [worlds, ...].

    proposal: the best one.  brakes: 1 where the ego stops instead.  scores: [worlds,
    proposals], NaN for those that fail.
    """

    actions: NDArray[np.float32]
    proposal: Ints
    brakes: NDArray[np.uint8]
    scores: Floats


class Room(NamedTuple):
    """Room for one thread, whose content means nothing between worlds."""

    forecast: Forecast
    verdicts: Verdicts
    traces: Traces
    lanes: Ints


def new_room(slots: int) -> Room:
    """Room for worlds of so many slots."""
    traces = Traces(*(np.full(PLAN_STEPS + 1, np.nan) for _ in Traces._fields))
    return Room(new_forecast(slots), new_verdicts(), traces, np.zeros(MOST_LANES, np.int64))


def new_plans(worlds: int) -> Plans:
    """Room for the plans of that many worlds."""
    return Plans(
        np.zeros((worlds, 2), np.float32),
        np.zeros(worlds, np.int64),
        np.zeros(worlds, np.uint8),
        np.full((worlds, PROPOSALS), np.nan),
    )


@compiled
def plan_worlds(
    scenarios: ScenarioArrays,
    state: State,
    lags: Lags,
    room: Room,
    plans: Plans,
    first: int,
    last: int,
) -> None:
    """What to do now in the worlds first..last-1."""
    paths = paths_of(scenarios)
    for w in range(first, last):
        plan_world(scenarios, paths, state, w, lags, room, plans)


@inlined
def plan_world(
    scenarios: ScenarioArrays,
    paths: Paths,
    state: State,
    w: int,
    lags: Lags,
    room: Room,
    plans: Plans,
) -> None:
    """The best proposal's first action, or a full brake."""
    car, place = car_of(state, w, lags), place_of(state, w)
    counts = forecast_others(paths, state, w, car, room.forecast)
    for proposal in range(PROPOSALS):
        roll_out(scenarios, paths, state, w, car, place, counts, room, proposal)
    verdicts = room.verdicts
    best = score_all(verdicts, plans.scores[w])
    brakes = verdicts.hit_s[best] <= EMERGENCY_S and place.motion.speed <= EMERGENCY_MPS
    plans.proposal[w], plans.brakes[w] = best, brakes
    plans.actions[w, 0] = -1.0 if brakes else verdicts.throttle[best]
    plans.actions[w, 1] = verdicts.turn[best]


@inlined
def decide(
    paths: Paths, car: Car, place: Place, lead: tuple[float, float], proposal: int
) -> tuple[float, float]:
    """(throttle, turn) of a proposal where it has come."""
    motion, route = place.motion, (car.start, car.points, place.along)
    wish = proposal_acceleration(paths, route, motion.speed, proposal, lead)
    curvature = proposal_curvature(
        paths, route, place.offset, motion, car.rear_to_centre, proposal
    )
    strongest = MAX_ACCELERATION_MPS2 if wish > 0.0 else MAX_BRAKING_MPS2
    return wish / strongest, curvature / most_curvature(motion.speed)


@inlined
def move_on(paths: Paths, car: Car, place: Place, throttle: float, turn: float) -> Place:
    """One step of the bicycle, and its new place on the route."""
    speed = place.motion.speed
    acceleration, steering = wanted(throttle, turn, speed, car.wheel_base)
    motion = advance_with(car.lags, place.motion, acceleration, steering, car.wheel_base)
    body = body_of(car, motion)
    where = (body.x, body.y)
    along, offset = project_near(paths, car.start, car.points, place.along, where)
    return Place(motion, along, offset)


@inlined
def note(traces: Traces, step: int, motion: Motion, wheel_base_m: float) -> None:
    """What a step felt like."""
    traces.moved_along[step] = 0.0
    traces.acceleration[step] = motion.acceleration
    traces.speed[step] = motion.speed
    traces.yaw_rate[step] = yaw_rate(motion.speed, motion.steering, wheel_base_m)


@inlined
def meet_others(
    paths: Paths, state: State, w: int, car: Car, place: Place, room: Room, near: int, step: int
) -> Hits:
    """Whom a step of the roll-out runs into."""
    row = row_at(car.start, car.points, place.along)
    lane_room = np.float64(paths.half_width[row]) - abs(place.offset) - car.half_width
    ego = body_of(car, place.motion)
    return meet_forecast(
        state, w, room.forecast, near, step, ego, car.rear_to_centre, lane_room
    )


@inlined
def roll_out(
    scenarios: ScenarioArrays,
    paths: Paths,
    state: State,
    w: int,
    car: Car,
    place: Place,
    counts: Counts,
    room: Room,
    proposal: int,
) -> None:
    """Drives a proposal through the forecast and writes the verdict on it.

    Ends early where it has failed, and at the route's end, past which nothing is judged.
    """
    v, roads = room.verdicts, lane_map_of(scenarios)
    road = scenarios.road[state.progress.scenario[w]]
    begin_verdict(room, counts.near, proposal)
    note(room.traces, 0, place.motion, car.wheel_base)
    line, _ = proposal_of(proposal)
    end = (car.points - 1) * PATH_SPACING_M
    # Who begins on an edge is judged from where it has left it.
    was_on = not meets_edge(scenarios, road, body_of(car, place.motion))
    step = 0
    while step < PLAN_STEPS and place.along < end and v.factor[proposal] > 0.0:
        lead = lead_of(room.forecast, counts, step, car, place, line)
        throttle, turn = decide(paths, car, place, lead, proposal)
        if step == 0:
            v.throttle[proposal], v.turn[proposal] = throttle, turn
        step += 1
        before = body_of(car, place.motion)
        place = move_on(paths, car, place, throttle, turn)
        note(room.traces, step, place.motion, car.wheel_base)
        hits = meet_others(paths, state, w, car, place, room, counts.near, step)
        note_direction(roads, road, paths, car, before, place, room, step)
        take_hits(v, proposal, hits, step * STEP_S, place.motion.speed)
        is_on = not meets_edge(scenarios, road, body_of(car, place.motion))
        if was_on and not is_on:
            fail(v, proposal, step * STEP_S)
        was_on = was_on or is_on
    judge_direction(room, proposal, step)
    left_m = place.motion.speed * (PLAN_S - step * STEP_S)
    v.progress_m[proposal] = place.along - car.begin_m + left_m
    v.comfort[proposal] = 0.0
    if v.factor[proposal] > 0.0 and is_comfortable(room.traces, step + 1):
        v.comfort[proposal] = 1.0


@inlined
def note_direction(
    roads: LaneMap,
    road: int,
    paths: Paths,
    car: Car,
    before: Body,
    place: Place,
    room: Room,
    step: int,
) -> None:
    """How far a step went along the lanes, where it is outside the lane of its route."""
    row = row_at(car.start, car.points, place.along)
    if abs(place.offset) > np.float64(paths.half_width[row]):
        now = body_of(car, place.motion)
        room.traces.moved_along[step] = moved_along(roads, road, before, now, room.lanes)


@inlined
def judge_direction(room: Room, proposal: int, steps: int) -> None:
    """Driving against the lanes, held against the proposal as nuPlan does."""
    moves = room.traces.moved_along
    for step in range(steps + 1, PLAN_STEPS + 1):
        moves[step] = 0.0
    share = direction_score(most_against(moves, round(DIRECTION_S / STEP_S)))
    if share == 0.0:
        fail(room.verdicts, proposal, min(room.verdicts.failed_s[proposal], PLAN_S))
    room.verdicts.factor[proposal] *= share


@inlined
def begin_verdict(room: Room, near: int, proposal: int) -> None:
    """Nothing is held against a proposal yet, and it has run into nobody new."""
    v, forecast = room.verdicts, room.forecast
    v.factor[proposal], v.clear[proposal], v.objects[proposal] = 1.0, 1.0, 0.0
    v.failed_s[proposal], v.hit_s[proposal] = math.inf, math.inf
    for k in range(near):
        forecast.met[k] = forecast.began[k]


@inlined
def take_hits(
    verdicts: Verdicts, proposal: int, hits: Hits, seconds: float, speed_mps: float
) -> None:
    """What a step ran into, held against the proposal."""
    v = verdicts
    v.objects[proposal] += hits.objects
    if hits.bodies + hits.objects > 0:
        v.hit_s[proposal] = min(v.hit_s[proposal], seconds)
    if hits.bodies > 0 or v.objects[proposal] >= FATAL_OBJECTS:
        fail(v, proposal, seconds)
    elif v.objects[proposal] > 0.0:
        v.factor[proposal] = 1.0 - v.objects[proposal] / FATAL_OBJECTS
    if hits.soonest_s <= UNSAFE_S and speed_mps > TTC_STANDS_MPS:
        v.clear[proposal] = 0.0


@inlined
def fail(verdicts: Verdicts, proposal: int, seconds: float) -> None:
    """From now on the proposal is worth nothing."""
    verdicts.factor[proposal], verdicts.failed_s[proposal] = 0.0, seconds
