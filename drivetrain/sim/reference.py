"""One world in the plainest Python: what a step means, without a thought of speed.

It looks at everything: every pair of bodies, every road edge, no grid, no shortcut.
The kernels must agree with it step by step. A rule changes here first; the kernels follow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.actions import MOST_DELTA_M, MOST_DELTA_RAD, unscaled
from drivetrain.sim.angles import unit_vector
from drivetrain.sim.chance import (
    Sight,
    desired_drawn,
    episode_key,
    is_missed,
    manner_drawn,
    seen_body,
    seen_lead,
)
from drivetrain.sim.collide import (
    boxes_touch,
    collision_reason,
    collision_span,
    edge_crosses,
    time_to_collision,
)
from drivetrain.sim.config import STEP_S, EnvironmentSettings
from drivetrain.sim.dynamics import (
    DIRECT,
    FILTERED,
    PACIFICA_LENGTH_M,
    PACIFICA_REAR_TO_CENTRE_M,
    PACIFICA_WHEEL_BASE_M,
    Motion,
    advance_with,
    displaced,
    wanted,
    yaw_rate,
)
from drivetrain.sim.layout import LAYOUTS
from drivetrain.sim.observe import (
    EgoView,
    obstacle,
    write_agent,
    write_boundary,
    write_ego,
    write_light,
    write_route,
)
from drivetrain.sim.proposals import PROPOSER, proposal_control, proposal_lead
from drivetrain.sim.reward import (
    Parts,
    Weights,
    acceleration_in_the_middle,
    comfort_factor,
    lane_factor,
    route_share,
    speed_factor,
    total,
    ttc_factor,
)
from drivetrain.sim.road import (
    ROUTE_END_M,
    offset_at,
    paths_of,
    point_at,
    project_anywhere,
    project_near,
)
from drivetrain.sim.scenario import (
    EDGE_RADIUS_M,
    PATH_SPACING_M,
    Category,
    ScenarioArrays,
    Signal,
)
from drivetrain.sim.score.episode import Chassis, Expert
from drivetrain.sim.score.log import EpisodeLog
from drivetrain.sim.score.meeting import (
    LAST_SAMPLE,
    TTC_STANDS_MPS,
    bearing,
    group_of,
    sampled,
)
from drivetrain.sim.score.terms import Terms
from drivetrain.sim.state import Body, EndReason, Phase
from drivetrain.sim.traffic import (
    AGENT,
    ENTRY_GAP_M,
    ENTRY_GAP_S,
    LOOK_AHEAD_M,
    OFFSET_DECAY_M,
    STRAY_M,
    Follower,
    desired_speed,
    drive_on,
    idm_acceleration,
    is_too_near,
    lead_in_corridor,
    stops_at,
)

Edge = tuple[float, float, float, float]


class Outcome(NamedTuple):
    """What one step showed.

    observation: [size], of the state before any reset.  terms: of the score, at the end.
    """

    observation: NDArray[np.float32]
    reward: float
    parts: Parts
    end_reason: EndReason
    collided: bool
    at_fault: bool
    off_road: bool
    red_lights: int
    terms: Terms | None


class Entry(NamedTuple):
    """Whose episode begins, by the row of the agents table, and at which step of the scene."""

    agent: int
    step: int


@dataclass
class Agent:
    """One other: a path follower (points > 0), or a replay of its log."""

    row: int
    path: int
    start: int
    points: int
    desired_mps: float
    category: int
    half_length: float
    half_width: float
    phase: Phase = Phase.WAITING
    body: Body | None = None
    along: float = 0.0
    offset: float = 0.0
    speed: float = 0.0
    touched: bool = False

    def follower(self, body: Body) -> Follower:
        """Itself as somebody who follows its path."""
        return _follower(body, self.start, self.points, self.along, self.offset)


class ReferenceWorld:
    """One scenario, from its start; it does not begin another."""

    def __init__(
        self,
        scenarios: ScenarioArrays,
        settings: EnvironmentSettings,
        scenario: int,
        *,
        seed: int = 0,
        world: int = 0,
        entry: Entry | None = None,
    ) -> None:
        """The episode is the first.

        seed, world: for the chance that the settings ask for.  entry: who is driven and from
        when, by default the scenario's ego from the start.
        """
        self._key = np.uint64(episode_key(np.uint64(seed), world, 0))
        self._scenarios, self._paths = scenarios, paths_of(scenarios)
        self._settings, self._scenario = settings, scenario
        self._layout = LAYOUTS[settings.observation]
        last = int(scenarios.steps[scenario]) - 1
        self._last_step = max(min(settings.horizon, last), 1)
        own, self._step = entry or Entry(int(scenarios.ego[scenario]), 0)
        self._collided = self._at_fault = self._off_road = False
        self._red_lights = 0
        self._begin_ego(own)
        rows = range(*(int(row) for row in scenarios.first_agent[scenario : scenario + 2]))
        self._agents = [self._agent(row) for row in rows if row != own]
        for other in self._agents:
            self._replay(other)
            self._try_to_enter(other)
        self._lead = self._find_lead(self._ego_follower())
        road = int(scenarios.road[scenario])
        self._has_lanes = scenarios.first_lane[road] < scenarios.first_lane[road + 1]
        self._log = EpisodeLog()
        self._note_frame()

    # Beginning

    def _begin_ego(self, row: int) -> None:
        s, first = self._scenarios, int(self._scenarios.first_frame[row])
        frame = first + self._step - int(s.start_step[row])
        is_ego = row == s.ego[self._scenario]
        route = int(s.route[self._scenario]) if is_ego else int(s.agent_path[row])
        length, heading = float(s.length[row]), float(s.heading[frame])
        self._half_length, self._half_width = 0.5 * length, 0.5 * float(s.width[row])
        self._wheel_base = PACIFICA_WHEEL_BASE_M * length / PACIFICA_LENGTH_M
        self._rear_to_centre = PACIFICA_REAR_TO_CENTRE_M * length / PACIFICA_LENGTH_M
        cos, sin = math.cos(heading), math.sin(heading)
        self._motion = Motion(
            float(s.x[frame]) - self._rear_to_centre * cos,
            float(s.y[frame]) - self._rear_to_centre * sin,
            heading,
            max(0.0, float(s.vx[frame]) * cos + float(s.vy[frame]) * sin),
            0.0,
            0.0,
        )
        self._yaw_rate = self._yaw_acceleration = self._jerk = 0.0
        self._velocity = (self._motion.speed * cos, self._motion.speed * sin)
        self._start = int(s.first_point[route])
        self._points = int(s.first_point[route + 1]) - self._start
        ego = self._ego_body()
        place, facing = (ego.x, ego.y), (ego.cos, ego.sin)
        self._along = entry = float(s.entry_m[row])
        if frame != first:
            route_rows = (self._start, self._points)
            self._along, _ = project_anywhere(self._paths, *route_rows, place, facing)
        self._offset = offset_at(self._paths, self._start, self._points, self._along, place)
        self._begin_m, self._best_m = self._along, 0.0
        self._expert_m = max(0.0, float(s.driven_m[row]) - (self._along - entry))

    def _agent(self, row: int) -> Agent:
        s = self._scenarios
        drives = self._settings.traffic == "idm" and s.category[row] == Category.VEHICLE
        path = int(s.agent_path[row]) if drives else -1
        start = int(s.first_point[path]) if path >= 0 else 0
        agent = Agent(
            row=row,
            path=path,
            start=start,
            points=int(s.first_point[path + 1]) - start if path >= 0 else 0,
            desired_mps=float(s.desired_mps[row]),
            category=int(s.category[row]),
            half_length=0.5 * float(s.length[row]),
            half_width=0.5 * float(s.width[row]),
        )
        if s.first_frame[row] == s.first_frame[row + 1]:
            agent.phase = Phase.GONE
        return agent

    # Bodies

    def _ego_body(self) -> Body:
        m = self._motion
        cos, sin = math.cos(m.heading), math.sin(m.heading)
        return Body(
            m.x + self._rear_to_centre * cos,
            m.y + self._rear_to_centre * sin,
            cos,
            sin,
            *self._velocity,
            self._half_length,
            self._half_width,
        )

    def _ego_follower(self) -> Follower:
        body = self._ego_body()
        return _follower(body, self._start, self._points, self._along, self._offset)

    def _others(self) -> list[tuple[Agent, Body]]:
        return [(agent, agent.body) for agent in self._agents if agent.body is not None]

    def _find_lead(self, me: Follower) -> tuple[float, float]:
        """(gap, speed) of the nearest body in the corridor; the first of equals."""
        bodies = [self._ego_body(), *(body for _, body in self._others())]
        return min(
            (lead_in_corridor(self._paths, me, body) for body in bodies),
            key=lambda lead: lead[0],
        )

    # The others

    def _logged(self, agent: Agent, frame: int) -> Body:
        s = self._scenarios
        return Body(
            float(s.x[frame]),
            float(s.y[frame]),
            *unit_vector(float(s.heading[frame])),
            float(s.vx[frame]),
            float(s.vy[frame]),
            agent.half_length,
            agent.half_width,
        )

    def _replay(self, agent: Agent) -> None:
        if agent.points > 0:
            return
        s, since = self._scenarios, self._step - int(self._scenarios.start_step[agent.row])
        frame = int(s.first_frame[agent.row]) + since
        is_logged = since >= 0 and frame < s.first_frame[agent.row + 1] and s.valid[frame]
        agent.body = self._logged(agent, frame) if is_logged else None

    def _try_to_enter(self, agent: Agent) -> None:
        """A path follower appears at its first logged pose, once there is room for it."""
        s = self._scenarios
        is_due = agent.phase is Phase.WAITING and self._step >= s.start_step[agent.row]
        if agent.points == 0 or not is_due:
            return
        body = self._logged(agent, int(s.first_frame[agent.row]))
        speed = math.sqrt(body.vx * body.vx + body.vy * body.vy)
        needed = body._replace(half_length=body.half_length + ENTRY_GAP_M + ENTRY_GAP_S * speed)
        present = [self._ego_body(), *(other for _, other in self._others())]
        if self._step > 0 and any(boxes_touch(needed, other) for other in present):
            return
        agent.along = float(s.entry_m[agent.row])
        agent.offset = offset_at(
            self._paths, agent.start, agent.points, agent.along, (body.x, body.y)
        )
        agent.speed, agent.phase = speed, Phase.DRIVING
        self._place_on_path(agent)

    def _place_on_path(self, agent: Agent) -> None:
        if agent.along >= (agent.points - 1) * PATH_SPACING_M:
            agent.phase, agent.body = Phase.GONE, None
            return
        x, y, cos, sin = point_at(self._paths, agent.start, agent.points, agent.along)
        slope = -agent.offset / OFFSET_DECAY_M
        norm = 1.0 / math.sqrt(1.0 + slope * slope)
        ux, uy = (cos - slope * sin) * norm, (sin + slope * cos) * norm
        agent.body = Body(
            x - agent.offset * sin,
            y + agent.offset * cos,
            ux,
            uy,
            agent.speed * ux,
            agent.speed * uy,
            agent.half_length,
            agent.half_width,
        )

    def _leave_logs(self) -> None:
        """In mixed traffic, who would hit somebody off the log drives by its path from now."""
        off_log = [self._ego_body()]
        off_log += [body for agent, body in self._others() if agent.points > 0]
        leaving = []
        for agent, body in self._others():
            if not self._may_leave(agent):
                continue
            me = self._on_own_path(agent, body)
            if abs(me.offset) > STRAY_M:
                continue
            speed = math.sqrt(body.vx * body.vx + body.vy * body.vy)
            leads = [lead_in_corridor(self._paths, me, other) for other in off_log]
            if any(is_too_near(speed, gap, lead, AGENT) for gap, lead in leads):
                leaving.append((agent, me, speed))
        for agent, me, speed in leaving:
            self._take_path(agent, me)
            agent.speed, agent.phase = speed, Phase.DRIVING

    def _may_leave(self, agent: Agent) -> bool:
        is_vehicle = agent.category == Category.VEHICLE
        has_path = bool(self._scenarios.agent_path[agent.row] >= 0)
        is_mixed = self._settings.traffic == "mixed"
        return is_mixed and agent.points == 0 and is_vehicle and has_path

    def _on_own_path(self, agent: Agent, body: Body) -> Follower:
        s, path = self._scenarios, int(self._scenarios.agent_path[agent.row])
        start = int(s.first_point[path])
        points = int(s.first_point[path + 1]) - start
        where, facing = (body.x, body.y), (body.cos, body.sin)
        place = project_anywhere(self._paths, start, points, where, facing)
        return _follower(body, start, points, *place)

    def _take_path(self, agent: Agent, me: Follower) -> None:
        agent.path = int(self._scenarios.agent_path[agent.row])
        agent.start, agent.points = me.start, me.points
        agent.along, agent.offset = me.along, me.offset

    def _hold_back(self, agent: Agent) -> None:
        """In mixed traffic, who would appear where somebody off the log is waits to enter."""
        is_new = self._step > 0 and self._step == self._scenarios.start_step[agent.row]
        if agent.body is None or not is_new or not self._may_leave(agent):
            return
        body = agent.body
        gap = ENTRY_GAP_M + ENTRY_GAP_S * math.sqrt(body.vx * body.vx + body.vy * body.vy)
        needed = body._replace(half_length=body.half_length + gap)
        off_log = [self._ego_body()]
        off_log += [other for each, other in self._others() if each.points > 0]
        if any(boxes_touch(needed, other) for other in off_log):
            self._take_path(agent, self._on_own_path(agent, body))
            agent.body = None

    def _decision(self, agent: Agent) -> float:
        """A path follower's acceleration."""
        if agent.points == 0 or agent.body is None:
            return 0.0
        gap, lead = self._find_lead(agent.follower(agent.body))
        desired = agent.desired_mps
        if math.isnan(desired):
            desired = desired_speed(self._paths, agent.start, agent.points, agent.along)
        slot, vary = 1 + self._agents.index(agent), self._settings.randomize.agents
        manner = manner_drawn(self._key, slot, vary)
        desired = desired_drawn(desired, self._key, slot, vary)
        decided = idm_acceleration(agent.speed, desired, gap, lead, manner)
        front = agent.along + agent.half_length
        gap, signal = self._line_ahead(agent.path, front, self._step - 1)
        if not stops_at(signal, gap, agent.speed, manner):
            return decided
        return min(decided, idm_acceleration(agent.speed, desired, gap, 0.0, manner))

    # Lights

    def _stops(self, path: int) -> list[tuple[float, int]]:
        """The path's stop lines: (where along it, number of the light)."""
        s = self._scenarios
        rows = slice(int(s.first_stop[path]), int(s.first_stop[path + 1]))
        along, lights = s.stop_m[rows].astype(float).tolist(), s.stop_light[rows].tolist()
        return list(zip(along, lights, strict=True))

    def _shown(self, light: int, step: int) -> Signal:
        s, scenario = self._scenarios, self._scenario
        rows = slice(int(s.first_signal[scenario]), int(s.first_signal[scenario + 1]))
        return Signal(s.signal[rows].reshape(-1, int(s.steps[scenario]))[light, step])

    def _line_ahead(self, path: int, front_m: float, step: int) -> tuple[float, Signal]:
        """(gap, signal) of the next stop line before somebody's front, as far as one looks."""
        lines = [(at - front_m, light) for at, light in self._stops(path) if at > front_m]
        gap, light = min(lines, key=lambda line: line[0], default=(math.inf, -1))
        if gap > LOOK_AHEAD_M:
            return math.inf, Signal.NONE
        return gap, self._shown(light, step)

    def _own_line(self, step: int) -> tuple[float, Signal]:
        route = int(self._scenarios.route[self._scenario])
        return self._line_ahead(route, self._along + self._half_length, step)

    def _red_lines(self, old_front_m: float, new_front_m: float, step: int) -> list[float]:
        """The route's lines between two places that showed red at a step."""
        stops = self._stops(int(self._scenarios.route[self._scenario]))
        return [
            at
            for at, light in stops
            if old_front_m < at <= new_front_m and self._shown(light, step) is Signal.RED
        ]

    def _experts_red_lines(self) -> set[float]:
        """The lines that the expert crossed on red."""
        s, row = self._scenarios, int(self._scenarios.ego[self._scenario])
        along, lines = float(s.entry_m[row]), set[float]()
        frames = range(int(s.first_frame[row]), int(s.first_frame[row + 1]))
        for step, frame in enumerate(frames[1:]):
            if s.valid[frame]:
                before, where = along, (float(s.x[frame]), float(s.y[frame]))
                along, _ = project_near(self._paths, self._start, self._points, along, where)
                fronts = (before + self._half_length, along + self._half_length)
                lines |= set(self._red_lines(*fronts, step))
        return lines

    def _move_agents(self, accelerations: list[float]) -> None:
        for agent, acceleration in zip(self._agents, accelerations, strict=True):
            self._replay(agent)
            if agent.points > 0 and agent.phase is Phase.DRIVING:
                agent.along, agent.offset, agent.speed = drive_on(
                    agent.along, agent.offset, agent.speed, acceleration
                )
                self._place_on_path(agent)
        for agent in self._agents:
            self._hold_back(agent)
        for agent in self._agents:
            self._try_to_enter(agent)

    # The ego

    def _move_ego(self, action: Sequence[float]) -> None:
        old, before, sizes = self._motion, self._ego_body(), self._sizes()
        old_yaw_rate = self._yaw_rate
        if self._settings.actions == "delta":
            ahead, aside = (unscaled(part, MOST_DELTA_M) for part in action[:2])
            by = (ahead, aside, unscaled(action[2], MOST_DELTA_RAD))
            self._motion = displaced(old, by, sizes)
            self._yaw_rate = by[2] / STEP_S
            body = self._ego_body()
            self._velocity = ((body.x - before.x) / STEP_S, (body.y - before.y) / STEP_S)
        else:
            lags = DIRECT if self._settings.actuators == "direct" else FILTERED
            acceleration, steering = self._control(action)
            m = advance_with(lags, old, acceleration, steering, self._wheel_base)
            self._motion = m
            self._yaw_rate = yaw_rate(m.speed, m.steering, self._wheel_base)
            self._velocity = (m.speed * math.cos(m.heading), m.speed * math.sin(m.heading))
        self._jerk = (self._motion.acceleration - old.acceleration) / STEP_S
        self._yaw_acceleration = (self._yaw_rate - old_yaw_rate) / STEP_S
        body = self._ego_body()
        old_front = self._along + self._half_length
        self._along, self._offset = project_near(
            self._paths, self._start, self._points, self._along, (body.x, body.y)
        )
        front = self._along + self._half_length
        crossed = set(self._red_lines(old_front, front, self._step - 1))
        self._red_lights += len(crossed - self._experts_red_lines()) if crossed else 0

    def _sizes(self) -> tuple[float, float]:
        return self._wheel_base, self._rear_to_centre

    def _control(self, action: Sequence[float]) -> tuple[float, float]:
        """The acceleration and steering angle that an action asks for."""
        if self._settings.actions == "bicycle":
            return wanted(action[0], action[1], self._motion.speed, self._wheel_base)
        number, me = int(action[0]), self._ego_follower()
        leads = (proposal_lead(self._paths, me, body, number) for _, body in self._others())
        lead = min(leads, key=lambda lead: lead[0], default=(math.inf, 0.0))
        gap, signal = self._own_line(self._step - 1)
        if stops_at(signal, gap, self._motion.speed, PROPOSER) and gap < lead[0]:
            lead = (gap, 0.0)
        return proposal_control(self._paths, me, self._motion, self._sizes(), number, lead)

    def step(self, *action: float) -> Outcome:
        """One step: everybody decides on the old state, moves, and is judged in the new one."""
        self._step += 1
        self._leave_logs()
        accelerations = [self._decision(agent) for agent in self._agents]
        self._move_ego(action)
        self._move_agents(accelerations)
        return self._judged()

    def _judged(self) -> Outcome:
        """What the step showed, once everybody has moved."""
        self._lead = self._find_lead(self._ego_follower())
        # Who was run into before is not run into again, nor ahead of the ego any more.
        time_to_collision = self._time_to_collision()
        self._note_frame()
        failure, at_fault = self._collision()
        self._at_fault |= at_fault
        if any(edge_crosses(self._ego_body(), edge) for edge in self._edges()):
            self._log.crosses()
            failure = EndReason.OFF_ROAD if failure is EndReason.NONE else failure
        reason = self._end_reason(failure)
        terms = None if reason is EndReason.NONE else self._terms()
        parts = self._judge(failure, reason, time_to_collision)
        weights = (getattr(self._settings.reward, name) for name in Weights._fields)
        reward = total(parts, Weights(*weights))
        failures = (self._collided, self._at_fault, self._off_road, self._red_lights)
        return Outcome(self.observation(), reward, parts, reason, *failures, terms)

    # Judging

    def _collision(self) -> tuple[EndReason, bool]:
        """The first new collision, or the first one that is the ego's fault."""
        ego, found = self._ego_body(), (EndReason.NONE, False)
        room = float(self._paths.half_width[self._route_row()])
        room = room - abs(self._offset) - ego.half_width
        for agent, body in self._others():
            if not agent.touched and boxes_touch(ego, body):
                agent.touched = True
                reason, is_own = self._run_into(ego, body, agent.category, room)
                if found[0] is EndReason.NONE or (is_own and not found[1]):
                    found = (EndReason(reason), is_own)
        return found

    def _run_into(
        self, ego: Body, other: Body, category: int, room_m: float
    ) -> tuple[int, bool]:
        """On a road with lanes, whose fault a side collision is shows at the end."""
        room = -1.0 if self._has_lanes else room_m
        reason, is_own = collision_reason(ego, self._rear_to_centre, other, category, room)
        is_open = self._has_lanes and reason == EndReason.COLLISION_SIDE
        if is_own:
            self._log.hit(group_of(category), is_open=is_open)
        return reason, is_own and not is_open

    def _note_frame(self) -> None:
        """The ego's numbers, and how soon it will meet those ahead of it and beside it."""
        m, ego, ahead, beside = self._motion, self._ego_body(), [math.inf], [math.inf]
        for agent, body in self._others():
            if m.speed <= TTC_STANDS_MPS or agent.touched or boxes_touch(ego, body):
                continue
            seconds = sampled(collision_span(ego, _going_on(body)), LAST_SAMPLE)
            is_ahead, is_behind = bearing(ego, self._rear_to_centre, body)
            if is_ahead:
                ahead.append(seconds)
            elif not is_behind:
                beside.append(seconds)
        own = (m.x, m.y, m.heading, m.speed, m.acceleration, self._yaw_rate)
        self._log.frame(*own, min(ahead), min(beside))

    def _terms(self) -> Terms:
        chassis = Chassis(self._half_length, self._half_width, self._rear_to_centre)
        s, road = self._scenarios, int(self._scenarios.road[self._scenario])
        blocks = slice(*(int(row) for row in s.first_block[self._scenario :][:2]))
        at = int(s.first_expert[self._scenario]) + self._last_step
        along = float(s.expert_along_m[at]) if s.block_lane[blocks].size else 0.0
        expert = Expert(s.block_lane[blocks], along)
        terms, at_fault = self._log.terms(self._scenarios, road, expert, chassis)
        self._at_fault |= at_fault
        return terms

    def _end_reason(self, failure: EndReason) -> EndReason:
        if failure is not EndReason.NONE and self._settings.on_failure == "stop":
            return failure
        if self._red_lights > 0 and self._settings.red_light == "stop":
            return EndReason.RED_LIGHT
        if self._along >= (self._points - 1) * PATH_SPACING_M - ROUTE_END_M:
            return EndReason.ROUTE_END
        return EndReason.TIME if self._step >= self._last_step else EndReason.NONE

    def _time_to_collision(self) -> float:
        """Seconds until the ego meets somebody whose middle is ahead of its own."""
        ego = self._ego_body()
        ahead = [
            time_to_collision(ego, _going_on(body))
            for agent, body in self._others()
            if not agent.touched
            and (body.x - ego.x) * ego.cos + (body.y - ego.y) * ego.sin > 0.0
        ]
        return min(ahead, default=math.inf)

    def _judge(self, failure: EndReason, reason: EndReason, time_to_collision: float) -> Parts:
        m, row = self._motion, self._route_row()
        best = max(self._best_m, self._along - self._begin_m)
        share = route_share(self._best_m, best, self._expert_m)
        self._best_m = best
        if self._collided or self._off_road:
            share = 0.0
        crashes = failure.name.startswith("COLLISION") and not self._collided
        leaves = failure is EndReason.OFF_ROAD and not self._off_road
        self._collided |= crashes
        self._off_road |= leaves
        return Parts(
            share,
            lane_factor(self._offset, float(self._paths.half_width[row])),
            speed_factor(m.speed, float(self._paths.limit[row])),
            self._comfort(),
            ttc_factor(time_to_collision),
            1.0 if crashes else 0.0,
            1.0 if leaves else 0.0,
            1.0 if reason is EndReason.RED_LIGHT else 0.0,
        )

    def _comfort(self) -> float:
        turning = (self._yaw_rate, self._yaw_acceleration)
        along = acceleration_in_the_middle(
            self._motion.acceleration, *turning, self._rear_to_centre
        )
        return comfort_factor(along, self._motion.speed * self._yaw_rate, self._jerk, *turning)

    def _route_row(self) -> int:
        place = int(self._along / PATH_SPACING_M)
        return self._start + min(max(place, 0), self._points - 1)

    # Observing

    def _sight(self) -> Sight:
        return Sight(self._key, self._step, self._settings.randomize.sensing)

    def _seen_lead(self) -> tuple[float, float]:
        """(gap, speed) of what stands first in the route's corridor, as it is seen."""
        if math.isinf(self._lead[0]):
            return self._lead
        me = self._ego_follower()
        for slot, agent in enumerate(self._agents, 1):
            body = agent.body
            if body is not None and lead_in_corridor(self._paths, me, body) == self._lead:
                return seen_lead(self._sight(), slot, *self._lead)
        raise AssertionError("a lead must be somebody")

    def _edges(self) -> list[Edge]:
        """All pieces of the road's edges, in their stored order."""
        s, road = self._scenarios, int(self._scenarios.road[self._scenario])
        first, last = int(s.first_edge[road]), int(s.first_edge[road + 1])
        columns = (s.edge_x0, s.edge_y0, s.edge_x1, s.edge_y1)
        x0, y0, x1, y1 = (column[first:last].astype(float).tolist() for column in columns)
        return list(zip(x0, y0, x1, y1, strict=True))

    def observation(self) -> NDArray[np.float32]:
        """What the ego sees now.  [size]."""
        out, ego, m = np.zeros(self._layout.size, np.float32), self._ego_body(), self._motion
        view = EgoView(
            m.speed,
            m.acceleration,
            m.steering,
            self._yaw_rate,
            self._along,
            self._offset,
            *obstacle(self._seen_lead(), self._own_line(self._step), m.speed),
        )
        write_ego(out, self._paths, (self._start, self._points), ego, view)
        others = sorted(self._others(), key=lambda other: _squared(other[1], ego.x, ego.y))
        sight = self._sight()
        slots = {id(agent): slot for slot, agent in enumerate(self._agents, 1)}
        others = [each for each in others if not is_missed(sight, slots[id(each[0])])]
        for row, (agent, body) in enumerate(others[: self._layout.agents]):
            write_agent(
                out,
                self._layout.agents_at + row * self._layout.per_agent,
                ego,
                seen_body(sight, slots[id(agent)], body),
                agent.category,
            )
        route = (self._start, self._points, self._along)
        for row in range(self._layout.route):
            at = self._layout.route_at + row * self._layout.per_route
            write_route(out, at, self._paths, route, row, ego)
        for row, edge in enumerate(self._nearest_edges(ego)):
            write_boundary(
                out, self._layout.boundary_at + row * self._layout.per_boundary, ego, edge
            )
        write_light(out, self._layout.light_at, *self._own_line(self._step))
        return out

    def _nearest_edges(self, ego: Body) -> list[Edge]:
        def distance(edge: Edge) -> float:
            dx, dy = (edge[0] + edge[2]) * 0.5 - ego.x, (edge[1] + edge[3]) * 0.5 - ego.y
            return dx * dx + dy * dy

        near = [edge for edge in self._edges() if distance(edge) <= EDGE_RADIUS_M**2]
        return sorted(near, key=distance)[: self._layout.boundary]


def _going_on(body: Body) -> Body:
    """The body as nuPlan thinks it goes on: at its speed along its heading."""
    speed = math.sqrt(body.vx * body.vx + body.vy * body.vy)
    return body._replace(vx=speed * body.cos, vy=speed * body.sin)


def _squared(body: Body, x: float, y: float) -> float:
    return (body.x - x) ** 2 + (body.y - y) ** 2


def _follower(body: Body, start: int, points: int, along_m: float, offset_m: float) -> Follower:
    return Follower(
        start,
        points,
        along_m,
        offset_m,
        body.x,
        body.y,
        body.cos,
        body.sin,
        body.half_length,
        body.half_width,
    )
