"""Places along one road: straights, bends, queues, changes of lane, cars that cut in, ramps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drivetrain.data import lines, surface
from drivetrain.data.lines import Floats
from drivetrain.data.place_map import areas_of, lane_along
from drivetrain.data.places import (
    BEYOND_M,
    LATERAL_MPS2,
    LIMITS_MPS,
    Place,
    Start,
    Strand,
    across_line,
    path,
    shifted,
    strip,
)
from drivetrain.sim.scenario import Lane, Path, Road

SECONDS = 16.0
BEHIND_M = 60.0


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

    def lanes(self) -> list[Lane]:
        """Own lanes, the leftmost first, then the oncoming ones; a roadblock each way."""
        ways = [(shifted(self.base_m, self.centre(lane)), 0) for lane in range(self.own)]
        ways += [
            (shifted(self.base_m, -self.centre(lane))[::-1], 1) for lane in range(self.oncoming)
        ]
        return [lane_along(line, self.lane_m, self.limit_mps, block) for line, block in ways]

    def oncoming_strands(self) -> list[Strand]:
        reverse = [
            path(
                shifted(self.base_m, -self.centre(lane))[::-1], self.limit_mps, self.lane_m / 2
            )
            for lane in range(self.oncoming)
        ]
        length = lines.arc_length(self.base_m)[-1]
        return [Strand(line, (5.0, 0.8 * length), weight=0.6) for line in reverse]


def straight(rng: np.random.Generator) -> Place:
    """A straight road with up to three lanes a way."""
    return _plain(_carriageway(rng, sharpness=0.0))


def curve(rng: np.random.Generator) -> Place:
    """A road that bends as far as its limit allows."""
    return _plain(_carriageway(rng, sharpness=rng.uniform(0.4, 1.0)))


def _plain(ground: _Carriageway) -> Place:
    strands = [
        Strand(ground.path(ground.centre(lane)), (5.0, 300.0)) for lane in range(ground.own)
    ]
    starts = [Start(lane, (40.0, 70.0)) for lane in range(ground.own)]
    return _place(ground, [*strands, *ground.oncoming_strands()], starts, (5, 30))


def cut_in(rng: np.random.Generator) -> Place:
    """A slow car from the next lane comes before the ego."""
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


def lane_change(rng: np.random.Generator) -> Place:
    """A route that leads from one lane to another."""
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


def stopped_queue(rng: np.random.Generator) -> Place:
    """The lanes ahead are full of cars that stand or crawl."""
    ground = _carriageway(rng, sharpness=rng.uniform(0.0, 0.6))
    # Near enough that the ego arrives: it begins at about 50 m.
    head = rng.uniform(110.0, min(250.0, 90.0 + 10.0 * ground.limit_mps))
    lanes = [ground.path(ground.centre(lane)) for lane in range(ground.own)]
    strands = [
        Strand(line, (5.0, 300.0), queue_m=head + rng.uniform(-10.0, 10.0)) for line in lanes
    ]
    if rng.random() < 0.4:
        # A crawling queue instead of a standing one.
        strands = [Strand(line, (70.0, head), pace=(0.05, 0.2), sure=5) for line in lanes]
    starts = [Start(lane, (35.0, 60.0)) for lane in range(ground.own)]
    return _place(ground, [*strands, *ground.oncoming_strands()], starts, (5, 22))


def merge(rng: np.random.Generator) -> Place:
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
    place = _place(ground, strands, starts, (5, 18), extra=[ramp_outline])
    beside = lane_along(
        shifted(ground.base_m, ramp)[:end],
        ground.lane_m,
        ground.limit_mps,
        block=2,
        successors=(ground.own - 1,),
    )
    return replace(place, road=replace(place.road, lanes=(*place.road.lanes, beside)))


def _place(
    ground: _Carriageway,
    strands: Sequence[Strand],
    starts: Sequence[Start],
    traffic: tuple[int, int],
    extra: Sequence[Floats] = (),
) -> Place:
    drivable = surface.union([ground.outline(), *extra])
    edges = surface.edges(drivable, ground.open_ends())
    road = Road(
        "",
        tuple(strand.path for strand in strands),
        edges,
        lanes=tuple(ground.lanes()),
        areas=areas_of(drivable),
    )
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


def _ease(part: Floats) -> Floats:
    """0 before 0, 1 after 1, smooth between."""
    inside = np.clip(part, 0.0, 1.0)
    return np.asarray(inside**2 * (3.0 - 2.0 * inside))
