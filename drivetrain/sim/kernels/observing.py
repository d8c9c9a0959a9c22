"""What the ego sees, nearest first, found without sorting everything."""

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import inlined
from drivetrain.sim.kernels.buffers import Scratch, body_at
from drivetrain.sim.layout import ObservationLayout
from drivetrain.sim.observe import (
    EgoView,
    write_agent,
    write_boundary,
    write_ego,
    write_light,
    write_route,
)
from drivetrain.sim.road import Paths, cell_of
from drivetrain.sim.scenario import EDGE_RADIUS_M, ScenarioArrays
from drivetrain.sim.state import State


@inlined
def observe(
    scenarios: ScenarioArrays,
    paths: Paths,
    state: State,
    layout: ObservationLayout,
    scratch: Scratch,
    w: int,
    out: NDArray[np.float32],
) -> None:
    """World w as `layout` has it, into out: [size]."""
    e, d, ego = state.egos, state.drivers, body_at(state, w, 0)
    route = (d.start[w, 0], d.points[w, 0])
    view = EgoView(
        e.speed[w],
        e.acceleration[w],
        e.steering[w],
        e.yaw_rate[w],
        d.along[w, 0],
        d.offset[w, 0],
        e.lead_gap[w],
        e.lead_speed[w],
    )
    write_ego(out, paths, route, ego, view)
    observe_agents(state, layout, scratch, w, out)
    for number in range(layout.route):
        at = layout.route_at + number * layout.per_route
        write_route(out, at, paths, (route[0], route[1], d.along[w, 0]), number, ego)
    observe_boundary(scenarios, state, layout, scratch, w, out)
    write_light(out, layout.light_at, e.line_gap[w], e.line_signal[w])


@inlined
def observe_agents(
    state: State,
    layout: ObservationLayout,
    scratch: Scratch,
    w: int,
    out: NDArray[np.float32],
) -> None:
    """The nearest others; the lower slot first where two are equally near."""
    b, ego, kept = state.bodies, body_at(state, w, 0), 0
    for j in range(1, state.progress.slots[w]):
        dx, dy = b.x[w, j] - ego.x, b.y[w, j] - ego.y
        distance = dx * dx + dy * dy
        is_near = kept < layout.agents or distance < scratch.distance[kept - 1]
        if b.present[w, j] and is_near:
            kept = kept_sorted(scratch, kept, layout.agents, j, distance)
    for row in range(kept):
        j = scratch.nearest[row]
        at = layout.agents_at + row * layout.per_agent
        write_agent(out, at, ego, body_at(state, w, j), b.category[w, j])
    for at in range(layout.agents_at + kept * layout.per_agent, layout.route_at):
        out[at] = 0.0


@inlined
def observe_boundary(
    scenarios: ScenarioArrays,
    state: State,
    layout: ObservationLayout,
    scratch: Scratch,
    w: int,
    out: NDArray[np.float32],
) -> None:
    """The nearest pieces of road edge, all found in one cell."""
    ego, kept, s = body_at(state, w, 0), 0, scenarios
    cell = cell_of(s, s.road[state.progress.scenario[w]], ego.x, ego.y)
    first, last = (s.first_entry[cell], s.first_entry[cell + 1]) if cell >= 0 else (0, 0)
    for entry in range(first, last):
        edge = s.entry[entry]
        dx = (np.float64(s.edge_x0[edge]) + s.edge_x1[edge]) * 0.5 - ego.x
        dy = (np.float64(s.edge_y0[edge]) + s.edge_y1[edge]) * 0.5 - ego.y
        distance = dx * dx + dy * dy
        if distance <= EDGE_RADIUS_M * EDGE_RADIUS_M and (
            kept < layout.boundary or distance < scratch.distance[kept - 1]
        ):
            kept = kept_sorted(scratch, kept, layout.boundary, edge, distance)
    for row in range(kept):
        edge = scratch.nearest[row]
        line = (
            np.float64(s.edge_x0[edge]),
            np.float64(s.edge_y0[edge]),
            np.float64(s.edge_x1[edge]),
            np.float64(s.edge_y1[edge]),
        )
        write_boundary(out, layout.boundary_at + row * layout.per_boundary, ego, line)
    for at in range(layout.boundary_at + kept * layout.per_boundary, layout.light_at):
        out[at] = 0.0


@inlined
def kept_sorted(scratch: Scratch, kept: int, most: int, number: int, distance: float) -> int:
    """The sorted list of the nearest, with one more candidate; the earlier wins a tie."""
    at = kept if kept < most else most - 1
    while at > 0 and scratch.distance[at - 1] > distance:
        scratch.distance[at], scratch.nearest[at] = (
            scratch.distance[at - 1],
            scratch.nearest[at - 1],
        )
        at -= 1
    scratch.distance[at], scratch.nearest[at] = distance, number
    return min(kept + 1, most)
