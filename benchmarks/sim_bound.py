"""What a step costs at least: the bytes and operations it cannot do without, and the machine.

A count of what the rules ask for, not of what the kernels do: each of the others is read, put
in its place, looked at once by the ego's collision test, once by its corridor test and once for
the observation; every number of the observation is written once. Nothing is counted for finding
things (grids, orders, projections that miss), for branches, or for waiting on memory. So the
ratio of the measured time to this bound says how far from free the rest is.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from drivetrain.sim.compiled import compiled
from drivetrain.sim.layout import ObservationLayout
from drivetrain.sim.road import WINDOW_AHEAD_M, WINDOW_BEHIND_M
from drivetrain.sim.scenario import COLUMNS, PATH_SPACING_M
from drivetrain.sim.state import Body, Drivers, Egos, Progress

COPIED = 64 << 20
LOOPS = 20_000_000

FLOAT, NUMBER = 4, 8
"""Bytes of a number in a scenario set, or in an observation, and in the state."""

# Floating operations, counted in the formulas: dynamics, collide, traffic, observe, reward.
POSE = 40
"""A logged heading's cosine and sine, and the speed."""
LOOK = 8
"""A squared distance and what it is compared with."""
PROJECT_PIECE = 15
EGO = 120
REWARD = 30
AGENT_ROW, ROUTE_ROW, EDGE_ROW, EDGE_LOOK = 50, 45, 45, 11
IDM = 110
"""A corridor test of one lead, the IDM's formula, a step along the path."""


@dataclass(frozen=True)
class Bound:
    """What a step needs at least.  step_s: the longer of moving bytes and of computing."""

    bytes: int
    operations: int
    step_s: float


@dataclass(frozen=True)
class Machine:
    """What one core of this machine does per second, measured in the same run."""

    copied_bytes_per_s: float
    operations_per_s: float


def least_work(traffic: str, others: float, layout: ObservationLayout) -> tuple[int, int]:
    """(bytes, floating operations) of one step of one ego amid so many others."""
    seen = min(others, layout.agents)
    frame = sum(
        np.dtype(column.dtype).itemsize
        for column in COLUMNS.values()
        if column.table == "frames"
    )
    body, driver = len(Body._fields) * NUMBER, len(Drivers._fields) * NUMBER
    moved = {"replay": frame + body, "policy": 2 * body}.get(traffic, 2 * (body + driver))
    placed = {"replay": POSE, "policy": 0}.get(traffic, IDM + others * LOOK)
    window = (WINDOW_AHEAD_M + WINDOW_BEHIND_M) / PATH_SPACING_M
    itself = (len(Egos._fields) + len(Progress._fields)) * NUMBER * 2
    path = (window + layout.route) * 4 * FLOAT
    edges = layout.boundary * 4 * FLOAT
    size = others * (moved + body) + itself + path + edges + layout.size * FLOAT
    work = others * (placed + 3 * LOOK) + seen * AGENT_ROW
    work += layout.route * ROUTE_ROW + layout.boundary * (EDGE_ROW + EDGE_LOOK)
    return round(size), round(work + window * PROJECT_PIECE + EGO + REWARD)


def bound(traffic: str, others: float, layout: ObservationLayout, machine: Machine) -> Bound:
    """The least time of a step on this machine."""
    size, operations = least_work(traffic, others, layout)
    moving, computing = (
        size / machine.copied_bytes_per_s,
        operations / machine.operations_per_s,
    )
    return Bound(size, operations, max(moving, computing))


def this_machine() -> Machine:
    """Measured now, in processor time: others on the machine slow a step and this alike."""
    source, target = np.ones(COPIED, np.uint8), np.zeros(COPIED, np.uint8)
    _work(1000)
    copying = min(_seconds(lambda: np.copyto(target, source)) for _ in range(5))
    working = min(_seconds(lambda: _work(LOOPS)) for _ in range(5))
    # A copied byte is read once and written once.
    return Machine(2 * COPIED / copying, 16 * LOOPS / working)


def _seconds(action: Callable[[], object]) -> float:
    begun = time.process_time()
    action()
    return time.process_time() - begun


@compiled
def _work(loops: int) -> float:
    """Eight chains of a product and a sum each, independent of each other."""
    a, b, c, d, e, f, g, h = 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8
    for _ in range(loops):
        a, b = a * 0.999 + 0.1, b * 0.999 + 0.1
        c, d = c * 0.999 + 0.1, d * 0.999 + 0.1
        e, f = e * 0.999 + 0.1, f * 0.999 + 0.1
        g, h = g * 0.999 + 0.1, h * 0.999 + 0.1
    return a + b + c + d + e + f + g + h
