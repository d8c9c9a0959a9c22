"""The PDM-Closed-style planner in plain Python: one world, every proposal driven to its end.

It looks for a body's place on the route along the whole route, at every body in every step, and
at every edge of the road; only formulas that have tests of their own are shared. The direction
of lanes is left out: it has a test of its own.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from drivetrain.sim.collide import (
    boxes_touch,
    collision_reason,
    edge_crosses,
    time_to_collision,
)
from drivetrain.sim.dynamics import Motion, advance, most_curvature, wanted, yaw_rate
from drivetrain.sim.road import paths_of, point_at, project_from, project_near
from drivetrain.sim.scenario import Category, Signal
from drivetrain.sim.state import Body
from drivetrain.sim.world import Worlds

STEPS, DT = 40, 0.1
NUMBER_OF_PROPOSALS = 15


@dataclass
class Drive:
    """What came of one proposal."""

    aside: float
    share: float
    factor: float = 1.0
    objects: int = 0
    progress: float = 0.0
    is_clear: bool = True
    hit_s: float = math.inf
    failed_s: float = math.inf
    first: tuple[float, float] = (math.nan, math.nan)
    motions: list[Motion] = field(default_factory=list)


class PlainPdm:
    """World w as it is now, and what to do in it."""

    def __init__(self, worlds: Worlds, w: int) -> None:
        s, b, d, e, p = worlds.scenarios, *worlds.state[:4]
        self.paths = paths_of(s)
        self.route = (int(d.start[w, 0]), int(d.points[w, 0]))
        self.begin = (float(d.along[w, 0]), float(d.offset[w, 0]))
        self.wheel_base, self.rear = float(e.wheel_base[w]), float(e.rear_to_centre[w])
        self.half = (float(b.half_length[w, 0]), float(b.half_width[w, 0]))
        columns = (e.rear_x, e.rear_y, e.heading, e.speed, e.acceleration, e.steering)
        self.motion = Motion(*(float(column[w]) for column in columns))
        self.others = [
            (Body(*(float(column[w, j]) for column in b[:8])), int(b.category[w, j]))
            for j in range(1, int(p.slots[w]))
            if b.present[w, j]
        ]
        scenario = int(p.scenario[w])
        road = int(s.road[scenario])
        rows = range(int(s.first_edge[road]), int(s.first_edge[road + 1]))
        self.edges = [
            tuple(float(c[row]) for c in (s.edge_x0, s.edge_y0, s.edge_x1, s.edge_y1))
            for row in rows
        ]
        self.ways = [self._way(body) for body, _ in self.others]
        self.stop_m = self._stop(worlds, scenario, int(p.step[w]))
        self.drives = [self._drive(number) for number in range(NUMBER_OF_PROPOSALS)]

    def _stop(self, worlds: Worlds, scenario: int, step: int) -> float:
        s, route = worlds.scenarios, int(worlds.scenarios.route[scenario])
        closed = [math.inf]
        shown = s.signal[s.first_signal[scenario] : s.first_signal[scenario + 1]]
        shown = shown.reshape(-1, s.steps[scenario])
        for row in range(int(s.first_stop[route]), int(s.first_stop[route + 1])):
            away = float(s.stop_m[row]) - self.begin[0] - self.half[0]
            light = shown[s.stop_light[row], step]
            in_time = self.motion.speed**2 / 6.0 <= away
            if away >= 0 and (light == Signal.RED or (light == Signal.YELLOW and in_time)):
                closed.append(float(s.stop_m[row]))
        return min(closed)

    def _body(self, motion: Motion) -> Body:
        cos, sin = math.cos(motion.heading), math.sin(motion.heading)
        x, y = motion.x + self.rear * cos, motion.y + self.rear * sin
        return Body(x, y, cos, sin, motion.speed * cos, motion.speed * sin, *self.half)

    def _way(self, body: Body) -> list[tuple[float, float, bool]]:
        """(along, aside, found) of a body at every step of the plan.

        Each is sought from the last one; the first, or one that is lost, from the nearest point
        of the route's next 200.
        """
        start, points = self.route
        rows = np.arange(int(self.begin[0]), min(points, int(self.begin[0]) + 200))
        way = [(0.0, 0.0, False)]
        for step in range(STEPS + 1):
            x, y = body.x + body.vx * step * DT, body.y + body.vy * step * DT
            last, _, found = way[-1]
            place = project_from(self.paths, start, points, last, (x, y)) if found else way[0]
            if place[2]:
                way.append(place)
                continue
            away = np.hypot(x - self.paths.x[start + rows], y - self.paths.y[start + rows])
            nearest = float(rows[away.argmin()])
            way.append(project_from(self.paths, start, points, nearest, (x, y)))
        return way[1:]

    def _lead(
        self, step: int, ego: Body, drive: Drive, along: float, offset: float
    ) -> tuple[float, float]:
        low, high = sorted((self.begin[1], drive.aside))
        now, half = min(max(offset, low), high), ego.half_width + 0.3
        front = along + ego.half_length
        leads = [(self.stop_m - front, 0.0)] if self.stop_m >= front else []
        for (body, _), way in zip(self.others, self.ways, strict=True):
            other, (middle, aside, found) = _later(body, step * DT), way[step]
            is_ahead = (other.x - ego.x) * ego.cos + (other.y - ego.y) * ego.sin > 0
            if not found or middle <= along or not is_ahead:
                continue
            at = self.route[0] + min(int(middle), self.route[1] - 1)
            ux, uy = float(self.paths.cos[at]), float(self.paths.sin[at])
            cos, sin = (
                abs(ux * other.cos + uy * other.sin),
                abs(ux * other.sin - uy * other.cos),
            )
            reach = sin * other.half_length + cos * other.half_width
            if min(now, drive.aside) - half <= aside + reach and aside - reach <= (
                max(now, drive.aside) + half
            ):
                rear = middle - cos * other.half_length - sin * other.half_width
                leads.append((rear - front, max(0.0, ux * other.vx + uy * other.vy)))
        nearest = min(leads, default=(math.inf, 0.0), key=lambda lead: lead[0])
        return nearest if nearest[0] <= 80.0 else (math.inf, 0.0)

    def _throttle(
        self, speed: float, share: float, along: float, gap: float, v: float
    ) -> float:
        row = self.route[0] + min(int(along), self.route[1] - 1)
        limit = float(self.paths.limit[row])
        pace = float(self.paths.pace[row])
        desired = min(share * (15.0 if math.isnan(limit) else limit), pace)
        wish = 1.0 + max(0.0, speed * 1.5 + speed * (speed - v) / (2 * math.sqrt(4.5)))
        a = 1.5 * (1 - (speed / max(desired, 0.1)) ** 10 - (wish / max(gap, 1.0)) ** 2)
        a = min(max(a, -3.0), 1.5)
        return a / (2.39 if a > 0 else 4.04)

    def _turn(self, motion: Motion, aside: float, along: float, offset: float) -> float:
        reach = max(4.0, self.rear + 0.5 * motion.speed)
        at = along - self.rear + reach
        x, y, cos, sin = point_at(self.paths, *self.route, at)
        ease = 0.75 * (reach / max(motion.speed, 1.0)) ** 2
        aim = offset + min(max(aside - offset, -ease), ease)
        to = complex(x - aim * sin, y + aim * cos)
        seen = (to - complex(motion.x, motion.y)) * complex(
            math.cos(motion.heading), -math.sin(motion.heading)
        )
        curvature = 2 * seen.imag / max(abs(seen) ** 2, 1.0)
        most: float = most_curvature(motion.speed)
        return min(max(curvature / most, -1.0), 1.0)

    def _drive(self, number: int) -> Drive:
        drive = Drive(number // 5 - 1.0, (number % 5 + 1) / 5)
        motion, (along, offset) = self.motion, self.begin
        drive.motions.append(motion)
        ego = self._body(motion)
        met = [boxes_touch(ego, other) for other, _ in self.others]
        was_on = not any(edge_crosses(ego, edge) for edge in self.edges)  # type: ignore[arg-type]
        step = 0
        while step < STEPS and along < self.route[1] - 1 and drive.factor > 0:
            gap, speed = self._lead(step, self._body(motion), drive, along, offset)
            throttle = self._throttle(motion.speed, drive.share, along, gap, speed)
            turn = self._turn(motion, drive.aside, along, offset)
            drive.first = drive.first if step else (throttle, turn)
            wish = wanted(throttle, turn, motion.speed, self.wheel_base)
            motion, step = advance(motion, *wish, self.wheel_base), step + 1
            drive.motions.append(motion)
            ego = self._body(motion)
            along, offset = project_near(self.paths, *self.route, along, (ego.x, ego.y))
            self._meet(drive, ego, met, step, along, offset)
            is_on = not any(edge_crosses(ego, edge) for edge in self.edges)  # type: ignore[arg-type]
            if was_on and not is_on:
                drive.factor, drive.failed_s = 0.0, step * DT
            was_on = was_on or is_on
        drive.progress = along - self.begin[0] + motion.speed * (STEPS - step) * DT
        return drive

    def _meet(
        self, drive: Drive, ego: Body, met: list[bool], step: int, along: float, offset: float
    ) -> None:
        row = self.route[0] + min(max(int(along), 0), self.route[1] - 1)
        room = float(self.paths.half_width[row]) - abs(offset) - ego.half_width
        for number, (other, category) in enumerate(self.others):
            body = _later(other, step * DT)
            if met[number]:
                continue
            if boxes_touch(ego, body):
                met[number] = True
                if not collision_reason(ego, self.rear, body, category, room)[1]:
                    continue
                drive.hit_s = min(drive.hit_s, step * DT)
                is_object = category == Category.STATIC
                drive.objects += is_object
                drive.factor = 0.5 if is_object and drive.objects < 2 else 0.0
                if drive.factor == 0.0:
                    drive.failed_s = step * DT
                    return
                continue
            seen = (
                complex(body.x - ego.x, body.y - ego.y) * complex(ego.cos, -ego.sin) + self.rear
            )
            off = abs(math.degrees(math.atan2(seen.imag, seen.real)))
            soon = time_to_collision(ego, body) <= 0.9
            if off < (30 if room >= 0 else 150) and soon and math.hypot(ego.vx, ego.vy) > 0.005:
                drive.is_clear = False

    def _is_comfortable(self, drive: Drive) -> bool:
        along = np.array([motion.acceleration for motion in drive.motions])
        speed = np.array([motion.speed for motion in drive.motions])
        turning = np.array(
            [yaw_rate(m.speed, m.steering, self.wheel_base) for m in drive.motions]
        )
        # The first state is the same for all.
        rest = slice(1, None)
        return bool(
            np.all((along[rest] > -4.05) & (along[rest] < 2.4))
            and np.all(np.abs(_slopes(along, 15)[rest]) < 4.13)
            and np.all(np.abs(speed * turning)[rest] < 4.89)
            and np.all(np.abs(turning[rest]) < 0.95)
            and np.all(np.abs(_slopes(turning, 5)[rest]) < 1.93)
        )

    def scores(self) -> list[float]:
        """What every proposal is worth, NaN for those that fail."""
        farthest = max(drive.progress * drive.factor for drive in self.drives)
        scores = []
        for drive in self.drives:
            share = drive.progress * drive.factor / farthest if farthest > 0.1 else 1.0
            parts = 5 * max(share, 0.0) + 5 * drive.is_clear + 2 * self._is_comfortable(drive)
            score = drive.factor * parts / 12 - 0.005 * abs(drive.aside)
            scores.append(score if drive.factor > 0 else math.nan)
        return scores


def _later(body: Body, seconds: float) -> Body:
    return body._replace(x=body.x + body.vx * seconds, y=body.y + body.vy * seconds)


def _slopes(values: np.ndarray, window: int) -> np.ndarray:
    """Slopes per second of straight lines through windows, held at both ends."""
    size = min(window, len(values))
    lines = [
        np.polyfit(np.arange(size) * DT, values[first : first + size], 1)[0]
        for first in range(len(values) - size + 1)
    ]
    middle = np.clip(np.arange(len(values)) - size // 2, 0, len(lines) - 1)
    return np.array(lines)[middle]
