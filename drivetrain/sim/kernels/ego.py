"""The ego: its body, what is ahead of it, and what it runs into."""

import math

import numpy as np

from drivetrain.sim.collide import (
    boxes_touch,
    collision_reason,
    edge_crosses,
    time_to_collision,
)
from drivetrain.sim.compiled import inlined
from drivetrain.sim.kernels.buffers import NO_END, Scratch, body_at
from drivetrain.sim.kernels.lights import note_line
from drivetrain.sim.kernels.nearest import ROUNDED_M
from drivetrain.sim.kernels.others import find_lead, note_places
from drivetrain.sim.reward import TTC_S
from drivetrain.sim.road import Paths, cell_middle, cell_of, row_at
from drivetrain.sim.scenario import EDGE_PIECE_M, ScenarioArrays
from drivetrain.sim.state import Body, State


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
def meet_others(paths: Paths, state: State, w: int) -> tuple[int, bool, float]:
    """(EndReason of a new collision or NONE, if at fault, seconds to the next one ahead)."""
    b, slots = state.bodies, state.progress.slots[w]
    ego = body_at(state, w, 0)
    reach = ego.half_length + ego.half_width
    half_width = paths.half_width[route_row(state, w)]
    lane_room = half_width - abs(state.drivers.offset[w, 0]) - ego.half_width
    reason, at_fault, soonest = NO_END, False, math.inf
    for j in range(1, slots):
        if not b.present[w, j] or b.touched[w, j]:
            continue
        dx, dy = b.x[w, j] - ego.x, b.y[w, j] - ego.y
        closing = abs(b.vx[w, j] - ego.vx) + abs(b.vy[w, j] - ego.vy)
        # No farther than both half sizes and the way until TTC_S: else they cannot meet.
        near = reach + b.half_length[w, j] + b.half_width[w, j] + TTC_S * closing
        if dx * dx + dy * dy > near * near:
            continue
        other = body_at(state, w, j)
        if boxes_touch(ego, other):
            b.touched[w, j] = 1
            found, is_own = collision_reason(
                ego,
                state.egos.rear_to_centre[w],
                other,
                b.category[w, j],
                lane_room,
            )
            if reason == NO_END or (is_own and not at_fault):
                reason, at_fault = found, is_own
        if dx * ego.cos + dy * ego.sin > 0.0:
            soonest = min(soonest, time_to_collision(ego, other))
    return reason, at_fault, soonest


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
