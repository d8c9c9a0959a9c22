"""Made-up places to drive: roads with lanes, and who may drive where on them.

Every place is drawn at random within its family: curvature, widths, limits, numbers of lanes.
Traffic drives on the right. Lines are in metres, with a point about every metre.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from drivetrain.data import lines, surface
from drivetrain.data.lines import Floats
from drivetrain.sim.scenario import Path, Road

LIMITS_MPS = (8.33, 11.11, 13.89, 16.67, 22.22, 27.78)
LATERAL_MPS2 = 2.0
"""Sideways acceleration up to which the advised speed of a bend goes."""
APPROACH_MPS2 = 1.2
SECONDS = 16.0
BEHIND_M = 60.0
BEYOND_M = 120.0
ARM_M = 240.0


@dataclass(frozen=True, slots=True)
class Strand:
    """One driving line of a place, and the traffic that may begin on it.

    spawn_m: from where to where along the line.  weight: its share of the traffic.
    pace: least and most share of the limit that its drivers like.
    sure: vehicles that are placed before any other.
    queue_m: where the head of a standing queue is; such a strand has no other traffic.
    """

    path: Path
    spawn_m: tuple[float, float]
    weight: float = 1.0
    pace: tuple[float, float] = (0.7, 1.1)
    sure: int = 0
    queue_m: float | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Where the ego may begin: the row of a strand, and from where to where along it."""

    strand: int
    spawn_m: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """A road with its traffic's possibilities.  most: of other vehicles in one scenario."""

    type: str
    road: Road
    strands: tuple[Strand, ...]
    starts: tuple[Start, ...]
    fewest: int
    most: int


def draw(type_: str, name: str, rng: np.random.Generator) -> Place:
    """A new place of a family; `name` becomes its road's id."""
    place = FAMILIES[type_](rng)
    return replace(place, type=type_, road=replace(place.road, id=name))


# Roads along one line


@dataclass(frozen=True, slots=True)
class _Carriageway:
    """A line with lanes beside it: own lanes to its right (0 is next to it), oncoming left."""

    base_m: Floats
    limit_mps: float
    lane_m: float
    own: int
    oncoming: int
    shoulder_m: float

    def centre(self, lane: float) -> float:
        """The offset of a lane's centre, to the left of the line."""
        return -(lane + 0.5) * self.lane_m

    def path(self, offset_m: Floats | float) -> Path:
        return path(shifted(self.base_m, offset_m), self.limit_mps, 0.5 * self.lane_m)

    def outline(self) -> Floats:
        left = self.oncoming * self.lane_m + self.shoulder_m
        return strip(self.base_m, left, -self.own * self.lane_m - self.shoulder_m)

    def open_ends(self) -> list[Floats]:
        across = np.array([self.oncoming + 1.0, -self.own - 5.0]) * (self.lane_m + 2.0)
        return [across_line(self.base_m, end, across) for end in (0, -1)]

    def oncoming_strands(self) -> list[Strand]:
        reverse = [
            path(
                shifted(self.base_m, -self.centre(lane))[::-1], self.limit_mps, self.lane_m / 2
            )
            for lane in range(self.oncoming)
        ]
        length = lines.arc_length(self.base_m)[-1]
        return [Strand(line, (5.0, 0.8 * length), weight=0.6) for line in reverse]


def _straight(rng: np.random.Generator) -> Place:
    return _plain(_carriageway(rng, sharpness=0.0))


def _curve(rng: np.random.Generator) -> Place:
    return _plain(_carriageway(rng, sharpness=rng.uniform(0.4, 1.0)))


def _plain(ground: _Carriageway) -> Place:
    strands = [
        Strand(ground.path(ground.centre(lane)), (5.0, 300.0)) for lane in range(ground.own)
    ]
    starts = [Start(lane, (40.0, 70.0)) for lane in range(ground.own)]
    return _place(ground, [*strands, *ground.oncoming_strands()], starts, (5, 30))


def _cut_in(rng: np.random.Generator) -> Place:
    ground = _carriageway(rng, sharpness=rng.uniform(0.0, 0.4), own=int(rng.integers(2, 4)))
    mine = int(rng.integers(ground.own))
    beside = (
        mine + 1 if mine + 1 < ground.own and (mine == 0 or rng.random() < 0.5) else mine - 1
    )
    begin = rng.uniform(85.0, 120.0)
    over = rng.uniform(2.0, 3.5) * ground.limit_mps
    change = ground.path(_change(ground, (beside, mine), begin, over))
    cutter = Strand(change, (begin - 15.0, begin), weight=0.0, pace=(0.4, 0.8), sure=1)
    strands = [
        Strand(ground.path(ground.centre(lane)), (5.0, 300.0)) for lane in range(ground.own)
    ]
    start = Start(mine, (begin - 50.0, begin - 22.0))
    return _place(ground, [cutter, *strands], [replace(start, strand=1 + mine)], (5, 18))


