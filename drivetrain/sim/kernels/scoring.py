"""What a step notes for the score, and the score at the end."""

import math

import numpy as np

from drivetrain.sim.compiled import inlined
from drivetrain.sim.config import STEP_S
from drivetrain.sim.lane_map import lane_map_of
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.score.episode import (
    ACCELERATION,
    CROSSES,
    HEADING,
    SPEED,
    TTC_AHEAD,
    TTC_BESIDE,
    YAW_RATE,
    Chassis,
    Expert,
    Workplace,
    X,
    Y,
    score_episode,
)
from drivetrain.sim.score.meeting import LAST_SAMPLE, TTC_STANDS_MPS, bearing, sampled
from drivetrain.sim.score.terms import score_of
from drivetrain.sim.state import Body, Episodes, State


@inlined
def frame_of(state: State, w: int) -> int:
    """The row of the record that is now."""
    return int(state.progress.step[w] - state.progress.entered[w])


@inlined
def note_ego(state: State, w: int) -> None:
    """A new frame of the record: the ego's own numbers, and nothing met yet."""
    e, frame = state.egos, frame_of(state, w)
    row, marks = state.record.motion[w, frame], state.record.marks[w, frame]
    row[X], row[Y], row[HEADING] = e.rear_x[w], e.rear_y[w], e.heading[w]
    row[SPEED], row[ACCELERATION] = e.speed[w], e.acceleration[w]
    row[YAW_RATE] = e.yaw_rate[w]
    row[TTC_AHEAD], row[TTC_BESIDE] = math.inf, math.inf
    for mark in range(CROSSES + 1):
        marks[mark] = 0


@inlined
def note_hit(state: State, w: int, group: int, columns: int) -> None:
    """A new collision in this frame: HITS or SIDE_HITS of a group."""
    state.record.marks[w, frame_of(state, w), columns + group] += 1


@inlined
def note_crossing(state: State, w: int) -> None:
    """A road edge meets the ego in this frame."""
    state.record.marks[w, frame_of(state, w), CROSSES] = 1


@inlined
def note_meeting(
    state: State, w: int, ego: Body, other: Body, span: tuple[float, float]
) -> None:
    """How soon the ego will meet another who is ahead or beside.

    span: from when until when they would touch.
    """
    seconds = sampled(span, LAST_SAMPLE)
    if seconds == math.inf or state.egos.speed[w] <= TTC_STANDS_MPS:
        return
    ahead, behind = bearing(ego, state.egos.rear_to_centre[w], other)
    row = state.record.motion[w, frame_of(state, w)]
    if ahead:
        row[TTC_AHEAD] = min(row[TTC_AHEAD], seconds)
    elif not behind:
        row[TTC_BESIDE] = min(row[TTC_BESIDE], seconds)


@inlined
def expert_of(scenarios: ScenarioArrays, scenario: int, last_step: int) -> Expert:
    """The expert of a scenario, for an episode whose time was up at that step."""
    first, last = scenarios.first_block[scenario], scenarios.first_block[scenario + 1]
    along = 0.0
    if first < last:
        at = min(last_step, scenarios.steps[scenario] - 1)
        along = np.float64(scenarios.expert_along_m[scenarios.first_expert[scenario] + at])
    return Expert(scenarios.block_lane[first:last], along)


@inlined
def score(
    scenarios: ScenarioArrays, state: State, episodes: Episodes, work: Workplace, w: int
) -> None:
    """The score of the episode that ends with this step, and whether the ego was at fault."""
    p, frames, scenario = state.progress, frame_of(state, w) + 1, state.progress.scenario[w]
    expert = expert_of(scenarios, scenario, p.last_step[w])
    # The expert's way is that of the scenario's ego, from the start on.
    if state.drivers.agent[w, 0] != scenarios.ego[scenario] or p.entered[w] > 0:
        expert = Expert(expert.blocks, math.nan)
    chassis = Chassis(
        state.bodies.half_length[w, 0],
        state.bodies.half_width[w, 0],
        state.egos.rear_to_centre[w],
    )
    terms, at_fault = score_episode(
        lane_map_of(scenarios),
        scenarios.road[scenario],
        expert,
        state.record.motion[w, :frames],
        state.record.marks[w, :frames],
        chassis,
        work,
        STEP_S,
    )
    p.at_fault[w] |= at_fault
    episodes.score[w] = score_of(terms)
    for metric in range(len(terms)):
        episodes.metrics[w, metric] = terms[metric]
