"""The ego: its body, what is ahead of it, and what it runs into."""

import math

import numpy as np

from drivetrain.sim.collide import (
    boxes_touch,
    collision_reason,
    collision_span,
    edge_crosses,
)
from drivetrain.sim.compiled import inlined
from drivetrain.sim.kernels.buffers import NO_END, Scratch, body_at
from drivetrain.sim.kernels.lights import note_line
from drivetrain.sim.kernels.nearest import ROUNDED_M
from drivetrain.sim.kernels.others import find_lead, note_places
from drivetrain.sim.kernels.scoring import note_hit, note_meeting
from drivetrain.sim.road import Paths, cell_middle, cell_of, row_at
from drivetrain.sim.scenario import EDGE_PIECE_M, ScenarioArrays
from drivetrain.sim.score.episode import HITS, SIDE_HITS
from drivetrain.sim.score.meeting import LEAST_TTC_S, group_of
from drivetrain.sim.state import Body, EndReason, State

AT_THE_SIDE = int(EndReason.COLLISION_SIDE)


@inlined
def place_ego(state: State, w: int) -> None:
    """The ego's body where its rear axle is."""
    e, b, d = state.egos, state.bodies, state.drivers
    cos, sin = math.cos(e.heading[w]), math.sin(e.heading[w])
    b.x[w, 0] = e.rear_x[w] + e.rear_to_centre[w] * cos
    b.y[w, 0] = e.rear_y[w] + e.rear_to_centre[w] * sin
    b.cos[w, 0], b.sin[w, 0] = cos, sin
    b.vx[w, 0], b.vy[w, 0] = e.speed[w] * cos, e.speed[w] * sin
    d.speed[w, 0] = e.speed[w]


@inlined
def look_ahead(
    scenarios: ScenarioArrays, paths: Paths, state: State, scratch: Scratch, w: int
) -> None:
    """What the ego row and rules drivers know of the route's corridor and its lights."""
    note_places(state, scratch, w)
    gap, speed = find_lead(paths, state, scratch, w, 0)
    state.egos.lead_gap[w], state.egos.lead_speed[w] = gap, speed
    note_line(scenarios, state, w)


@inlined
def route_row(state: State, w: int) -> int:
    """The row of the route's point beside the ego."""
    d = state.drivers
    return int(row_at(d.start[w, 0], d.points[w, 0], d.along[w, 0]))


@inlined
def meet_others(
    scenarios: ScenarioArrays, paths: Paths, state: State, w: int
) -> tuple[int, bool, float]:
    """(EndReason of a new collision or NONE, if at fault, seconds to the next one ahead).

    Before its first step an episode has no collisions: an overlap counts from then on. Whether
    a side collision on a road with lanes is at fault shows at the episode's end.
    """
    b, d, p = state.bodies, state.drivers, state.progress
    slots, ego = p.slots[w], body_at(state, w, 0)
    reach = ego.half_length + ego.half_width
    reason, at_fault, soonest = NO_END, False, math.inf
    for j in range(1, slots):
        if not b.present[w, j] or b.touched[w, j]:
            continue
        dx, dy = b.x[w, j] - ego.x, b.y[w, j] - ego.y
        # As nuPlan has it, everybody goes on along the own heading.
        vx, vy = d.speed[w, j] * b.cos[w, j], d.speed[w, j] * b.sin[w, j]
        closing = abs(vx - ego.vx) + abs(vy - ego.vy)
        # No farther than both half sizes and the way until LEAST_TTC_S: else they cannot meet.
        near = reach + b.half_length[w, j] + b.half_width[w, j] + LEAST_TTC_S * closing
        if dx * dx + dy * dy > near * near:
            continue
        other = going_on(state, w, j, vx, vy)
        is_ahead = dx * ego.cos + dy * ego.sin > 0.0
        if boxes_touch(ego, other):
            if p.step[w] > p.entered[w]:
                b.touched[w, j] = 1
                found, is_own = run_into(scenarios, paths, state, w, j, ego, other)
                if reason == NO_END or (is_own and not at_fault):
                    reason, at_fault = found, is_own
            soonest = 0.0 if is_ahead else soonest
            continue
        span = collision_span(ego, other)
        if span[0] <= span[1]:
            note_meeting(state, w, ego, other, span)
            if is_ahead:
                soonest = min(soonest, span[0])
    return reason, at_fault, soonest


@inlined
def going_on(state: State, w: int, j: int, vx: float, vy: float) -> Body:
    """The body in slot j with another velocity."""
    b = state.bodies
    return Body(
        b.x[w, j],
        b.y[w, j],
        b.cos[w, j],
        b.sin[w, j],
        vx,
        vy,
        b.half_length[w, j],
        b.half_width[w, j],
    )


@inlined
def run_into(
    scenarios: ScenarioArrays,
    paths: Paths,
    state: State,
    w: int,
    j: int,
    ego: Body,
    other: Body,
) -> tuple[int, bool]:
    """(EndReason, whether at fault for all that is known now) of a collision, noted."""
    category, road = state.bodies.category[w, j], scenarios.road[state.progress.scenario[w]]
    has_lanes = scenarios.first_lane[road + 1] > scenarios.first_lane[road]
    room = -1.0
    if not has_lanes:
        half_width = paths.half_width[route_row(state, w)]
        room = half_width - abs(state.drivers.offset[w, 0]) - ego.half_width
    reach = state.egos.rear_to_centre[w]
    reason, is_own = collision_reason(ego, reach, other, category, room)
    if not is_own:
        return reason, False
    if reason == AT_THE_SIDE and has_lanes:
        note_hit(state, w, group_of(category), SIDE_HITS)
        return reason, False
    note_hit(state, w, group_of(category), HITS)
    return reason, True


@inlined
def is_off_road(scenarios: ScenarioArrays, state: State, w: int) -> bool:
    """Whether any road edge meets the ego's box."""
    road = int(scenarios.road[state.progress.scenario[w]])
    return bool(meets_edge(scenarios, road, body_at(state, w, 0)))


@inlined
def meets_edge(scenarios: ScenarioArrays, road: int, box: Body) -> bool:
    """Whether any edge of a road meets a box."""
    cell = cell_of(scenarios, road, box.x, box.y)
    if cell < 0:
        return False
    reach = box.half_length + box.half_width
    x, y = cell_middle(scenarios, road, cell)
    # A cell's list goes outward from its middle.
    slack = math.sqrt((box.x - x) ** 2 + (box.y - y) ** 2) + ROUNDED_M
    farthest = (reach + 0.5 * EDGE_PIECE_M + slack) ** 2
    for entry in range(scenarios.first_entry[cell], scenarios.first_entry[cell + 1]):
        edge = scenarios.entry[entry]
        x0, y0 = np.float64(scenarios.edge_x0[edge]), np.float64(scenarios.edge_y0[edge])
        x1, y1 = np.float64(scenarios.edge_x1[edge]), np.float64(scenarios.edge_y1[edge])
        if (0.5 * (x0 + x1) - x) ** 2 + (0.5 * (y0 + y1) - y) ** 2 > farthest:
            break
        if (
            min(x0, x1) <= box.x + reach
            and max(x0, x1) >= box.x - reach
            and min(y0, y1) <= box.y + reach
            and max(y0, y1) >= box.y - reach
            and edge_crosses(box, (x0, y0, x1, y1))
        ):
            return True
    return False
