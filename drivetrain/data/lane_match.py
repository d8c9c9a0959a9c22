"""Which lanes a track drove, and the driving line through them.

A hidden Markov model over lanes (Newson and Krumm 2009): a sample costs its lateral distance
and its heading difference, a change of lane costs more than a successor, and a jump most.
The cheapest sequence becomes one line, continued along successors so that a driver who
follows it can look ahead beyond the track's end.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np

from drivetrain.data import lines, viterbi
from drivetrain.data.driving_line import DrivingLine
from drivetrain.data.lane import Lane
from drivetrain.data.line_pieces import LinePieces
from drivetrain.data.lines import Floats
from drivetrain.sim.scenario import Path

__all__ = ["BEYOND_MAP_M", "Lane", "Stay", "driving_line", "is_sane", "match"]

SAMPLE_EVERY = 2
"""Steps between the samples that are matched."""

HEADING_SCALE_RAD = 0.35
SUCCESSOR_COST = 0.1
LANE_CHANGE_COST = 4.0
JUMP_COST = 40.0
FAR_COST = 60.0
MAX_HOPS = 3
"""Successors passed between two samples; some lanes are shorter than a step."""

LOOK_AHEAD_M = 150.0
LOOK_BACK_M = 15.0
BEYOND_MAP_M = 100.0
"""Straight on where the map ends, as real traffic leaves it instead of stopping there."""

LANE_CHANGE_S = 3.0
SHORTEST_CHANGE_M = 15.0
SHORTEST_PART_M = 0.5
MAX_AWAY_M = 3.5
MAX_MEDIAN_AWAY_M = 1.5
MAX_TURNED_AWAY_RAD = 0.8


@dataclass(frozen=True, slots=True)
class Stay:
    """A time that a track spent in one lane, with the way along its centre line."""

    lane: Lane
    from_m: float
    to_m: float
    is_lane_change: bool


def match(lanes: Mapping[str, Lane], positions_m: Floats, headings_rad: Floats) -> list[Stay]:
    """The lanes a track drove, in order.  positions_m: [steps, 2].  headings_rad: [steps].

    Empty where no lane is near.  Successors and neighbours that are not among the lanes count
    as none.
    """
    steps = np.unique(np.r_[np.arange(0, len(positions_m), SAMPLE_EVERY), len(positions_m) - 1])
    samples_m, facing_rad = positions_m[steps], headings_rad[steps]
    names = _within_reach(lanes, samples_m)
    if not names:
        return []
    ways = lines.project_on_each([lanes[name].pieces for name in names], samples_m)
    half_width_m = np.array([lanes[name].typical_half_width_m for name in names])
    cost = _misfit(half_width_m, ways, facing_rad)
    near = np.flatnonzero(cost.min(axis=1) < FAR_COST)
    if not len(near):
        return []
    moves = _transition_costs([lanes[names[at]] for at in near], lanes)
    sequence = near[viterbi.cheapest(cost[near], moves)]
    passed_m = ways[0][sequence, np.arange(len(samples_m))]
    return _stays(lanes, [names[lane] for lane in sequence], passed_m.tolist())


def driving_line(
    lanes: Mapping[str, Lane], stays: Sequence[Stay], speed_mps: float
) -> DrivingLine:
    """One line through the lanes that were driven, and on along their successors.

    It has a stop where it enters a lane with a light.
    """
    line = _Line(lanes)
    line.look_back(stays[0])
    change_m = max(SHORTEST_CHANGE_M, LANE_CHANGE_S * speed_mps)
    for at, stay in enumerate(stays):
        line.add(stay.lane, *_driven(stays, at, change_m))
    line.look_ahead(stays[-1])
    path = line.pieces.as_path()
    return DrivingLine(path, lines.arc_length(path.points_m)[-1] - line.beyond_m)


def is_sane(path: Path, positions_m: Floats, headings_rad: Floats) -> bool:
    """Whether a track keeps to a line, in place and in direction."""
    _, away_m, facing = lines.project(path.points_m, positions_m)
    turned_away = np.abs(lines.turned(headings_rad - facing))
    return bool(
        away_m.max() < MAX_AWAY_M
        and lines.middle(away_m) < MAX_MEDIAN_AWAY_M
        and lines.middle(turned_away) < MAX_TURNED_AWAY_RAD
    )


def _driven(stays: Sequence[Stay], at: int, change_m: float) -> tuple[float, float]:
    """From where to where the line follows a lane's centre.

    A change of lane leaves a gap in both lanes; the straight line across it is the change.
    """
    stay = stays[at]
    begin = stay.from_m - LOOK_BACK_M if at == 0 else 0.0
    if stay.is_lane_change:
        begin = stay.from_m + 0.5 * change_m
    if at + 1 == len(stays):
        return begin, stay.to_m + LOOK_AHEAD_M
    if stays[at + 1].is_lane_change:
        return begin, stay.to_m - 0.5 * change_m
    return begin, stay.lane.length_m


def _within_reach(lanes: Mapping[str, Lane], samples_m: Floats) -> list[str]:
    """The lanes that could explain some sample, by their corners alone."""
    if not lanes:
        return []
    corners_m = np.stack([lane.corners_m for lane in lanes.values()])
    half_width_m = np.array([lane.typical_half_width_m for lane in lanes.values()])
    reach_m = math.sqrt(FAR_COST) * half_width_m[:, None]
    is_near = (corners_m[:, 0] - reach_m <= samples_m.max(axis=0)) & (
        corners_m[:, 1] + reach_m >= samples_m.min(axis=0)
    )
    return sorted(name for name, near in zip(lanes, is_near.all(axis=1), strict=True) if near)


def _misfit(
    half_width_m: Floats, ways: tuple[Floats, Floats, Floats], facing_rad: Floats
) -> Floats:
    """[lanes, samples] how badly each lane explains each sample.  half_width_m: [lanes]."""
    _, away_m, along_rad = ways
    turned_away = np.abs(lines.turned(facing_rad - along_rad)) / HEADING_SCALE_RAD
    return np.minimum((away_m / half_width_m[:, None]) ** 2 + turned_away**2, FAR_COST)


def _transition_costs(near: Sequence[Lane], lanes: Mapping[str, Lane]) -> Floats:
    """[near, near] what it costs to be in another lane at the next sample."""
    index = {lane.id: at for at, lane in enumerate(near)}
    costs = np.full((len(near), len(near)), JUMP_COST)
    for at, lane in enumerate(near):
        for name in lane.neighbours:
            _lower(costs, at, index.get(name), LANE_CHANGE_COST)
            for after in _onward(lanes, name):
                _lower(costs, at, index.get(after), LANE_CHANGE_COST + SUCCESSOR_COST)
        reached = [lane.id]
        for hop in range(1, MAX_HOPS + 1):
            reached = [name for here in reached for name in _onward(lanes, here)]
            for name in reached:
                _lower(costs, at, index.get(name), hop * SUCCESSOR_COST)
        costs[at, at] = 0.0
    return costs


def _onward(lanes: Mapping[str, Lane], name: str) -> list[str]:
    """The successors of a lane, as far as they are known."""
    return (
        [after for after in lanes[name].successors if after in lanes] if name in lanes else []
    )


def _lower(costs: Floats, row: int, column: int | None, cost: float) -> None:
    if column is not None:
        costs[row, column] = min(costs[row, column], cost)


def _stays(lanes: Mapping[str, Lane], names: list[str], ways_m: list[float]) -> list[Stay]:
    """Runs of equal lanes, with the lanes in between that no sample fell into."""
    stays: list[Stay] = []
    for name, run in groupby(zip(names, ways_m, strict=True), key=itemgetter(0)):
        passed_m = [way_m for _, way_m in run]
        between = _between(lanes, stays[-1].lane.id, name) if stays else ()
        passed = [lanes[other] for other in between or ()]
        stays += [Stay(lane, 0.0, lane.length_m, is_lane_change=False) for lane in passed]
        is_change = bool(stays) and between is None
        stays.append(Stay(lanes[name], passed_m[0], max(passed_m), is_change))
    return stays


def _between(lanes: Mapping[str, Lane], here: str, there: str) -> tuple[str, ...] | None:
    """The successors passed on the way, or None where the way is no way of successors."""
    ways: list[tuple[str, ...]] = [(here,)]
    for _ in range(MAX_HOPS):
        ways = [(*way, name) for way in ways for name in _onward(lanes, way[-1])]
        for way in ways:
            if way[-1] == there:
                return way[1:-1]
    return None


def _straightest(lanes: Sequence[Lane], heading_rad: float) -> Lane:
    """The lane that turns away least from a heading."""
    if len(lanes) == 1:
        return lanes[0]
    return min(lanes, key=lambda lane: (_bend(lane, heading_rad), lane.id))


def _bend(lane: Lane, heading_rad: float) -> float:
    return float(np.abs(lines.turned(lane.headings_rad - heading_rad)).max())


class _Line:
    """A line that is led from lane to lane."""

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        self.pieces = LinePieces()
        self.beyond_m = 0.0
        self._lanes = lanes
        self._lane: Lane | None = None

    def add(self, lane: Lane, from_m: float, to_m: float) -> None:
        """Appends a part of a lane's centre line; a part without length is left out."""
        begin, end = max(0.0, from_m), min(lane.length_m, to_m)
        self._enter(lane, begin)
        if end - begin < min(SHORTEST_PART_M, lane.length_m):
            return
        is_whole = begin == 0 and end == lane.length_m
        self.pieces.add(*(lane.whole if is_whole else lane.part(begin, end)), lane.limit_mps)

    def look_back(self, first: Stay) -> None:
        """Begins one lane earlier where the track begins at a lane's start."""
        missing_m = LOOK_BACK_M - first.from_m
        before = [lane for lane in self._lanes.values() if first.lane.id in lane.successors]
        if missing_m > 0 and before:
            lane = _straightest(before, first.lane.headings_rad[0])
            self.add(lane, lane.length_m - missing_m, lane.length_m)

    def look_ahead(self, last: Stay) -> None:
        """Goes on along the straightest successors, and straight on where the map ends."""
        lane = last.lane
        if self.pieces.is_empty:
            # A change of lane left a gap as long as everything that was driven.
            self.add(lane, 0.0, lane.length_m)
        left_m = LOOK_AHEAD_M - (lane.length_m - last.to_m)
        while left_m > 0:
            onward = [self._lanes[name] for name in lane.successors if name in self._lanes]
            if not onward:
                self.pieces.add_straight(BEYOND_MAP_M)
                self.beyond_m = BEYOND_MAP_M
                return
            lane = _straightest(onward, lane.headings_rad[-1])
            self.add(lane, 0.0, max(left_m, 1.0))
            left_m -= lane.length_m

    def _enter(self, lane: Lane, begin_m: float) -> None:
        """Puts a stop line where a lit lane begins, `begin_m` before the line is in it.

        None where the line begins in it, comes from a lane beside it (which has passed its own
        stop line), or goes on under the same light.
        """
        before, self._lane = self._lane, lane
        if before is None or lane.light in {-1, before.light} or lane.id in before.neighbours:
            return
        self.pieces.add_stop(lane.light, begin_m)
