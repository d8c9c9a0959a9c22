"""All worlds, fast.

What a step means is said plainly in `reference.py`; this file says the same with loops that
skip what cannot matter. `first` and `last` bound the worlds of one call: a call touches no
other world's rows, so that disjoint ranges may run in several threads. Nothing is allocated.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.collide import (
    boxes_touch,
    collision_reason,
    edge_crosses,
    time_to_collision,
)
from drivetrain.sim.compiled import compiled, inlined
from drivetrain.sim.config import STEP_S
from drivetrain.sim.dynamics import (
    PACIFICA_LENGTH_M,
    PACIFICA_REAR_TO_CENTRE_M,
    PACIFICA_WHEEL_BASE_M,
    Motion,
    advance,
    wanted,
    yaw_rate,
)
from drivetrain.sim.layout import ObservationLayout
from drivetrain.sim.observe import (
    EgoView,
    write_agent,
    write_boundary,
    write_ego,
    write_route,
)
from drivetrain.sim.reward import (
    REWARD_PARTS,
    TTC_S,
    Parts,
    Weights,
    comfort_factor,
    lane_factor,
    route_share,
    speed_factor,
    total,
    ttc_factor,
)
from drivetrain.sim.road import (
    Paths,
    cell_of,
    offset_at,
    paths_of,
    point_at,
    project_near,
)
from drivetrain.sim.scenario import EDGE_RADIUS_M, PATH_SPACING_M, ScenarioArrays
from drivetrain.sim.state import (
    Body,
    EndReason,
    Episodes,
    Floats,
    Ints,
    Phase,
    State,
)
from drivetrain.sim.traffic import (
    AGENT,
    ENTRY_GAP_M,
    ENTRY_GAP_S,
    LOOK_AHEAD_M,
    OFFSET_DECAY_M,
    Follower,
    desired_speed,
    drive_on,
    farthest_lead,
    idm_acceleration,
    lead_in_corridor,
)

ROUTE_END_M = 1.0
"""A route counts as driven this close to its end, where its last piece may have been cut."""

NOWHERE_M = 1e9

_NONE = int(EndReason.NONE)
_OFF_ROAD = int(EndReason.OFF_ROAD)
_ROUTE_END = int(EndReason.ROUTE_END)
_TIME = int(EndReason.TIME)
_WAITING, _DRIVING, _GONE = int(Phase.WAITING), int(Phase.DRIVING), int(Phase.GONE)
_PARTS = len(REWARD_PARTS)


class Rules(NamedTuple):
    """What holds for all worlds of a batch."""

    seed: np.uint64
    worlds: int
    horizon: int
    replay: bool
    in_order: bool
    stagger: bool
    weights: Weights


class Buffers(NamedTuple):
    """What a step fills.  [worlds, ...]."""

    observations: NDArray[np.float32]
    final_observations: NDArray[np.float32]
    rewards: NDArray[np.float32]
    parts: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]


class Scratch(NamedTuple):
    """Room for one thread, whose content means nothing between worlds.  [slots], [rows]."""

    x: Floats
    y: Floats
    acceleration: Floats
    nearest: Ints
    distance: Floats


@inlined
def mixed(seed: np.uint64, world: int, number: int) -> np.uint64:
    """64 random-looking bits of three numbers: the finaliser of splitmix64, applied to each.

    A counter instead of a generator's state: what a world draws cannot depend on when or where
    it is asked.
    """
    bits = np.uint64(seed)
    for part in (np.uint64(world), np.uint64(number)):
        bits = (bits ^ part) + np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits = bits ^ (bits >> np.uint64(31))
    return bits


@inlined
def _body(state: State, w: int, j: int) -> Body:
    b = state.bodies
    return Body(
        b.x[w, j],
        b.y[w, j],
        b.cos[w, j],
        b.sin[w, j],
        b.vx[w, j],
        b.vy[w, j],
        b.half_length[w, j],
        b.half_width[w, j],
    )


@inlined
def _follower(state: State, w: int, j: int) -> Follower:
    b, d = state.bodies, state.drivers
    return Follower(
        d.start[w, j],
        d.points[w, j],
        d.along[w, j],
        d.offset[w, j],
        b.x[w, j],
        b.y[w, j],
        b.cos[w, j],
        b.sin[w, j],
        b.half_length[w, j],
        b.half_width[w, j],
    )


# --- Beginning an episode -----------------------------------------------------------------


@inlined
def _pick(picks: Ints, rules: Rules, world: int, episode: int) -> int:
    if rules.in_order:
        return int(picks[(world + episode * rules.worlds) % len(picks)])
    return int(picks[mixed(rules.seed, world, 2 * episode) % np.uint64(len(picks))])


@inlined
def _last_step(
    scenarios: ScenarioArrays, rules: Rules, w: int, scenario: int, episode: int
) -> int:
    # The expert's distance covers the log, so an episode is never longer than it.
    last = max(min(rules.horizon, int(scenarios.steps[scenario]) - 1), 1)
    if rules.stagger and episode == 0:
        last = 1 + int(mixed(rules.seed, w, 1) % np.uint64(last))
    return last


@inlined
def begin(
    scenarios: ScenarioArrays, paths: Paths, rules: Rules, state: State, w: int, scenario: int
) -> None:
    """World w at the start of its next episode, in that scenario."""
    p, b = state.progress, state.bodies
    p.scenario[w] = scenario
    p.step[w] = 0
    p.last_step[w] = _last_step(scenarios, rules, w, scenario, p.episode[w])
    p.total_reward[w] = 0.0
    p.speed_sum[w] = 0.0
    for part in range(_PARTS):
        p.part_sums[w, part] = 0.0
    _begin_ego(scenarios, paths, state, w, scenario)
    ego, slot = scenarios.ego[scenario], 1
    for agent in range(scenarios.first_agent[scenario], scenarios.first_agent[scenario + 1]):
        if agent != ego:
            _begin_agent(scenarios, rules, state, w, slot, agent)
            slot += 1
    p.slots[w] = slot
    p.radius[w] = 0.0
    for j in range(slot):
        p.radius[w] = max(p.radius[w], b.half_length[w, j] + b.half_width[w, j])
    for j in range(1, slot):
        _place_by_log(scenarios, state, w, j, 0)
        _try_to_enter(scenarios, paths, state, w, j, 0)


@inlined
def _begin_ego(
    scenarios: ScenarioArrays, paths: Paths, state: State, w: int, scenario: int
) -> None:
    e, d, b, p = state.egos, state.drivers, state.bodies, state.progress
    agent = scenarios.ego[scenario]
    frame = scenarios.first_frame[agent]
    length = scenarios.length[agent]
    e.wheel_base[w] = PACIFICA_WHEEL_BASE_M * length / PACIFICA_LENGTH_M
    e.rear_to_centre[w] = PACIFICA_REAR_TO_CENTRE_M * length / PACIFICA_LENGTH_M
    heading = np.float64(scenarios.heading[frame])
    cos, sin = math.cos(heading), math.sin(heading)
    e.heading[w] = heading
    e.rear_x[w] = scenarios.x[frame] - e.rear_to_centre[w] * cos
    e.rear_y[w] = scenarios.y[frame] - e.rear_to_centre[w] * sin
    e.speed[w] = max(0.0, scenarios.vx[frame] * cos + scenarios.vy[frame] * sin)
    e.acceleration[w] = 0.0
    e.steering[w] = 0.0
    e.yaw_rate[w] = 0.0
    e.jerk[w] = 0.0
    route = scenarios.route[scenario]
    d.agent[w, 0] = agent
    d.start[w, 0] = scenarios.first_point[route]
    d.points[w, 0] = scenarios.first_point[route + 1] - scenarios.first_point[route]
    d.desired[w, 0] = math.nan
    d.lead[w, 0] = 0
    d.phase[w, 0] = _DRIVING
    b.half_length[w, 0] = 0.5 * length
    b.half_width[w, 0] = 0.5 * scenarios.width[agent]
    b.category[w, 0] = scenarios.category[agent]
    b.present[w, 0] = 1
    _place_ego(state, w)
    along, where = np.float64(scenarios.entry_m[agent]), (b.x[w, 0], b.y[w, 0])
    d.along[w, 0] = along
    d.offset[w, 0] = offset_at(paths, d.start[w, 0], d.points[w, 0], along, where)
    p.begin_m[w], p.best_m[w] = along, 0.0


@inlined
def _place_ego(state: State, w: int) -> None:
    """The ego's body where its rear axle is."""
    e, b, d = state.egos, state.bodies, state.drivers
    cos, sin = math.cos(e.heading[w]), math.sin(e.heading[w])
    b.x[w, 0] = e.rear_x[w] + e.rear_to_centre[w] * cos
    b.y[w, 0] = e.rear_y[w] + e.rear_to_centre[w] * sin
    b.cos[w, 0], b.sin[w, 0] = cos, sin
    b.vx[w, 0], b.vy[w, 0] = e.speed[w] * cos, e.speed[w] * sin
    d.speed[w, 0] = e.speed[w]