def _lane_change(rng: np.random.Generator) -> Place:
    ground = _carriageway(rng, sharpness=rng.uniform(0.0, 0.5), own=int(rng.integers(2, 4)))
    strands = [
        Strand(ground.path(ground.centre(lane)), (5.0, 300.0)) for lane in range(ground.own)
    ]
    starts = []
    for here in range(ground.own):
        for there in {here - 1, here + 1} & set(range(ground.own)):
            begin = rng.uniform(70.0, 110.0)
            over = rng.uniform(2.5, 4.5) * ground.limit_mps
            line = ground.path(_change(ground, (here, there), begin, over))
            starts.append(Start(len(strands), (40.0, begin - 5.0)))
            strands.append(Strand(line, (5.0, 30.0), weight=0.0))
    return _place(ground, strands, starts, (5, 20))


def _stopped_queue(rng: np.random.Generator) -> Place:
    ground = _carriageway(rng, sharpness=rng.uniform(0.0, 0.6))
    head = rng.uniform(140.0, 260.0)
    lanes = [ground.path(ground.centre(lane)) for lane in range(ground.own)]
    strands = [
        Strand(line, (5.0, 300.0), queue_m=head + rng.uniform(-10.0, 10.0)) for line in lanes
    ]
    if rng.random() < 0.4:
        # A crawling queue instead of a standing one.
        strands = [Strand(line, (70.0, head), pace=(0.05, 0.2), sure=3) for line in lanes]
    starts = [Start(lane, (35.0, 60.0)) for lane in range(ground.own)]
    return _place(ground, [*strands, *ground.oncoming_strands()], starts, (5, 22))


def _merge(rng: np.random.Generator) -> Place:
    """A ramp comes from the right, runs beside the road for a while, and joins it."""
    ground = _carriageway(
        rng, sharpness=rng.uniform(0.0, 0.4), own=int(rng.integers(1, 4)), oncoming=0
    )
    s_m = lines.arc_length(ground.base_m)
    beside_m, far_m = rng.uniform(70.0, 110.0), rng.uniform(12.0, 25.0)
    change_m = beside_m + rng.uniform(20.0, 50.0)
    over_m = rng.uniform(2.5, 4.0) * ground.limit_mps
    ramp = ground.centre(ground.own) - far_m * (1.0 - _ease(s_m / beside_m))
    joined = ramp + ground.lane_m * _ease((s_m - change_m) / over_m)
    half = 0.5 * ground.lane_m + ground.shoulder_m
    # The extra lane narrows away while one leaves it.
    narrowing = ground.lane_m * _ease((s_m - change_m - 0.5 * over_m) / (0.5 * over_m))
    end = int(np.searchsorted(s_m, change_m + over_m))
    ramp_outline = np.concatenate(
        [
            shifted(ground.base_m, ramp + half)[:end],
            shifted(ground.base_m, ramp - half + narrowing)[:end][::-1],
        ]
    )
    strands = [
        Strand(ground.path(ground.centre(lane)), (5.0, 300.0)) for lane in range(ground.own)
    ]
    strands.append(Strand(ground.path(joined), (5.0, 0.8 * change_m), weight=0.6))
    starts = [Start(lane, (30.0, 65.0)) for lane in (ground.own, ground.own, ground.own - 1)]
    return _place(ground, strands, starts, (5, 18), extra=[ramp_outline])


def _place(
    ground: _Carriageway,
    strands: Sequence[Strand],
    starts: Sequence[Start],
    traffic: tuple[int, int],
    extra: Sequence[Floats] = (),
) -> Place:
    drivable = surface.union([ground.outline(), *extra])
    edges = surface.edges(drivable, ground.open_ends())
    road = Road("", tuple(strand.path for strand in strands), edges)
    return Place("", road, tuple(strands), tuple(starts), *traffic)


