"""State to observation, row by row. Meanings, offsets and scales: `layout.py`."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import compiled
from drivetrain.sim.layout import (
    ACCELERATION_MPS2,
    CATEGORIES,
    CLOSING_LEAST_GAP_M,
    CLOSING_PER_S,
    EDGE_HALF_M,
    LANE_SCALE_M,
    POSITION_M,
    ROUTE_SPACING_M,
    SIZE_M,
    SPEED_MPS,
    STEERING_RAD,
    YAW_RATE_RADPS,
)
from drivetrain.sim.road import Paths, point_at, row_at
from drivetrain.sim.scenario import EDGE_RADIUS_M, Signal
from drivetrain.sim.state import Body
from drivetrain.sim.traffic import LOOK_AHEAD_M, PLANNER, UNKNOWN_LIMIT_MPS, stops_at

Row = NDArray[np.float32]
Edge = tuple[float, float, float, float]
_RED, _YELLOW, _GREEN = int(Signal.RED), int(Signal.YELLOW), int(Signal.GREEN)


class EgoView(NamedTuple):
    """What the ego row is made of.  lead_gap is inf where nothing is ahead; see `obstacle`."""

    speed: float
    acceleration: float
    steering: float
    yaw_rate: float
    along: float
    offset: float
    lead_gap: float
    lead_speed: float


@compiled
def clipped(value: float) -> float:
    """The value between -1 and 1."""
    return min(max(value, -1.0), 1.0)


@compiled
def obstacle(
    lead: tuple[float, float], line: tuple[float, int], speed_mps: float
) -> tuple[float, float]:
    """(gap in m, speed along the route) of what to stop behind first, a body or a stop line.

    lead: that of the body.  line: its gap and its signal.  A closed line is a car that stands,
    as it is for the drivers that go by rules: who learns to keep behind others need not learn
    lights, which are rarer, a second time.
    """
    gap, signal = line
    closed = gap < lead[0] and stops_at(signal, gap, speed_mps, PLANNER)
    return (gap, 0.0) if closed else lead


@compiled
def write_ego(out: Row, paths: Paths, route: tuple[int, int], ego: Body, view: EgoView) -> None:
    """The first row; route: its (start, points)."""
    _, _, cos, sin = point_at(paths, route[0], route[1], view.along)
    at = row_at(route[0], route[1], view.along)
    limit = np.float64(paths.limit[at])
    nothing_ahead = math.isinf(view.lead_gap)
    out[0] = clipped(view.speed / SPEED_MPS)
    out[1] = clipped(view.acceleration / ACCELERATION_MPS2)
    out[2] = clipped(view.steering / STEERING_RAD)
    out[3] = clipped(view.yaw_rate / YAW_RATE_RADPS)
    out[4] = clipped(view.offset / LANE_SCALE_M)
    out[5] = clipped(cos * ego.cos + sin * ego.sin)
    out[6] = clipped(cos * ego.sin - sin * ego.cos)
    out[7] = clipped((UNKNOWN_LIMIT_MPS if math.isnan(limit) else limit) / SPEED_MPS)
    out[8] = clipped(paths.half_width[at] / LANE_SCALE_M)
    out[9] = 1.0 if nothing_ahead else clipped(max(view.lead_gap, 0.0) / LOOK_AHEAD_M)
    out[10] = 1.0 if nothing_ahead else clipped(view.lead_speed / SPEED_MPS)
    gap = max(view.lead_gap, CLOSING_LEAST_GAP_M)
    closing = 0.0 if nothing_ahead else (view.speed - view.lead_speed) / gap
    out[11] = clipped(closing / CLOSING_PER_S)
    out[12] = clipped(np.float64(paths.pace[at]) / SPEED_MPS)


@compiled
def write_agent(out: Row, at: int, ego: Body, other: Body, category: int) -> None:
    """The row of one other, from `at` on."""
    dx, dy = other.x - ego.x, other.y - ego.y
    vx, vy = other.vx - ego.vx, other.vy - ego.vy
    out[at] = clipped((dx * ego.cos + dy * ego.sin) / POSITION_M)
    out[at + 1] = clipped((dy * ego.cos - dx * ego.sin) / POSITION_M)
    out[at + 2] = clipped(ego.cos * other.cos + ego.sin * other.sin)
    out[at + 3] = clipped(ego.cos * other.sin - ego.sin * other.cos)
    out[at + 4] = clipped((vx * ego.cos + vy * ego.sin) / SPEED_MPS)
    out[at + 5] = clipped((vy * ego.cos - vx * ego.sin) / SPEED_MPS)
    out[at + 6] = clipped(2.0 * other.half_length / SIZE_M)
    out[at + 7] = clipped(2.0 * other.half_width / SIZE_M)
    out[at + 8] = (category + 1.0) / CATEGORIES


@compiled
def write_route(
    out: Row,
    at: int,
    paths: Paths,
    route: tuple[int, int, float],
    number: int,
    ego: Body,
) -> None:
    """The row of the route's point `number` (from 0); route: (start, points, along_m)."""
    distance = ROUTE_SPACING_M * (number + 1)
    x, y, cos, sin = point_at(paths, route[0], route[1], route[2] + distance)
    dx, dy = x - ego.x, y - ego.y
    out[at] = clipped((dx * ego.cos + dy * ego.sin) / distance)
    out[at + 1] = clipped((dy * ego.cos - dx * ego.sin) / distance)
    out[at + 2] = clipped(ego.cos * cos + ego.sin * sin)
    out[at + 3] = clipped(ego.cos * sin - ego.sin * cos)


@compiled
def write_boundary(out: Row, at: int, ego: Body, edge: Edge) -> None:
    """The row of one piece of road edge."""
    dx, dy = (edge[0] + edge[2]) * 0.5 - ego.x, (edge[1] + edge[3]) * 0.5 - ego.y
    ux, uy = edge[2] - edge[0], edge[3] - edge[1]
    length = math.sqrt(ux * ux + uy * uy)
    out[at] = clipped((dx * ego.cos + dy * ego.sin) / EDGE_RADIUS_M)
    out[at + 1] = clipped((dy * ego.cos - dx * ego.sin) / EDGE_RADIUS_M)
    out[at + 2] = clipped((ux * ego.cos + uy * ego.sin) / length)
    out[at + 3] = clipped((uy * ego.cos - ux * ego.sin) / length)
    out[at + 4] = clipped(0.5 * length / EDGE_HALF_M)
    out[at + 5] = 1.0


@compiled
def write_light(out: Row, at: int, gap_m: float, signal: int) -> None:
    """The route's next stop line; gap_m is inf where there is none."""
    out[at] = 1.0 if math.isinf(gap_m) else clipped(gap_m / LOOK_AHEAD_M)
    out[at + 1] = 1.0 if signal == _RED else 0.0
    out[at + 2] = 1.0 if signal == _YELLOW else 0.0
    out[at + 3] = 1.0 if signal == _GREEN else 0.0