@inlined
def _begin_agent(
    scenarios: ScenarioArrays, rules: Rules, state: State, w: int, j: int, agent: int
) -> None:
    """Slot j for an agent that has not appeared yet."""
    b, d = state.bodies, state.drivers
    path = -1 if rules.replay else int(scenarios.agent_path[agent])
    d.agent[w, j] = agent
    d.start[w, j], d.points[w, j] = 0, 0
    if path >= 0:
        d.start[w, j] = scenarios.first_point[path]
        d.points[w, j] = scenarios.first_point[path + 1] - scenarios.first_point[path]
    d.desired[w, j] = scenarios.desired_mps[agent]
    d.along[w, j], d.offset[w, j], d.speed[w, j] = 0.0, 0.0, 0.0
    d.lead[w, j] = 0
    is_empty = scenarios.first_frame[agent] == scenarios.first_frame[agent + 1]
    d.phase[w, j] = _GONE if is_empty else _WAITING
    b.half_length[w, j] = 0.5 * scenarios.length[agent]
    b.half_width[w, j] = 0.5 * scenarios.width[agent]
    b.category[w, j] = scenarios.category[agent]
    b.present[w, j] = 0
    b.x[w, j], b.y[w, j], b.cos[w, j], b.sin[w, j] = 0.0, 0.0, 1.0, 0.0
    b.vx[w, j], b.vy[w, j] = 0.0, 0.0


