"""The driving lines of a nuPlan recording: the ego's routes, and where traffic would go on.

The ego's line runs through the lanes it drove in its 15 s, and on along the roadblocks of its
route, as far as the map shows them. A vehicle's line runs through all lanes that its track
drove, however long it was seen, so that all scenarios of a recording share it.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import lane_match, lines
from drivetrain.data.converters.nuplan_checks import Others
from drivetrain.data.converters.nuplan_cut import Cut
from drivetrain.data.lines import Floats
from drivetrain.sim.scenario import Category, Path

EVERY = 4
"""Of the rows at 20 Hz, those that are matched."""
STANDS_M = 0.5
IN_LANE_M = 1.0
IN_LANE_RAD = 0.3
"""A vehicle that never moves drives off only from the middle of a lane, along it."""


def route_of(cut: Cut, track: Floats, roadblocks: Collection[str]) -> Path | str:
    """The line that the ego should follow, or why there is none.

    track: [steps, 5] as x, y, heading, vx, vy.  roadblocks: ids of its route, of either kind.
    """
    lanes = _guided(cut, roadblocks)
    stays = _stays(cut, lanes, track)
    if not stays:
        return "no_route"
    line = lane_match.driving_line(lanes, stays, _speed(track))
    if not lane_match.is_sane(line.path, track[:, :2], track[:, 2]):
        return "leaves_its_lanes"
    return line.as_route(track[:, :2])


def lines_of(cut: Cut, others: Others, wanted: Collection[int]) -> dict[int, Path]:
    """The line of every wanted track that has one; all the others can only replay."""
    first = np.searchsorted(others.track, np.arange(len(others.category) + 1))
    found = {}
    for track in sorted(wanted):
        if others.category[track] != Category.VEHICLE:
            continue
        state = others.state[first[track] : first[track + 1]].copy()
        state[:, :2] -= cut.origin_m
        rows = np.unique(np.r_[np.arange(0, len(state), EVERY), len(state) - 1])
        line = _line(cut, state[rows])
        if line is not None:
            found[track] = line
    return found


def desired_mps(path: Path | None, fastest_mps: float, free_mps: float) -> float:
    """NaN where the line has limits; else what was driven, or what is usual."""
    if path is None or bool(np.isfinite(path.limit_mps).all()):
        return float("nan")
    return max(fastest_mps, free_mps)


def _line(cut: Cut, track: Floats) -> Path | None:
    stands = bool(np.hypot(*np.ptp(track[:, :2], axis=0)) < STANDS_M)
    if stands:
        # Parked cars are many, and one look is enough.
        track = track[[0, -1]]
    stays = _stays(cut, cut.matchable, track)
    if not stays or (stands and not _is_in_lane(stays[0].lane, track)):
        return None
    line = lane_match.driving_line(cut.matchable, stays, _speed(track)).path
    return line if lane_match.is_sane(line, track[:, :2], track[:, 2]) else None


def _stays(
    cut: Cut, lanes: Mapping[str, lane_match.Lane], track: Floats
) -> list[lane_match.Stay]:
    """The lanes a track drove, as `lanes` has them."""
    near = cut.near(track[:, :2])
    if not near:
        return []
    stays = lane_match.match(near, track[:, :2], track[:, 2])
    return [replace(stay, lane=lanes[stay.lane.id]) for stay in stays]


def _is_in_lane(lane: lane_match.Lane, track: Floats) -> bool:
    _, away_m, facing = lines.project(lane.centre_m, track[:1, :2])
    turned_away = np.abs(lines.turned(track[0, 2] - facing))
    return bool(away_m[0] < IN_LANE_M and turned_away[0] < IN_LANE_RAD)


def _guided(cut: Cut, roadblocks: Collection[str]) -> Mapping[str, lane_match.Lane]:
    """The lanes, with only those successors that keep to the route, where there are any."""
    if not roadblocks:
        return cut.matchable
    on_route = {
        lane.name for lane in cut.lanes if lane.roadblock.partition("/")[2] in roadblocks
    }
    return {name: _kept(lane, on_route) for name, lane in cut.matchable.items()}


def _kept(lane: lane_match.Lane, on_route: set[str]) -> lane_match.Lane:
    kept = tuple(name for name in lane.successors if name in on_route)
    return replace(lane, successors=kept) if kept else lane


def _speed(track: NDArray[np.float64]) -> float:
    return float(np.hypot(track[:, 3], track[:, 4]).mean())
