"""What the ego sees, nearest first."""

import math

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.chance import Sight, episode_key, seen_body, seen_lead
from drivetrain.sim.compiled import inlined
from drivetrain.sim.kernels.buffers import Rules, Scratch, body_at
from drivetrain.sim.kernels.nearest import nearest_agents, nearest_edges
from drivetrain.sim.layout import ObservationLayout
from drivetrain.sim.observe import (
    EgoView,
    obstacle,
    write_agent,
    write_boundary,
    write_ego,
    write_light,
    write_route,
)
from drivetrain.sim.road import Paths
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.state import State


@inlined
def observe(
    scenarios: ScenarioArrays,
    paths: Paths,
    rules: Rules,
    state: State,
    layout: ObservationLayout,
    scratch: Scratch,
    w: int,
    out: NDArray[np.float32],
) -> None:
    """World w as `layout` has it, into out: [size]."""
    e, d, ego, p = state.egos, state.drivers, body_at(state, w, 0), state.progress
    key = episode_key(rules.seed, w, p.episode[w])
    sight = Sight(key, p.step[w], rules.chance.sensing)
    lead_gap, lead_speed = e.lead_gap[w], e.lead_speed[w]
    if sight.strength > 0.0 and lead_gap < math.inf:
        lead_gap, lead_speed = seen_lead(sight, d.lead[w, 0], lead_gap, lead_speed)
    line = (e.line_gap[w], e.line_signal[w])
    lead_gap, lead_speed = obstacle((lead_gap, lead_speed), line, e.speed[w])
    route = (d.start[w, 0], d.points[w, 0])
    view = EgoView(
        e.speed[w],
        e.acceleration[w],
        e.steering[w],
        e.yaw_rate[w],
        d.along[w, 0],
        d.offset[w, 0],
        lead_gap,
        lead_speed,
    )
    write_ego(out, paths, route, ego, view)
    observe_agents(state, layout, scratch, sight, w, out)
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
    sight: Sight,
    w: int,
    out: NDArray[np.float32],
) -> None:
    """The nearest others; the lower slot first where two are equally near."""
    b, ego = state.bodies, body_at(state, w, 0)
    kept = nearest_agents(state, scratch, sight, w, layout.agents)
    for row in range(kept):
        j = b.order[w, row + 1]
        at = layout.agents_at + row * layout.per_agent
        other = body_at(state, w, j)
        if sight.strength > 0.0:
            other = seen_body(sight, j, other)
        write_agent(out, at, ego, other, b.category[w, j])
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
    ego, s = body_at(state, w, 0), scenarios
    kept = nearest_edges(s, s.road[state.progress.scenario[w]], scratch, ego, layout.boundary)
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
