"""How the ego's action becomes its motion, in each action space."""

import math

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.actions import MOST_DELTA_M, MOST_DELTA_RAD, ActionCode, unscaled
from drivetrain.sim.compiled import inlined
from drivetrain.sim.config import STEP_S
from drivetrain.sim.dynamics import Motion, advance_with, displaced, wanted, yaw_rate
from drivetrain.sim.kernels.buffers import Rules, body_at, follower_at
from drivetrain.sim.kernels.ego import place_ego
from drivetrain.sim.kernels.lights import gap_to_stop, has_lights, red_lines_crossed
from drivetrain.sim.proposals import PROPOSER, proposal_control, proposal_lead
from drivetrain.sim.road import Paths, project_near
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.state import State

DELTA, PROPOSALS = int(ActionCode.DELTA), int(ActionCode.PROPOSALS)


@inlined
def act(
    scenarios: ScenarioArrays,
    paths: Paths,
    rules: Rules,
    state: State,
    w: int,
    actions: NDArray[np.float32],
) -> None:
    """The ego one step on, by its action, and its new place on the route."""
    old_along = state.drivers.along[w, 0]
    if rules.actions == DELTA:
        displace_ego(state, w, actions)
    elif rules.actions == PROPOSALS:
        number = int(actions[w, 0])
        acceleration, steering = propose(scenarios, paths, state, w, number)
        move_ego(rules, state, w, acceleration, steering)
    else:
        e, throttle, turn = state.egos, np.float64(actions[w, 0]), np.float64(actions[w, 1])
        acceleration, steering = wanted(throttle, turn, e.speed[w], e.wheel_base[w])
        move_ego(rules, state, w, acceleration, steering)
    d, b = state.drivers, state.bodies
    where = (b.x[w, 0], b.y[w, 0])
    along, offset = project_near(paths, d.start[w, 0], d.points[w, 0], d.along[w, 0], where)
    d.along[w, 0], d.offset[w, 0] = along, offset
    if has_lights(scenarios, state, w):
        crossed = red_lines_crossed(scenarios, paths, state, w, old_along)
        state.progress.red_lights[w] += crossed


@inlined
def motion_of(state: State, w: int) -> Motion:
    """The bicycle as numbers."""
    e = state.egos
    return Motion(
        e.rear_x[w], e.rear_y[w], e.heading[w], e.speed[w], e.acceleration[w], e.steering[w]
    )


@inlined
def take_motion(state: State, w: int, new: Motion) -> None:
    """The bicycle and the ego's body, as a step left them."""
    e = state.egos
    e.jerk[w] = (new.acceleration - e.acceleration[w]) / STEP_S
    e.rear_x[w], e.rear_y[w], e.heading[w] = new.x, new.y, new.heading
    e.speed[w], e.acceleration[w], e.steering[w] = new.speed, new.acceleration, new.steering
    place_ego(state, w)


@inlined
def note_turn(state: State, w: int, yaw_rate_radps: float) -> None:
    """How fast the ego turns now, and how fast that came."""
    e = state.egos
    e.yaw_acceleration[w] = (yaw_rate_radps - e.yaw_rate[w]) / STEP_S
    e.yaw_rate[w] = yaw_rate_radps


@inlined
def move_ego(rules: Rules, state: State, w: int, acceleration: float, steering: float) -> None:
    """One step of the bicycle towards a wanted acceleration and steering angle."""
    e = state.egos
    new = advance_with(rules.lags, motion_of(state, w), acceleration, steering, e.wheel_base[w])
    take_motion(state, w, new)
    note_turn(state, w, yaw_rate(new.speed, new.steering, e.wheel_base[w]))


@inlined
def displace_ego(state: State, w: int, actions: NDArray[np.float32]) -> None:
    """The ego where its action puts it; its body's velocity is what that took."""
    e, b = state.egos, state.bodies
    x, y = b.x[w, 0], b.y[w, 0]
    by = (
        unscaled(np.float64(actions[w, 0]), MOST_DELTA_M),
        unscaled(np.float64(actions[w, 1]), MOST_DELTA_M),
        unscaled(np.float64(actions[w, 2]), MOST_DELTA_RAD),
    )
    sizes = (e.wheel_base[w], e.rear_to_centre[w])
    take_motion(state, w, displaced(motion_of(state, w), by, sizes))
    note_turn(state, w, by[2] / STEP_S)
    b.vx[w, 0], b.vy[w, 0] = (b.x[w, 0] - x) / STEP_S, (b.y[w, 0] - y) / STEP_S


@inlined
def propose(
    scenarios: ScenarioArrays, paths: Paths, state: State, w: int, number: int
) -> tuple[float, float]:
    """What a proposal does now, behind whoever or whatever line stands first in its way."""
    e, b, me = state.egos, state.bodies, follower_at(state, w, 0)
    gap, speed = math.inf, 0.0
    for j in range(1, state.progress.slots[w]):
        if b.present[w, j]:
            found, its_speed = proposal_lead(paths, me, body_at(state, w, j), number)
            if found < gap:
                gap, speed = found, its_speed
    if has_lights(scenarios, state, w):
        line = gap_to_stop(scenarios, state, w, 0, state.progress.step[w] - 1, PROPOSER)
        if line < gap:
            gap, speed = line, 0.0
    sizes = (e.wheel_base[w], e.rear_to_centre[w])
    return proposal_control(paths, me, motion_of(state, w), sizes, number, (gap, speed))
