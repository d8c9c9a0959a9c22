"""Where the others will be if they keep velocity and heading: once for all proposals."""

import math
from typing import NamedTuple

import numpy as np

from drivetrain.sim.actions import PROPOSAL_OFFSETS_M
from drivetrain.sim.collide import boxes_touch
from drivetrain.sim.compiled import inlined
from drivetrain.sim.config import STEP_S
from drivetrain.sim.kernels.buffers import body_at
from drivetrain.sim.pdm.car import Car, Place, body_of
from drivetrain.sim.proposals import PROPOSER
from drivetrain.sim.road import Paths, project_from, row_at
from drivetrain.sim.scenario import PATH_SPACING_M
from drivetrain.sim.score.meeting import LEAST_TTC_S
from drivetrain.sim.state import Body, Bytes, Floats, Ints, State
from drivetrain.sim.traffic import CORRIDOR_MARGIN_M, LOOK_AHEAD_M, stops_at

PLAN_STEPS = 40
"""Four seconds at 0.1 s, as PDM-Closed plans."""
PLAN_S = PLAN_STEPS * STEP_S

SEARCH_ROWS, COARSE_ROWS = 200, 4
"""How far ahead a body is sought along the route, and in which strides at first."""


class Forecast(NamedTuple):
    """Room for the forecast of one world.

    [near], who may come near the ego: slot; began, whether it touches the ego already; met,
    whether the proposal at hand has run into it.  x, y: [steps + 1, near], their middles.
    [steps + 1, leads], who drives in the widest corridor: lead_x and lead_y, its middle; along
    the route its middle, its rear and its speed; aside, its right and left end.
    """

    slot: Ints
    began: Bytes
    met: Bytes
    x: Floats
    y: Floats
    lead_x: Floats
    lead_y: Floats
    middle: Floats
    rear: Floats
    speed: Floats
    right: Floats
    left: Floats


class Counts(NamedTuple):
    """How many are near and how many lead, and where a light closes the route (or inf)."""

    near: int
    leads: int
    stop_m: float


def new_forecast(slots: int) -> Forecast:
    """Room for a world of so many slots."""

    def by_step() -> Floats:
        return np.full((PLAN_STEPS + 1, slots), np.nan)

    return Forecast(
        np.zeros(slots, np.int64),
        np.zeros(slots, np.uint8),
        np.zeros(slots, np.uint8),
        *(by_step() for _ in Forecast._fields[3:]),
    )


@inlined
def forecast_others(paths: Paths, state: State, w: int, car: Car, out: Forecast) -> Counts:
    """Everybody who may matter to a plan, over the whole of it."""
    near, leads = 0, 0
    ego = body_at(state, w, 0)
    for j in range(1, state.progress.slots[w]):
        if not state.bodies.present[w, j]:
            continue
        body = body_at(state, w, j)
        if may_meet(ego, body, LEAST_TTC_S, 0.0):
            out.slot[near] = j
            out.began[near] = boxes_touch(ego, body)
            for step in range(PLAN_STEPS + 1):
                out.x[step, near] = body.x + body.vx * (step * STEP_S)
                out.y[step, near] = body.y + body.vy * (step * STEP_S)
            near += 1
        if may_meet(ego, body, 0.0, LOOK_AHEAD_M) and write_lead(paths, car, body, out, leads):
            leads += 1
    return Counts(near, leads, closed_at(state, w, car))


@inlined
def may_meet(ego: Body, other: Body, later_s: float, gap_m: float) -> bool:
    """Whether the ego can be within a gap of another during a plan or some time later."""
    seconds = PLAN_S + later_s
    own = math.sqrt(ego.vx * ego.vx + ego.vy * ego.vy) + PROPOSER.acceleration_mps2 * PLAN_S
    others = math.sqrt(other.vx * other.vx + other.vy * other.vy)
    sizes = ego.half_length + ego.half_width + other.half_length + other.half_width
    reach = sizes + gap_m + (own + others) * seconds
    dx, dy = other.x - ego.x, other.y - ego.y
    return dx * dx + dy * dy <= reach * reach