# --- The others -----------------------------------------------------------------------------


@inlined
def _place_by_log(scenarios: ScenarioArrays, state: State, w: int, j: int, step: int) -> None:
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
    _pose_by_frame(scenarios, state, w, j, frame)
    b.present[w, j] = 1


@inlined
def _pose_by_frame(scenarios: ScenarioArrays, state: State, w: int, j: int, frame: int) -> None:
    b, d = state.bodies, state.drivers
    heading = np.float64(scenarios.heading[frame])
    b.x[w, j], b.y[w, j] = scenarios.x[frame], scenarios.y[frame]
    b.cos[w, j], b.sin[w, j] = math.cos(heading), math.sin(heading)
    b.vx[w, j], b.vy[w, j] = scenarios.vx[frame], scenarios.vy[frame]
    d.speed[w, j] = math.sqrt(b.vx[w, j] * b.vx[w, j] + b.vy[w, j] * b.vy[w, j])


@inlined
def _try_to_enter(
    scenarios: ScenarioArrays, paths: Paths, state: State, w: int, j: int, step: int
) -> None:
    """A path follower whose time has come appears at its first logged pose, if it is free."""
    b, d = state.bodies, state.drivers
    agent = d.agent[w, j]
    if d.points[w, j] == 0 or d.phase[w, j] != _WAITING or step < scenarios.start_step[agent]:
        return
    _pose_by_frame(scenarios, state, w, j, scenarios.first_frame[agent])
    if step > 0 and not _is_free(state, w, j):
        return
    along, where = np.float64(scenarios.entry_m[agent]), (b.x[w, j], b.y[w, j])
    d.along[w, j] = along
    d.offset[w, j] = offset_at(paths, d.start[w, j], d.points[w, j], along, where)
    d.phase[w, j] = _DRIVING
    b.present[w, j] = 1
    _place_on_path(paths, state, w, j)


@inlined
def _is_free(state: State, w: int, j: int) -> bool:
    """Whether slot j's body, with the gap it needs, touches nobody who is present."""
    gap = ENTRY_GAP_M + ENTRY_GAP_S * state.drivers.speed[w, j]
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
        if b.present[w, other] and other != j and boxes_touch(needed, _body(state, w, other)):
            return False
    return True


