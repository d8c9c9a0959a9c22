"""Who and what is nearest to the ego, without looking at everything and sorting it."""

import math

import numpy as np

from drivetrain.sim.chance import Sight, is_missed
from drivetrain.sim.compiled import inlined
from drivetrain.sim.kernels.buffers import Scratch
from drivetrain.sim.road import cell_middle, cell_of
from drivetrain.sim.scenario import EDGE_RADIUS_M, ScenarioArrays
from drivetrain.sim.state import Body, State

ROUNDED_M = 0.05
"""Far more than what rounding to float32 moves an edge or a cell by."""


@inlined
def nearest_agents(state: State, scratch: Scratch, sight: Sight, w: int, most: int) -> int:
    """Puts the others in order of their distance; how many are seen: at most `most`.

    The order is that of the last look, put right: from one step to the next little changes. The
    lower slot comes first where two are equally near, so it does not matter what it was.
    """
    b, order, slots = state.bodies, state.bodies.order, state.progress.slots[w]
    squared, x, y = scratch.x, b.x[w, 0], b.y[w, 0]
    for j in range(1, slots):
        dx, dy = b.x[w, j] - x, b.y[w, j] - y
        squared[j] = dx * dx + dy * dy if b.present[w, j] else math.inf
        if sight.strength > 0.0 and is_missed(sight, j):
            squared[j] = math.inf
    for place in range(2, slots):
        j, at = order[w, place], place
        distance = squared[j]
        while at > 1:
            other = order[w, at - 1]
            if squared[other] < distance or (squared[other] == distance and other < j):
                break
            order[w, at] = other
            at -= 1
        order[w, at] = j
    kept = min(most, slots - 1)
    while kept > 0 and squared[order[w, kept]] == math.inf:
        kept -= 1
    return int(kept)


@inlined
def nearest_edges(
    scenarios: ScenarioArrays, road: int, scratch: Scratch, ego: Body, most: int
) -> int:
    """The nearest edges within EDGE_RADIUS_M into scratch.nearest; returns how many.

    A cell's list goes outward from its middle: it can be left where whatever follows is farther
    from the ego than what was found, by as much as the ego is from that middle.
    """
    s, kept, limit = scenarios, 0, EDGE_RADIUS_M * EDGE_RADIUS_M
    cell = cell_of(s, road, ego.x, ego.y)
    if cell < 0:
        return 0
    x, y = cell_middle(s, road, cell)
    slack = math.sqrt((ego.x - x) ** 2 + (ego.y - y) ** 2) + ROUNDED_M
    farthest = (EDGE_RADIUS_M + slack) ** 2
    for entry in range(s.first_entry[cell], s.first_entry[cell + 1]):
        edge = s.entry[entry]
        middle_x = (np.float64(s.edge_x0[edge]) + s.edge_x1[edge]) * 0.5
        middle_y = (np.float64(s.edge_y0[edge]) + s.edge_y1[edge]) * 0.5
        if (middle_x - x) ** 2 + (middle_y - y) ** 2 > farthest:
            break
        dx, dy = middle_x - ego.x, middle_y - ego.y
        distance = dx * dx + dy * dy
        if distance <= limit:
            kept = kept_sorted(scratch, kept, most, edge, distance)
            if kept == most:
                limit = scratch.distance[kept - 1]
                farthest = (math.sqrt(limit) + slack) ** 2
    return kept


@inlined
def kept_sorted(scratch: Scratch, kept: int, most: int, number: int, distance: float) -> int:
    """The sorted list of the nearest, with one more candidate; the lower number wins a tie."""
    distances, numbers, at = scratch.distance, scratch.nearest, kept
    if kept == most:
        last = distances[most - 1]
        if distance > last or (distance == last and number > numbers[most - 1]):
            return kept
        at = most - 1
    while at > 0 and (
        distances[at - 1] > distance
        or (distances[at - 1] == distance and numbers[at - 1] > number)
    ):
        distances[at], numbers[at] = distances[at - 1], numbers[at - 1]
        at -= 1
    distances[at], numbers[at] = distance, number
    return min(kept + 1, most)