def _carriageway(
    rng: np.random.Generator,
    sharpness: float,
    own: int | None = None,
    oncoming: int | None = None,
) -> _Carriageway:
    limit = float(rng.choice(LIMITS_MPS))
    length = BEHIND_M + SECONDS * limit + BEYOND_M
    return _Carriageway(
        base_m=_bend(rng, length, limit, sharpness),
        limit_mps=limit,
        lane_m=rng.uniform(3.2, 3.8),
        own=int(rng.integers(1, 4)) if own is None else own,
        oncoming=int(rng.integers(0, 3)) if oncoming is None else oncoming,
        shoulder_m=rng.uniform(0.3, 1.2),
    )


def _bend(
    rng: np.random.Generator, length_m: float, limit_mps: float, sharpness: float
) -> Floats:
    """A line whose curvature swings at random, as far as the limit allows."""
    knots = np.arange(0.0, length_m + 90.0, 45.0)
    tightest = sharpness * min(LATERAL_MPS2 * 1.5 / limit_mps**2, 1 / 25.0)
    curvature = tightest * rng.uniform(-1.0, 1.0, len(knots))
    s_m = np.arange(0.0, length_m, 1.0)
    heading = rng.uniform(-math.pi, math.pi) + np.cumsum(np.interp(s_m, knots, curvature))
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    points = np.cumsum(steps, axis=0)
    return np.asarray(points - points[len(points) // 2])


def _change(
    ground: _Carriageway, lanes: tuple[int, int], begin_m: float, over_m: float
) -> Floats:
    """[points] the offset of a line that leaves one lane for another."""
    here, there = (ground.centre(lane) for lane in lanes)
    s_m = lines.arc_length(ground.base_m)
    return here + (there - here) * _ease((s_m - begin_m) / over_m)


# Crossings


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


def _intersection(rng: np.random.Generator) -> Place:
    """Three or four arms. Either the cross traffic waits at its lines, or a few cars cross."""
    limit = float(rng.choice(LIMITS_MPS[:4]))
    arms = _arms(rng, int(rng.choice([3, 4, 4])), int(rng.integers(1, 3)))
    shoulder = rng.uniform(0.3, 1.0)
    is_held = rng.random() < 0.6
    strands: list[Strand] = []
    starts: list[Start] = []
    for row, arm in enumerate(arms):
        waits = is_held and row in (1, 3)
        for lane, line in _turns(arms, row):
            stop = lines.arc_length(arm.inbound(lane))[-1] - 1.0
            length = lines.arc_length(line)[-1]
            if row == 0:
                starts.append(Start(len(strands), (stop - 80.0, stop - 8.0)))
            strands.append(
                Strand(
                    path(line, limit, 0.5 * arm.lane_m),
                    (stop - 130.0, length - BEYOND_M),
                    queue_m=stop if waits else None,
                )
            )
    drivable = surface.union(
        [arm.outline(shoulder) for arm in arms], fillet_m=rng.uniform(5.0, 8.0)
    )
    edges = surface.edges(drivable, [arm.end() for arm in arms])
    road = Road("", tuple(strand.path for strand in strands), edges)
    most = 20 if is_held else 8
    return Place("", road, tuple(strands), tuple(starts), 5, most)


def _arms(rng: np.random.Generator, count: int, lanes: int) -> list[_Arm]:
    lane_m = rng.uniform(3.2, 3.8)
    box_m = lanes * lane_m + rng.uniform(6.0, 9.0)
    turn = rng.uniform(-math.pi, math.pi)
    angles = turn + np.arange(4)[:count] * math.pi / 2 + rng.uniform(-0.12, 0.12, count)
    return [_Arm(np.array([math.cos(a), math.sin(a)]), lanes, lane_m, box_m) for a in angles]


def _turns(arms: Sequence[_Arm], row: int) -> list[tuple[int, Floats]]:
    """(lane, line) of every way from an arm: left from the left lane, right from the right."""
    found = []
    for other in range(len(arms)):
        quarter = (other - row) % 4
        lanes = {1: [arms[row].lanes - 1], 3: [0], 2: list(range(arms[row].lanes))}
        for lane in lanes.get(quarter, []):
            before, after = arms[row].inbound(lane), arms[other].outbound(lane)
            found.append((lane, np.concatenate([before, _curved(before, after), after])))
    return found


def _roundabout(rng: np.random.Generator) -> Place:
    """Arms with one lane each way around a ring that everybody circles to the left."""
    limit = float(rng.choice(LIMITS_MPS[:3]))
    radius, ring_m = rng.uniform(15.0, 24.0), rng.uniform(4.5, 6.0)
    arms = [replace(arm, box_m=radius + 16.0) for arm in _arms(rng, int(rng.choice([3, 4])), 1)]
    strands: list[Strand] = []
    starts: list[Start] = []
    outlines: list[Floats] = []
    for row, arm in enumerate(arms):
        for other in arms:
            if other is arm and len(arms) == 4:
                continue
            line = _round(arm, other, radius)
            if row == 0:
                starts.append(
                    Start(len(strands), (ARM_M - radius - 76.0, ARM_M - radius - 26.0))
                )
            strands.append(
                Strand(
                    path(line, limit, 0.5 * arm.lane_m),
                    (130.0, lines.arc_length(line)[-1] - BEYOND_M),
                )
            )
            outlines.append(
                strip(line[180:-180], 0.5 * arm.lane_m + 0.6, -0.5 * arm.lane_m - 0.6)
            )
    angle = np.linspace(0.0, 2 * math.pi, 73)[:-1]
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    outlines += [arm.outline(0.5) for arm in arms]
    island = surface.union([ring * (radius - 0.5 * ring_m)])
    disc = surface.union([*outlines, ring * (radius + 0.5 * ring_m)], fillet_m=3.0)
    edges = surface.edges(disc.difference(island), [arm.end() for arm in arms])
    road = Road("", tuple(strand.path for strand in strands), edges)
    return Place("", road, tuple(strands), tuple(starts), 5, 9)


def _round(arm: _Arm, other: _Arm, radius_m: float) -> Floats:
    """In by one arm, around the middle, out by another."""
    before, after = arm.inbound(0), other.outbound(0)
    enter = math.atan2(arm.out[1], arm.out[0]) + 0.5
    leave = math.atan2(other.out[1], other.out[0]) - 0.5
    while leave < enter + 0.05:
        leave += 2 * math.pi
    angle = np.arange(enter, leave, 1.0 / radius_m)
    ring = radius_m * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if len(ring) < 3:
        return np.concatenate([before, _curved(before, after), after])
    return np.concatenate([before, _curved(before, ring), ring, _curved(ring, after), after])


# Lines


def path(points_m: Floats, limit_mps: float, half_width_m: float) -> Path:
    """A line with its limit, lowered to what its bends advise, and before them to brake."""
    even = lines.resampled(points_m[lines.without_repeats(points_m, 0.05)], 1.0)
    line = lines.smoothed(even, 2)
    spacing = lines.arc_length(line)[-1] / (len(line) - 1)
    curvature = np.abs(np.diff(np.unwrap(lines.headings(line)), append=np.nan)) / spacing
    curvature[-1] = curvature[-2]
    limit = np.minimum(limit_mps, np.sqrt(LATERAL_MPS2 / np.maximum(curvature, 1e-6)))
    for at in range(len(limit) - 2, -1, -1):
        limit[at] = min(limit[at], math.sqrt(limit[at + 1] ** 2 + 2 * APPROACH_MPS2 * spacing))
    return Path(line, np.full(len(line), half_width_m), limit)


def shifted(base_m: Floats, offset_m: Floats | float) -> Floats:
    """The line beside a line, to the left by some offset at each point."""
    heading = lines.headings(base_m)
    left = np.stack([-np.sin(heading), np.cos(heading)], axis=1)
    return np.asarray(base_m + left * np.broadcast_to(offset_m, len(base_m))[:, None])


def strip(base_m: Floats, left_m: float, right_m: float) -> Floats:
    """The outline between two offsets of a line."""
    return np.concatenate([shifted(base_m, left_m), shifted(base_m, right_m)[::-1]])


def across_line(base_m: Floats, end: int, offsets_m: Floats) -> Floats:
    """[2, 2] the line across a line's first (0) or last (-1) point."""
    return np.stack([shifted(base_m, offset)[end] for offset in offsets_m])


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


def _ease(part: Floats) -> Floats:
    """0 before 0, 1 after 1, smooth between."""
    inside = np.clip(part, 0.0, 1.0)
    return np.asarray(inside**2 * (3.0 - 2.0 * inside))


FAMILIES: dict[str, Callable[[np.random.Generator], Place]] = {
    "straight": _straight,
    "curve": _curve,
    "merge": _merge,
    "intersection": _intersection,
    "cut_in": _cut_in,
    "stopped_queue": _stopped_queue,
    "lane_change": _lane_change,
    "roundabout": _roundabout,
}
"""A new place of each type."""