@inlined
def _place_on_path(paths: Paths, state: State, w: int, j: int) -> None:
    """A path follower's body where it is on its path; past the end it has left the scene."""
    b, d = state.bodies, state.drivers
    along, offset, speed = d.along[w, j], d.offset[w, j], d.speed[w, j]
    if along >= (d.points[w, j] - 1) * PATH_SPACING_M:
        d.phase[w, j] = _GONE
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
def _note_places(state: State, scratch: Scratch, w: int) -> None:
    """Where everybody is, for many quick looks; who is absent is nowhere near."""
    b = state.bodies
    for k in range(state.progress.slots[w]):
        scratch.x[k] = b.x[w, k] if b.present[w, k] else NOWHERE_M
        scratch.y[k] = b.y[w, k]


@inlined
def _find_lead(
    paths: Paths, state: State, scratch: Scratch, w: int, j: int
) -> tuple[float, float]:
    """(gap, speed) of the nearest body in slot j's corridor; the lower slot wins a tie.

    Exact, but tries the last step's lead first: with its gap as a bound, most others are too
    far away to be nearer along the path.
    """
    b, d = state.bodies, state.drivers
    me = _follower(state, w, j)
    radius = state.progress.radius[w]
    best, speed, lead = math.inf, 0.0, 0
    last = d.lead[w, j]
    if b.present[w, last] and last != j:
        best, speed = lead_in_corridor(paths, me, _body(state, w, last))
        lead = last if best < math.inf else 0
    bound = farthest_lead(me, min(best, LOOK_AHEAD_M), radius)
    limit = bound * bound
    x, y = scratch.x, scratch.y
    for k in range(state.progress.slots[w]):
        dx, dy = x[k] - me.x, y[k] - me.y
        if dx * dx + dy * dy <= limit and dx * me.cos + dy * me.sin > 0.0 and k != last:
            gap, lead_speed = lead_in_corridor(paths, me, _body(state, w, k))
            if gap < best or (gap == best and k < lead and gap < math.inf):
                best, speed, lead = gap, lead_speed, k
                bound = farthest_lead(me, best, radius)
                limit = bound * bound
    d.lead[w, j] = lead
    return best, speed


@inlined
def _decide_traffic(paths: Paths, state: State, scratch: Scratch, w: int) -> None:
    """Every path follower's acceleration, all from the same old state."""
    d = state.drivers
    _note_places(state, scratch, w)
    for j in range(1, state.progress.slots[w]):
        if d.points[w, j] > 0 and d.phase[w, j] == _DRIVING:
            gap, speed = _find_lead(paths, state, scratch, w, j)
            desired = d.desired[w, j]
            if math.isnan(desired):
                desired = desired_speed(paths, d.start[w, j], d.points[w, j], d.along[w, j])
            scratch.acceleration[j] = idm_acceleration(
                d.speed[w, j], desired, gap, speed, AGENT
            )


@inlined
def _move_traffic(
    scenarios: ScenarioArrays, paths: Paths, state: State, scratch: Scratch, w: int
) -> None:
    d, step = state.drivers, state.progress.step[w]
    slots = state.progress.slots[w]
    for j in range(1, slots):
        if d.points[w, j] == 0:
            _place_by_log(scenarios, state, w, j, step)
        elif d.phase[w, j] == _DRIVING:
            along, offset, speed = drive_on(
                d.along[w, j], d.offset[w, j], d.speed[w, j], scratch.acceleration[j]
            )
            d.along[w, j], d.offset[w, j], d.speed[w, j] = along, offset, speed
            _place_on_path(paths, state, w, j)
    for j in range(1, slots):
        if d.phase[w, j] == _WAITING:
            _try_to_enter(scenarios, paths, state, w, j, step)


# --- The ego --------------------------------------------------------------------------------


@inlined
def _move_ego(paths: Paths, state: State, w: int, throttle: float, turn: float) -> None:
    e, d, b = state.egos, state.drivers, state.bodies
    acceleration, steering = wanted(throttle, turn, e.speed[w], e.wheel_base[w])
    old = Motion(
        e.rear_x[w], e.rear_y[w], e.heading[w], e.speed[w], e.acceleration[w], e.steering[w]
    )
    new = advance(old, acceleration, steering, e.wheel_base[w])
    e.rear_x[w], e.rear_y[w], e.heading[w] = new.x, new.y, new.heading
    e.speed[w], e.acceleration[w], e.steering[w] = new.speed, new.acceleration, new.steering
    e.jerk[w] = (new.acceleration - old.acceleration) / STEP_S
    e.yaw_rate[w] = yaw_rate(new.speed, new.steering, e.wheel_base[w])
    _place_ego(state, w)
    where = (b.x[w, 0], b.y[w, 0])
    along, offset = project_near(paths, d.start[w, 0], d.points[w, 0], d.along[w, 0], where)
    d.along[w, 0], d.offset[w, 0] = along, offset


