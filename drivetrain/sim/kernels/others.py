"""Everybody but the ego: by their log, or by the IDM along their path."""

import math

import numpy as np

from drivetrain.sim.angles import unit_vector
from drivetrain.sim.chance import desired_drawn, episode_key, manner_drawn
from drivetrain.sim.collide import boxes_touch
from drivetrain.sim.compiled import inlined
from drivetrain.sim.kernels.buffers import (
    DRIVING,
    GONE,
    NOWHERE_M,
    WAITING,
    Rules,
    Scratch,
    body_at,
    follower_at,
)
from drivetrain.sim.kernels.leaving import hold_back, leave_logs
from drivetrain.sim.kernels.lights import gap_to_stop, has_lights
from drivetrain.sim.road import Paths, offset_at, point_at
from drivetrain.sim.scenario import PATH_SPACING_M, ScenarioArrays
from drivetrain.sim.state import Body, State
from drivetrain.sim.traffic import (
    AGENT,
    ENTRY_GAP_M,
    ENTRY_GAP_S,
    LOOK_AHEAD_M,
    OFFSET_DECAY_M,
    desired_speed,
    drive_on,
    farthest_lead,
    idm_acceleration,
    lead_in_corridor,
)


@inlined
def copy_sibling(state: State, w: int, j: int) -> None:
    """Slot j as the world that drives it has its own ego."""
    b, d = state.bodies, state.drivers
    other = d.row[w, j]
    b.present[w, j] = state.progress.on_stage[other]
    b.x[w, j], b.y[w, j] = b.x[other, 0], b.y[other, 0]
    b.cos[w, j], b.sin[w, j] = b.cos[other, 0], b.sin[other, 0]
    b.vx[w, j], b.vy[w, j] = b.vx[other, 0], b.vy[other, 0]
    d.speed[w, j] = d.speed[other, 0]


@inlined
def place_by_log(scenarios: ScenarioArrays, state: State, w: int, j: int, step: int) -> None:
    """An agent that only replays, as its log has it; absent where the log has nothing."""
    b, d = state.bodies, state.drivers
    if d.points[w, j] > 0:
        return
    agent = d.agent[w, j]
    frame = scenarios.first_frame[agent] + step - scenarios.start_step[agent]
    b.present[w, j] = 0
    if step < scenarios.start_step[agent] or frame >= scenarios.first_frame[agent + 1]:
        return
    if scenarios.valid[frame] == 0:
        return
    pose_by_frame(scenarios, state, w, j, frame)
    b.present[w, j] = 1


@inlined
def pose_by_frame(scenarios: ScenarioArrays, state: State, w: int, j: int, frame: int) -> None:
    """Slot j's body as a frame of its log has it."""
    b, d = state.bodies, state.drivers
    heading = np.float64(scenarios.heading[frame])
    b.x[w, j], b.y[w, j] = scenarios.x[frame], scenarios.y[frame]
    b.cos[w, j], b.sin[w, j] = unit_vector(heading)
    b.vx[w, j], b.vy[w, j] = scenarios.vx[frame], scenarios.vy[frame]
    d.speed[w, j] = math.sqrt(b.vx[w, j] * b.vx[w, j] + b.vy[w, j] * b.vy[w, j])


@inlined
def try_to_enter(
    scenarios: ScenarioArrays, paths: Paths, state: State, w: int, j: int, step: int
) -> None:
    """A path follower whose time has come appears at its first logged pose, if it is free."""
    b, d = state.bodies, state.drivers
    agent = d.agent[w, j]
    if d.points[w, j] == 0 or d.phase[w, j] != WAITING or step < scenarios.start_step[agent]:
        return
    pose_by_frame(scenarios, state, w, j, scenarios.first_frame[agent])
    gap = ENTRY_GAP_M + ENTRY_GAP_S * d.speed[w, j]
    if step > 0 and not is_free(state, w, j, gap):
        return
    along, where = np.float64(scenarios.entry_m[agent]), (b.x[w, j], b.y[w, j])
    d.along[w, j] = along
    d.offset[w, j] = offset_at(paths, d.start[w, j], d.points[w, j], along, where)
    d.phase[w, j] = DRIVING
    b.present[w, j] = 1
    place_on_path(paths, state, w, j)


@inlined
def is_free(state: State, w: int, j: int, gap: float) -> bool:
    """Whether slot j's body, with a gap before and behind it, touches nobody present."""
    b = state.bodies
    needed = Body(
        b.x[w, j],
        b.y[w, j],
        b.cos[w, j],
        b.sin[w, j],
        b.vx[w, j],
        b.vy[w, j],
        b.half_length[w, j] + gap,
        b.half_width[w, j],
    )
    for other in range(state.progress.slots[w]):
        if b.present[w, other] and other != j and boxes_touch(needed, body_at(state, w, other)):
            return False
    return True