@inlined
def write_lead(paths: Paths, car: Car, body: Body, out: Forecast, k: int) -> bool:
    """Row k: the body's way beside the route; whether it ever lies in the widest corridor."""
    is_lead, found, along = False, False, 0.0
    half = car.half_width + CORRIDOR_MARGIN_M
    low = min(car.begin_offset, PROPOSAL_OFFSETS_M[0])
    high = max(car.begin_offset, PROPOSAL_OFFSETS_M[-1])
    for step in range(PLAN_STEPS + 1):
        x, y = body.x + body.vx * (step * STEP_S), body.y + body.vy * (step * STEP_S)
        out.lead_x[step, k], out.lead_y[step, k] = x, y
        aside = 0.0
        if found:
            along, aside, found = project_from(paths, car.start, car.points, along, (x, y))
        if not found:
            guess = nearest_ahead(paths, car, x, y)
            along, aside, found = project_from(paths, car.start, car.points, guess, (x, y))
        if not found:
            # Never ahead of anybody.
            out.middle[step, k] = -math.inf
            continue
        at = row_at(car.start, car.points, along)
        ux, uy = np.float64(paths.cos[at]), np.float64(paths.sin[at])
        cos, sin = abs(ux * body.cos + uy * body.sin), abs(ux * body.sin - uy * body.cos)
        reach = sin * body.half_length + cos * body.half_width
        out.middle[step, k] = along
        out.rear[step, k] = along - cos * body.half_length - sin * body.half_width
        out.speed[step, k] = max(0.0, ux * body.vx + uy * body.vy)
        out.right[step, k], out.left[step, k] = aside - reach, aside + reach
        is_beside = aside + reach < low - half or aside - reach > high + half
        is_lead = is_lead or (along > car.begin_m and not is_beside)
    return is_lead


@inlined
def nearest_ahead(paths: Paths, car: Car, x: float, y: float) -> float:
    """About where on the route ahead of the ego a point is nearest, in m."""
    first = row_at(car.start, car.points, car.begin_m)
    last = min(car.start + car.points, first + SEARCH_ROWS)
    best = nearest_row(paths, first, last, COARSE_ROWS, (x, y))
    first, last = max(first, best - COARSE_ROWS), min(last, best + COARSE_ROWS + 1)
    return (nearest_row(paths, first, last, 1, (x, y)) - car.start) * PATH_SPACING_M


@inlined
def nearest_row(
    paths: Paths, first: int, last: int, stride: int, where: tuple[float, float]
) -> int:
    """Which of every stride-th row from first to before last is nearest to a point."""
    best, nearest = first, math.inf
    for row in range(first, last, stride):
        dx, dy = where[0] - paths.x[row], where[1] - paths.y[row]
        distance = dx * dx + dy * dy
        if distance < nearest:
            best, nearest = row, distance
    return best


@inlined
def closed_at(state: State, w: int, car: Car) -> float:
    """The arc length of the next stop line if its light says stop now, else inf.

    What a light shows now is taken to last.
    """
    e = state.egos
    if stops_at(e.line_signal[w], e.line_gap[w], e.speed[w], PROPOSER):
        return float(car.begin_m + car.half_length + e.line_gap[w])
    return math.inf


@inlined
def lead_of(
    forecast: Forecast, counts: Counts, step: int, car: Car, place: Place, line_m: float
) -> tuple[float, float]:
    """(gap, speed) of what stands first in the proposal's corridor at a step; gap inf if none.

    The corridor reaches from where the ego is to the line that it changes over to.
    """
    ego = body_of(car, place.motion)
    half = car.half_width + CORRIDOR_MARGIN_M
    low, high = min(car.begin_offset, line_m), max(car.begin_offset, line_m)
    now = min(max(place.offset, low), high)
    right, left = min(now, line_m) - half, max(now, line_m) + half
    front = place.along + car.half_length
    gap, speed = math.inf, 0.0
    if counts.stop_m >= front:
        gap = counts.stop_m - front
    for k in range(counts.leads):
        if forecast.middle[step, k] <= place.along or forecast.rear[step, k] - front >= gap:
            continue
        if forecast.left[step, k] < right or forecast.right[step, k] > left:
            continue
        # What stands behind its middle is never ahead, wherever the route turns.
        dx, dy = forecast.lead_x[step, k] - ego.x, forecast.lead_y[step, k] - ego.y
        if dx * ego.cos + dy * ego.sin > 0.0:
            gap, speed = forecast.rear[step, k] - front, forecast.speed[step, k]
    if gap > LOOK_AHEAD_M:
        return math.inf, 0.0
    return gap, speed
