"""A world at the start of its next episode."""

import math

import numpy as np

from drivetrain.sim.chance import hashed
from drivetrain.sim.compiled import inlined
from drivetrain.sim.dynamics import (
    PACIFICA_LENGTH_M,
    PACIFICA_REAR_TO_CENTRE_M,
    PACIFICA_WHEEL_BASE_M,
)
from drivetrain.sim.kernels.buffers import (
    DRIVING,
    GONE,
    NO_SIGNAL,
    PARTS,
    WAITING,
    Rules,
)
from drivetrain.sim.kernels.ego import place_ego
from drivetrain.sim.road import Paths, offset_at, project_anywhere
from drivetrain.sim.scenario import Category, ScenarioArrays
from drivetrain.sim.seats import agent_in_seat, is_driven
from drivetrain.sim.state import Ints, State

VEHICLE = int(Category.VEHICLE)


@inlined
def pick(picks: Ints, rules: Rules, group: int, episode: int) -> int:
    """The scenario of a group's episode: drawn, or the next one in order."""
    if rules.in_order:
        return int(picks[(group + episode * rules.groups) % len(picks)])
    return int(picks[hashed(rules.seed, group, 2 * episode) % np.uint64(len(picks))])


@inlined
def last_step(
    scenarios: ScenarioArrays, rules: Rules, w: int, scenario: int, episode: int
) -> int:
    """The step at which time is up."""
    # The expert's distance covers the log, so an episode is never longer than it.
    last = max(min(rules.horizon, int(scenarios.steps[scenario]) - 1), 1)
    if rules.stagger and episode == 0:
        last = 1 + int(hashed(rules.seed, w // rules.seats, 1) % np.uint64(last))
    return last


@inlined
def begin(scenarios: ScenarioArrays, rules: Rules, state: State, w: int, scenario: int) -> None:
    """World w at the start of its next scenario, with nobody in it yet."""
    p, b, d = state.progress, state.bodies, state.drivers
    p.scenario[w] = scenario
    p.step[w], p.on_stage[w] = 0, 0
    p.last_step[w] = last_step(scenarios, rules, w, scenario, p.episode[w])
    own = agent_in_seat(scenarios, scenario, w % rules.seats)
    d.agent[w, 0], d.row[w, 0] = own, w
    b.present[w, 0] = 0
    p.slots[w], p.radius[w] = 1, 0.0
    stand_in(scenarios, state, w, scenario)
    if own < 0:
        return
    b.half_length[w, 0] = 0.5 * scenarios.length[own]
    b.half_width[w, 0] = 0.5 * scenarios.width[own]
    b.category[w, 0] = scenarios.category[own]
    first, slot, seat = w - w % rules.seats, 1, 1
    for agent in range(scenarios.first_agent[scenario], scenarios.first_agent[scenario + 1]):
        row = -1
        if agent == scenarios.ego[scenario]:
            row = first
        elif seat < rules.seats and is_driven(scenarios, scenario, agent):
            row = first + seat
            seat += 1
        if agent != own:
            begin_agent(scenarios, rules, state, w, slot, agent)
            d.row[w, slot] = row
            slot += 1
    p.slots[w] = slot
    for j in range(slot):
        b.order[w, j] = j
        p.radius[w] = max(p.radius[w], b.half_length[w, j] + b.half_width[w, j])


@inlined
def stand_in(scenarios: ScenarioArrays, state: State, w: int, scenario: int) -> None:
    """Numbers for an ego that is not there yet: rules drivers act for every world."""
    e, d, b = state.egos, state.drivers, state.bodies
    route = scenarios.route[scenario]
    d.path[w, 0], d.start[w, 0] = route, scenarios.first_point[route]
    d.points[w, 0] = scenarios.first_point[route + 1] - scenarios.first_point[route]
    d.along[w, 0], d.offset[w, 0], d.speed[w, 0] = 0.0, 0.0, 0.0
    e.rear_x[w], e.rear_y[w], e.heading[w], e.speed[w] = 0.0, 0.0, 0.0, 0.0
    e.wheel_base[w], e.rear_to_centre[w] = PACIFICA_WHEEL_BASE_M, PACIFICA_REAR_TO_CENTRE_M
    e.lead_gap[w], e.lead_speed[w] = math.inf, 0.0
    e.line_gap[w], e.line_signal[w] = math.inf, NO_SIGNAL
    b.x[w, 0], b.y[w, 0], b.cos[w, 0], b.sin[w, 0] = 0.0, 0.0, 1.0, 0.0
    b.vx[w, 0], b.vy[w, 0] = 0.0, 0.0


@inlined
def begin_episode(
    scenarios: ScenarioArrays, paths: Paths, state: State, w: int, frame: int
) -> None:
    """World w at the start of an episode: its ego as a frame of its own log has it."""
    p, b = state.progress, state.bodies
    p.entered[w] = p.step[w]
    p.total_reward[w] = 0.0
    p.speed_sum[w] = 0.0
    for part in range(PARTS):
        p.part_sums[w, part] = 0.0
    p.collided[w], p.at_fault[w], p.off_road[w], p.red_lights[w] = 0, 0, 0, 0
    for j in range(p.slots[w]):
        b.touched[w, j] = 0
    begin_ego(scenarios, state, w, frame)
    begin_route(scenarios, paths, state, w, frame)


@inlined
def begin_ego(scenarios: ScenarioArrays, state: State, w: int, frame: int) -> None:
    """Slot 0 and the bicycle, where the expert was."""
    e, d = state.egos, state.drivers
    length = scenarios.length[d.agent[w, 0]]
    e.wheel_base[w] = PACIFICA_WHEEL_BASE_M * length / PACIFICA_LENGTH_M
    e.rear_to_centre[w] = PACIFICA_REAR_TO_CENTRE_M * length / PACIFICA_LENGTH_M
    heading = np.float64(scenarios.heading[frame])
    cos, sin = math.cos(heading), math.sin(heading)
    e.heading[w] = heading
    e.rear_x[w] = scenarios.x[frame] - e.rear_to_centre[w] * cos
    e.rear_y[w] = scenarios.y[frame] - e.rear_to_centre[w] * sin
    e.speed[w] = max(0.0, scenarios.vx[frame] * cos + scenarios.vy[frame] * sin)
    e.acceleration[w] = 0.0
    e.steering[w] = 0.0
    e.yaw_rate[w] = 0.0
    e.yaw_acceleration[w] = 0.0
    e.jerk[w] = 0.0
    d.desired[w, 0] = math.nan
    d.lead[w, 0] = 0
    d.phase[w, 0] = DRIVING
    place_ego(state, w)


@inlined
def begin_route(
    scenarios: ScenarioArrays, paths: Paths, state: State, w: int, frame: int
) -> None:
    """The ego's place on its route, and how much of it the expert still has before it."""
    d, b, p = state.drivers, state.bodies, state.progress
    agent, scenario = d.agent[w, 0], p.scenario[w]
    is_ego = agent == scenarios.ego[scenario]
    route = scenarios.route[scenario] if is_ego else scenarios.agent_path[agent]
    start = scenarios.first_point[route]
    points = scenarios.first_point[route + 1] - start
    where, entry = (b.x[w, 0], b.y[w, 0]), np.float64(scenarios.entry_m[agent])
    along: float = entry
    if frame != scenarios.first_frame[agent]:
        facing = (b.cos[w, 0], b.sin[w, 0])
        along, _ = project_anywhere(paths, start, points, where, facing)
    d.path[w, 0] = route
    d.start[w, 0], d.points[w, 0], d.along[w, 0] = start, points, along
    d.offset[w, 0] = offset_at(paths, start, points, along, where)
    p.begin_m[w], p.best_m[w] = along, 0.0
    p.expert_m[w] = max(0.0, np.float64(scenarios.driven_m[agent]) - (along - entry))


@inlined
def begin_agent(
    scenarios: ScenarioArrays, rules: Rules, state: State, w: int, j: int, agent: int
) -> None:
    """Slot j for an agent that has not appeared yet."""
    b, d = state.bodies, state.drivers
    is_vehicle = scenarios.category[agent] == VEHICLE
    path = int(scenarios.agent_path[agent]) if is_vehicle and not rules.replay else -1
    d.agent[w, j], d.path[w, j] = agent, path
    d.start[w, j], d.points[w, j] = 0, 0
    if path >= 0:
        d.start[w, j] = scenarios.first_point[path]
        d.points[w, j] = scenarios.first_point[path + 1] - scenarios.first_point[path]
    d.desired[w, j] = scenarios.desired_mps[agent]
    d.along[w, j], d.offset[w, j], d.speed[w, j] = 0.0, 0.0, 0.0
    d.lead[w, j] = 0
    is_empty = scenarios.first_frame[agent] == scenarios.first_frame[agent + 1]
    d.phase[w, j] = GONE if is_empty else WAITING
    b.half_length[w, j] = 0.5 * scenarios.length[agent]
    b.half_width[w, j] = 0.5 * scenarios.width[agent]
    b.category[w, j] = scenarios.category[agent]
    b.present[w, j], b.touched[w, j] = 0, 0
    b.x[w, j], b.y[w, j], b.cos[w, j], b.sin[w, j] = 0.0, 0.0, 1.0, 0.0
    b.vx[w, j], b.vy[w, j] = 0.0, 0.0
