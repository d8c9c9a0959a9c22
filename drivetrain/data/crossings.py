"""Places where roads meet: intersections, with and without lights, and roundabouts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely

from drivetrain.data import lines, surface
from drivetrain.data.lines import Floats
from drivetrain.data.place_map import areas_of, lane_along
from drivetrain.data.places import (
    BEYOND_M,
    LIMITS_MPS,
    Place,
    Start,
    Strand,
    across_line,
    path,
    strip,
)
from drivetrain.sim.scenario import AreaKind, Lane, Path, Road, Stop

ARM_M = 240.0
LINE_M = 1.0
"""From a stop line to where the crossing's lanes begin."""


@dataclass(frozen=True, slots=True)
class _Arm:
    """One road into a crossing.  out: unit vector away from its middle.  lanes: each way."""

    out: Floats
    lanes: int
    lane_m: float
    box_m: float
    length_m: float = ARM_M

    def inbound(self, lane: int) -> Floats:
        """From far away to the crossing's box."""
        to_right = np.array([-self.out[1], self.out[0]])
        return self._lane(lane, to_right)[::-1]

    def outbound(self, lane: int) -> Floats:
        to_right = np.array([self.out[1], -self.out[0]])
        return self._lane(lane, to_right)

    def _lane(self, lane: int, to_right: Floats) -> Floats:
        way = np.arange(self.box_m, self.length_m, 1.0)[:, None]
        return np.asarray(self.out * way + to_right * (lane + 0.5) * self.lane_m)

    def outline(self, shoulder_m: float) -> Floats:
        half = self.lanes * self.lane_m + shoulder_m
        axis = np.stack([np.zeros(2), self.out * self.length_m])
        return strip(axis, half, -half)

    def end(self) -> Floats:
        axis = np.stack([np.zeros(2), self.out * self.length_m])
        half = self.lanes * self.lane_m + 3.0
        return across_line(axis, -1, np.array([half, -half]))


@dataclass(frozen=True, slots=True)
class _Way:
    """From a lane of one arm to the same lane of another, and the line between the two."""

    row: int
    other: int
    lane: int
    between_m: Floats

    def line(self, arms: Sequence[_Arm]) -> Floats:
        before, after = arms[self.row].inbound(self.lane), arms[self.other].outbound(self.lane)
        return np.concatenate([before, self.between_m, after])

    def connector(self, arms: Sequence[_Arm]) -> Floats:
        """The line between, with the points it connects."""
        before, after = arms[self.row].inbound(self.lane), arms[self.other].outbound(self.lane)
        return np.concatenate([before[-1:], self.between_m, after[:1]])


def intersection(rng: np.random.Generator) -> Place:
    """Three or four arms. Either the cross traffic waits at its lines, or a few cars cross."""
    return _crossing(rng, is_held=rng.random() < 0.6)


def traffic_lights(rng: np.random.Generator) -> Place:
    """Three or four arms whose lights let opposite arms drive in turn."""
    return _crossing(rng, is_held=False, has_lights=True)


def _crossing(rng: np.random.Generator, *, is_held: bool, has_lights: bool = False) -> Place:
    limit = float(rng.choice(LIMITS_MPS[:4]))
    arms = _arms(rng, int(rng.choice([3, 4, 4])), int(rng.integers(1, 3)))
    shoulder = rng.uniform(0.3, 1.0)
    ways = [way for row in range(len(arms)) for way in _turns(arms, row)]
    strands: list[Strand] = []
    starts: list[Start] = []
    for way in ways:
        row, line = way.row, way.line(arms)
        stop = lines.arc_length(arms[row].inbound(way.lane))[-1] - LINE_M
        waits = is_held and row in (1, 3)
        spawn = (stop - 130.0, lines.arc_length(line)[-1] - BEYOND_M)
        if row == 0:
            starts.append(Start(len(strands), (stop - 80.0, stop - 8.0)))
        elif row in (1, 3) or has_lights:
            spawn = (stop - 70.0, stop - (6.0 if has_lights else 0.0))
        driven = path(line, limit, 0.5 * arms[row].lane_m)
        if has_lights:
            driven = replace(driven, stops=(Stop(stop, row),))
        strands.append(Strand(driven, spawn, queue_m=stop if waits else None))
    fillet = rng.uniform(5.0, 8.0)
    drivable = surface.union([arm.outline(shoulder) for arm in arms], fillet_m=fillet)
    road = _road(arms, ways, [strand.path for strand in strands], drivable, limit)
    if has_lights:
        road = replace(_lit(road, ways, len(arms)), lights=len(arms))
    most = 20 if is_held or has_lights else 12
    phases = tuple(row % 2 for row in range(road.lights))
    return Place("", road, tuple(strands), tuple(starts), 5, most, phases)


def _road(
    arms: Sequence[_Arm],
    ways: Sequence[_Way],
    paths: Sequence[Path],
    drivable: shapely.Geometry,
    limit_mps: float,
) -> Road:
    """The road of a crossing: its edges, its lanes in and out, and its connectors."""
    lanes = _lanes(arms, ways, limit_mps)
    between = shapely.union_all(
        [shapely.Polygon(lane.outline_m).buffer(0) for lane in lanes if lane.is_connector]
    )
    middle = shapely.intersection(shapely.convex_hull(between), drivable)
    return Road(
        "",
        tuple(paths),
        surface.edges(drivable, [arm.end() for arm in arms]),
        lanes=tuple(lanes),
        areas=(*areas_of(drivable), *areas_of(middle, AreaKind.INTERSECTION)),
    )