@inlined
def _look_ahead(paths: Paths, state: State, scratch: Scratch, w: int) -> None:
    _note_places(state, scratch, w)
    gap, speed = _find_lead(paths, state, scratch, w, 0)
    state.egos.lead_gap[w], state.egos.lead_speed[w] = gap, speed


@inlined
def _route_row(state: State, w: int) -> int:
    """The row of the route's point beside the ego."""
    d = state.drivers
    place = int(d.along[w, 0] / PATH_SPACING_M)
    return int(d.start[w, 0] + min(max(place, 0), d.points[w, 0] - 1))


@inlined
def _meet_others(paths: Paths, state: State, w: int) -> tuple[int, bool, float]:
    """(EndReason of a collision or NONE, whether at fault, seconds to the next one ahead)."""
    b, slots = state.bodies, state.progress.slots[w]
    ego = _body(state, w, 0)
    reach = ego.half_length + ego.half_width
    half_width = paths.half_width[_route_row(state, w)]
    lane_room = half_width - abs(state.drivers.offset[w, 0]) - ego.half_width
    reason, at_fault, soonest = _NONE, False, math.inf
    for j in range(1, slots):
        if not b.present[w, j]:
            continue
        dx, dy = b.x[w, j] - ego.x, b.y[w, j] - ego.y
        closing = abs(b.vx[w, j] - ego.vx) + abs(b.vy[w, j] - ego.vy)
        # No farther than both half sizes and the way until TTC_S: else they cannot meet.
        near = reach + b.half_length[w, j] + b.half_width[w, j] + TTC_S * closing
        if dx * dx + dy * dy > near * near:
            continue
        other = _body(state, w, j)
        if boxes_touch(ego, other):
            found, is_own = collision_reason(
                ego,
                state.egos.rear_to_centre[w],
                other,
                b.category[w, j],
                lane_room,
            )
            if reason == _NONE or (is_own and not at_fault):
                reason, at_fault = found, is_own
        if dx * ego.cos + dy * ego.sin > 0.0:
            soonest = min(soonest, time_to_collision(ego, other))
    return reason, at_fault, soonest


@inlined
def _is_off_road(scenarios: ScenarioArrays, state: State, w: int) -> bool:
    ego = _body(state, w, 0)
    cell = cell_of(scenarios, scenarios.road[state.progress.scenario[w]], ego.x, ego.y)
    if cell < 0:
        return False
    reach = ego.half_length + ego.half_width
    for entry in range(scenarios.first_entry[cell], scenarios.first_entry[cell + 1]):
        edge = scenarios.entry[entry]
        x0, y0 = np.float64(scenarios.edge_x0[edge]), np.float64(scenarios.edge_y0[edge])
        x1, y1 = np.float64(scenarios.edge_x1[edge]), np.float64(scenarios.edge_y1[edge])
        if (
            min(x0, x1) <= ego.x + reach
            and max(x0, x1) >= ego.x - reach
            and min(y0, y1) <= ego.y + reach
            and max(y0, y1) >= ego.y - reach
            and edge_crosses(ego, (x0, y0, x1, y1))
        ):
            return True
    return False


# --- Observing ------------------------------------------------------------------------------


@inlined
def _kept(scratch: Scratch, kept: int, most: int, number: int, distance: float) -> int:
    """The sorted list of the nearest, with one more candidate; the earlier wins a tie."""
    at = kept if kept < most else most - 1
    while at > 0 and scratch.distance[at - 1] > distance:
        scratch.distance[at], scratch.nearest[at] = (
            scratch.distance[at - 1],
            scratch.nearest[at - 1],
        )
        at -= 1
    scratch.distance[at], scratch.nearest[at] = distance, number
    return min(kept + 1, most)


