"""Places where roads meet: intersections and roundabouts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drivetrain.data import lines, surface
from drivetrain.data.lines import Floats
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
from drivetrain.sim.scenario import Road

ARM_M = 240.0


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


def intersection(rng: np.random.Generator) -> Place:
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
            spawn = (stop - 130.0, length - BEYOND_M)
            if row == 0:
                starts.append(Start(len(strands), (stop - 80.0, stop - 8.0)))
            elif row in (1, 3):
                spawn = (stop - 70.0, stop)
            strands.append(
                Strand(
                    path(line, limit, 0.5 * arm.lane_m),
                    spawn,
                    queue_m=stop if waits else None,
                )
            )
    drivable = surface.union(
        [arm.outline(shoulder) for arm in arms], fillet_m=rng.uniform(5.0, 8.0)
    )
    edges = surface.edges(drivable, [arm.end() for arm in arms])
    road = Road("", tuple(strand.path for strand in strands), edges)
    most = 20 if is_held else 12
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


def roundabout(rng: np.random.Generator) -> Place:
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