def _lanes(arms: Sequence[_Arm], ways: Sequence[_Way], limit_mps: float) -> list[Lane]:
    """Inbound and outbound lanes arm by arm, then a connector for each way."""
    per_arm = 2 * arms[0].lanes
    first_connector = per_arm * len(arms)

    def inbound(row: int, lane: int) -> Lane:
        onward = tuple(
            first_connector + at
            for at, way in enumerate(ways)
            if (way.row, way.lane) == (row, lane)
        )
        line, width = arms[row].inbound(lane), arms[row].lane_m
        return lane_along(line, width, limit_mps, 2 * row, successors=onward)

    def outbound(row: int, lane: int) -> Lane:
        return lane_along(arms[row].outbound(lane), arms[row].lane_m, limit_mps, 2 * row + 1)

    lanes = [
        side(row, lane)
        for row, arm in enumerate(arms)
        for side in (inbound, outbound)
        for lane in range(arm.lanes)
    ]
    for way in ways:
        arm = arms[way.other]
        block = 2 * len(arms) + way.row * len(arms) + way.other
        onward = (per_arm * way.other + arm.lanes + way.lane,)
        line = way.connector(arms)
        lanes.append(
            lane_along(line, arm.lane_m, limit_mps, block, successors=onward, is_connector=True)
        )
    return lanes


def _lit(road: Road, ways: Sequence[_Way], arms: int) -> Road:
    """The same road whose connectors obey the light of the arm they come from."""
    first_connector = len(road.lanes) - len(ways)
    lit = [
        replace(lane, light=ways[at - first_connector].row) if at >= first_connector else lane
        for at, lane in enumerate(road.lanes)
    ]
    return replace(road, lanes=tuple(lit), lights=arms)


def _arms(rng: np.random.Generator, count: int, lanes: int) -> list[_Arm]:
    lane_m = rng.uniform(3.2, 3.8)
    box_m = lanes * lane_m + rng.uniform(6.0, 9.0)
    turn = rng.uniform(-math.pi, math.pi)
    angles = turn + np.arange(4)[:count] * math.pi / 2 + rng.uniform(-0.12, 0.12, count)
    return [_Arm(np.array([math.cos(a), math.sin(a)]), lanes, lane_m, box_m) for a in angles]


def _turns(arms: Sequence[_Arm], row: int) -> list[_Way]:
    """Every way from an arm: left from the left lane, right from the right."""
    found = []
    for other in range(len(arms)):
        quarter = (other - row) % 4
        lanes = {1: [arms[row].lanes - 1], 3: [0], 2: list(range(arms[row].lanes))}
        for lane in lanes.get(quarter, []):
            before, after = arms[row].inbound(lane), arms[other].outbound(lane)
            found.append(_Way(row, other, lane, _curved(before, after)))
    return found


def roundabout(rng: np.random.Generator) -> Place:
    """Arms with one lane each way around a ring that everybody circles to the left."""
    limit = float(rng.choice(LIMITS_MPS[:3]))
    radius, ring_m = rng.uniform(15.0, 24.0), rng.uniform(4.5, 6.0)
    arms = [replace(arm, box_m=radius + 16.0) for arm in _arms(rng, int(rng.choice([3, 4])), 1)]
    ways = [
        _Way(row, other, 0, _round(arms[row], arms[other], radius))
        for row in range(len(arms))
        for other in range(len(arms))
        if other != row or len(arms) == 3
    ]
    strands: list[Strand] = []
    starts: list[Start] = []
    outlines: list[Floats] = []
    for way in ways:
        arm, line = arms[way.row], way.line(arms)
        if way.row == 0:
            starts.append(Start(len(strands), (ARM_M - radius - 76.0, ARM_M - radius - 26.0)))
        spawn = (130.0, lines.arc_length(line)[-1] - BEYOND_M)
        strands.append(Strand(path(line, limit, 0.5 * arm.lane_m), spawn))
        outlines.append(strip(line[180:-180], 0.5 * arm.lane_m + 0.6, -0.5 * arm.lane_m - 0.6))
    angle = np.linspace(0.0, 2 * math.pi, 73)[:-1]
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    outlines += [arm.outline(0.5) for arm in arms]
    island = surface.union([ring * (radius - 0.5 * ring_m)])
    disc = surface.union([*outlines, ring * (radius + 0.5 * ring_m)], fillet_m=3.0)
    paths = [strand.path for strand in strands]
    road = _road(arms, ways, paths, disc.difference(island), limit)
    return Place("", road, tuple(strands), tuple(starts), 5, 9)


def _round(arm: _Arm, other: _Arm, radius_m: float) -> Floats:
    """Around the middle, from one arm's lane to another's."""
    before, after = arm.inbound(0), other.outbound(0)
    enter = math.atan2(arm.out[1], arm.out[0]) + 0.5
    leave = math.atan2(other.out[1], other.out[0]) - 0.5
    while leave < enter + 0.05:
        leave += 2 * math.pi
    angle = np.arange(enter, leave, 1.0 / radius_m)
    ring = radius_m * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if len(ring) < 3:
        return _curved(before, after)
    return np.concatenate([_curved(before, ring), ring, _curved(ring, after)])


def _curved(before_m: Floats, after_m: Floats) -> Floats:
    """The cubic that leads from one line's end to another's start, without their ends."""
    begin, end = before_m[-1], after_m[0]
    handle = 0.45 * np.hypot(*(end - begin))
    leave = (before_m[-1] - before_m[-2]) / np.hypot(*(before_m[-1] - before_m[-2]))
    join = (after_m[1] - after_m[0]) / np.hypot(*(after_m[1] - after_m[0]))
    t = np.linspace(0.0, 1.0, 26)[1:-1, None]
    near, far = begin + handle * leave, end - handle * join
    return np.asarray(
        (1 - t) ** 3 * begin
        + 3 * t * (1 - t) ** 2 * near
        + 3 * t**2 * (1 - t) * far
        + t**3 * end
    )