@inlined
def observe(
    scenarios: ScenarioArrays,
    paths: Paths,
    state: State,
    layout: ObservationLayout,
    scratch: Scratch,
    w: int,
    out: NDArray[np.float32],
) -> None:
    """World w as `layout` has it, into out: [size]."""
    e, d, ego = state.egos, state.drivers, _body(state, w, 0)
    route = (d.start[w, 0], d.points[w, 0])
    view = EgoView(
        e.speed[w],
        e.acceleration[w],
        e.steering[w],
        e.yaw_rate[w],
        d.along[w, 0],
        d.offset[w, 0],
        e.lead_gap[w],
        e.lead_speed[w],
    )
    write_ego(out, paths, route, ego, view)
    _observe_agents(state, layout, scratch, w, out)
    for number in range(layout.route):
        at = layout.route_at + number * layout.per_route
        write_route(out, at, paths, (route[0], route[1], d.along[w, 0]), number, ego)
    _observe_boundary(scenarios, state, layout, scratch, w, out)


@inlined
def _observe_agents(
    state: State,
    layout: ObservationLayout,
    scratch: Scratch,
    w: int,
    out: NDArray[np.float32],
) -> None:
    b, ego, kept = state.bodies, _body(state, w, 0), 0
    for j in range(1, state.progress.slots[w]):
        dx, dy = b.x[w, j] - ego.x, b.y[w, j] - ego.y
        distance = dx * dx + dy * dy
        is_near = kept < layout.agents or distance < scratch.distance[kept - 1]
        if b.present[w, j] and is_near:
            kept = _kept(scratch, kept, layout.agents, j, distance)
    for row in range(kept):
        j = scratch.nearest[row]
        at = layout.agents_at + row * layout.per_agent
        write_agent(out, at, ego, _body(state, w, j), b.category[w, j])
    for at in range(layout.agents_at + kept * layout.per_agent, layout.route_at):
        out[at] = 0.0


@inlined
def _observe_boundary(
    scenarios: ScenarioArrays,
    state: State,
    layout: ObservationLayout,
    scratch: Scratch,
    w: int,
    out: NDArray[np.float32],
) -> None:
    ego, kept, s = _body(state, w, 0), 0, scenarios
    cell = cell_of(s, s.road[state.progress.scenario[w]], ego.x, ego.y)
    first, last = (s.first_entry[cell], s.first_entry[cell + 1]) if cell >= 0 else (0, 0)
    for entry in range(first, last):
        edge = s.entry[entry]
        dx = (np.float64(s.edge_x0[edge]) + s.edge_x1[edge]) * 0.5 - ego.x
        dy = (np.float64(s.edge_y0[edge]) + s.edge_y1[edge]) * 0.5 - ego.y
        distance = dx * dx + dy * dy
        if distance <= EDGE_RADIUS_M * EDGE_RADIUS_M and (
            kept < layout.boundary or distance < scratch.distance[kept - 1]
        ):
            kept = _kept(scratch, kept, layout.boundary, edge, distance)
    for row in range(kept):
        edge = scratch.nearest[row]
        line = (
            np.float64(s.edge_x0[edge]),
            np.float64(s.edge_y0[edge]),
            np.float64(s.edge_x1[edge]),
            np.float64(s.edge_y1[edge]),
        )
        write_boundary(out, layout.boundary_at + row * layout.per_boundary, ego, line)
    for at in range(layout.boundary_at + kept * layout.per_boundary, layout.size):
        out[at] = 0.0


# --- Stepping -------------------------------------------------------------------------------


@inlined
def _end_reason(scenarios: ScenarioArrays, state: State, w: int, collision: int) -> int:
    """The reason this step ended the episode; a crash outweighs an arrival."""
    d, p = state.drivers, state.progress
    if collision != _NONE:
        return collision
    if _is_off_road(scenarios, state, w):
        return _OFF_ROAD
    if d.along[w, 0] >= (d.points[w, 0] - 1) * PATH_SPACING_M - ROUTE_END_M:
        return _ROUTE_END
    if p.step[w] >= p.last_step[w]:
        return _TIME
    return _NONE


@inlined
def _judge(
    scenarios: ScenarioArrays, paths: Paths, state: State, w: int, reason: int, soonest_s: float
) -> Parts:
    """The parts of this step's reward; moves the best progress on."""
    d, p, e = state.drivers, state.progress, state.egos
    at = _route_row(state, w)
    best = max(p.best_m[w], d.along[w, 0] - p.begin_m[w])
    share = route_share(p.best_m[w], best, scenarios.expert_m[p.scenario[w]])
    p.best_m[w] = best
    return Parts(
        share,
        lane_factor(d.offset[w, 0], paths.half_width[at]),
        speed_factor(e.speed[w], paths.limit[at]),
        comfort_factor(e.acceleration[w], e.jerk[w], e.speed[w], e.yaw_rate[w]),
        ttc_factor(soonest_s),
        1.0 if _NONE < reason < _OFF_ROAD else 0.0,
        1.0 if reason == _OFF_ROAD else 0.0,
    )