@inlined
def place_on_path(paths: Paths, state: State, w: int, j: int) -> None:
    """A path follower's body where it is on its path; past the end it has left the scene."""
    b, d = state.bodies, state.drivers
    along, offset, speed = d.along[w, j], d.offset[w, j], d.speed[w, j]
    if along >= (d.points[w, j] - 1) * PATH_SPACING_M:
        d.phase[w, j] = GONE
        b.present[w, j] = 0
        return
    x, y, cos, sin = point_at(paths, d.start[w, j], d.points[w, j], along)
    b.x[w, j], b.y[w, j] = x - offset * sin, y + offset * cos
    # The offset shrinks as it drives, so it heads a little towards its path.
    slope = -offset / OFFSET_DECAY_M
    norm = 1.0 / math.sqrt(1.0 + slope * slope)
    b.cos[w, j], b.sin[w, j] = (cos - slope * sin) * norm, (sin + slope * cos) * norm
    b.vx[w, j], b.vy[w, j] = speed * b.cos[w, j], speed * b.sin[w, j]


@inlined
def note_places(state: State, scratch: Scratch, w: int) -> None:
    """Where everybody is, for many quick looks; who is absent is nowhere near."""
    b = state.bodies
    for k in range(state.progress.slots[w]):
        scratch.x[k] = b.x[w, k] if b.present[w, k] else NOWHERE_M
        scratch.y[k] = b.y[w, k]


@inlined
def find_lead(
    paths: Paths, state: State, scratch: Scratch, w: int, j: int
) -> tuple[float, float]:
    """(gap, speed) of the nearest body in slot j's corridor; the lower slot wins a tie.

    Exact, but tries the last step's lead first: with its gap as a bound, most others are too
    far away to be nearer along the path.
    """
    b, d = state.bodies, state.drivers
    me = follower_at(state, w, j)
    radius = state.progress.radius[w]
    if j == 0:
        # Who was put somewhere by a displacement may be beside no point of its path.
        px, py, _, _ = point_at(paths, me.start, me.points, me.along)
        radius += math.sqrt((me.x - px) ** 2 + (me.y - py) ** 2) - abs(me.offset)
    best, speed, lead = math.inf, 0.0, 0
    last = d.lead[w, j]
    if b.present[w, last] and last != j:
        best, speed = lead_in_corridor(paths, me, body_at(state, w, last))
        lead = last if best < math.inf else 0
    bound = farthest_lead(me, min(best, LOOK_AHEAD_M), radius)
    limit = bound * bound
    x, y = scratch.x, scratch.y
    for k in range(state.progress.slots[w]):
        dx, dy = x[k] - me.x, y[k] - me.y
        if dx * dx + dy * dy <= limit and dx * me.cos + dy * me.sin > 0.0 and k != last:
            gap, lead_speed = lead_in_corridor(paths, me, body_at(state, w, k))
            if gap < best or (gap == best and k < lead and gap < math.inf):
                best, speed, lead = gap, lead_speed, k
                bound = farthest_lead(me, best, radius)
                limit = bound * bound
    d.lead[w, j] = lead
    return best, speed


@inlined
def decide_traffic(
    scenarios: ScenarioArrays,
    paths: Paths,
    rules: Rules,
    state: State,
    scratch: Scratch,
    w: int,
) -> None:
    """Every path follower's acceleration, all from the same old state."""
    d, lit, manner = state.drivers, has_lights(scenarios, state, w), AGENT
    key = episode_key(rules.seed, w, state.progress.episode[w])
    if rules.mixed:
        leave_logs(scenarios, paths, state, scratch, w)
    note_places(state, scratch, w)
    for j in range(1, state.progress.slots[w]):
        if d.points[w, j] > 0 and d.phase[w, j] == DRIVING:
            gap, speed = find_lead(paths, state, scratch, w, j)
            desired = d.desired[w, j]
            if math.isnan(desired):
                desired = desired_speed(paths, d.start[w, j], d.points[w, j], d.along[w, j])
            if rules.chance.agents > 0.0:
                manner = manner_drawn(key, j, rules.chance.agents)
                desired = desired_drawn(desired, key, j, rules.chance.agents)
            decided = idm_acceleration(d.speed[w, j], desired, gap, speed, manner)
            if lit:
                line = gap_to_stop(scenarios, state, w, j, state.progress.step[w] - 1, manner)
                braked = idm_acceleration(d.speed[w, j], desired, line, 0.0, manner)
                decided = min(decided, braked)
            scratch.acceleration[j] = decided


@inlined
def move_traffic(
    scenarios: ScenarioArrays,
    paths: Paths,
    rules: Rules,
    state: State,
    scratch: Scratch,
    w: int,
) -> None:
    """Everybody one step on, then those who enter."""
    d, step = state.drivers, state.progress.step[w]
    slots = state.progress.slots[w]
    for j in range(1, slots):
        if d.row[w, j] >= 0:
            copy_sibling(state, w, j)
        elif d.points[w, j] == 0:
            place_by_log(scenarios, state, w, j, step)
        elif d.phase[w, j] == DRIVING:
            along, offset, speed = drive_on(
                d.along[w, j], d.offset[w, j], d.speed[w, j], scratch.acceleration[j]
            )
            d.along[w, j], d.offset[w, j], d.speed[w, j] = along, offset, speed
            place_on_path(paths, state, w, j)
    if rules.mixed:
        for j in range(1, slots):
            hold_back(scenarios, paths, state, w, j, step)
    for j in range(1, slots):
        if d.phase[w, j] == WAITING:
            try_to_enter(scenarios, paths, state, w, j, step)