@inlined
def _account(state: State, buffers: Buffers, w: int, parts: Parts, reward: float) -> None:
    """This step's numbers into the buffers and the episode's sums."""
    p = state.progress
    p.total_reward[w] += reward
    p.speed_sum[w] += state.egos.speed[w]
    buffers.rewards[w] = reward
    for part in range(_PARTS):
        buffers.parts[w, part] = parts[part]
        p.part_sums[w, part] += parts[part]


@inlined
def _summarise(
    scenarios: ScenarioArrays,
    state: State,
    episodes: Episodes,
    w: int,
    reason: int,
    at_fault: bool,  # noqa: FBT001 - a column's value, not an option
) -> None:
    p = state.progress
    episodes.scenario[w] = p.scenario[w]
    episodes.steps[w] = p.step[w]
    episodes.end_reason[w] = reason
    episodes.at_fault[w] = at_fault
    episodes.total_reward[w] = p.total_reward[w]
    episodes.progress_m[w] = p.best_m[w]
    episodes.expert_m[w] = scenarios.expert_m[p.scenario[w]]
    episodes.mean_speed_mps[w] = p.speed_sum[w] / p.step[w]
    for part in range(_PARTS):
        episodes.part_means[w, part] = p.part_sums[w, part] / p.step[w]


@compiled
def step_worlds(
    scenarios: ScenarioArrays,
    picks: Ints,
    rules: Rules,
    layout: ObservationLayout,
    state: State,
    buffers: Buffers,
    episodes: Episodes,
    scratch: Scratch,
    actions: NDArray[np.float32],
    first: int,
    last: int,
) -> None:
    """One step of the worlds first..last-1; an ended one begins its next episode at once.

    actions: [worlds, 2]. The observation of an ended episode's last state goes to
    `final_observations`, that of the new episode's first to `observations`.
    """
    paths = paths_of(scenarios)
    for w in range(first, last):
        state.progress.step[w] += 1
        _decide_traffic(paths, state, scratch, w)
        _move_ego(paths, state, w, np.float64(actions[w, 0]), np.float64(actions[w, 1]))
        _move_traffic(scenarios, paths, state, scratch, w)
        _look_ahead(paths, state, scratch, w)
        collision, at_fault, soonest = _meet_others(paths, state, w)
        reason = _end_reason(scenarios, state, w, collision)
        parts = _judge(scenarios, paths, state, w, reason, soonest)
        _account(state, buffers, w, parts, total(parts, rules.weights))
        buffers.terminated[w] = _NONE < reason < _TIME
        buffers.truncated[w] = reason == _TIME
        if reason != _NONE:
            observe(scenarios, paths, state, layout, scratch, w, buffers.final_observations[w])
            _summarise(scenarios, state, episodes, w, reason, at_fault)
            state.progress.episode[w] += 1
            scenario = _pick(picks, rules, w, state.progress.episode[w])
            begin(scenarios, paths, rules, state, w, scenario)
            _look_ahead(paths, state, scratch, w)
        observe(scenarios, paths, state, layout, scratch, w, buffers.observations[w])


@compiled
def reset_worlds(
    scenarios: ScenarioArrays,
    picks: Ints,
    rules: Rules,
    layout: ObservationLayout,
    state: State,
    buffers: Buffers,
    scratch: Scratch,
    worlds: Ints,
    wanted_scenarios: Ints,
) -> None:
    """Begin the next episode of the given worlds, in a wanted scenario or (-1) a drawn one."""
    paths = paths_of(scenarios)
    for number in range(len(worlds)):
        w = worlds[number]
        state.progress.episode[w] += 1
        scenario = wanted_scenarios[number]
        if scenario < 0:
            scenario = _pick(picks, rules, w, state.progress.episode[w])
        begin(scenarios, paths, rules, state, w, scenario)
        _look_ahead(paths, state, scratch, w)
        observe(scenarios, paths, state, layout, scratch, w, buffers.observations[w])
