"""Traffic `mixed`: who replays its log until it would hit the ego, and then drives by rules.

Off the log are the ego and those who left theirs. A vehicle on its log leaves it for good when
one of these is in its corridor and too near to stop behind comfortably; and one that would
appear where one of these is waits for its place to be free.
"""

from drivetrain.sim.collide import boxes_touch
from drivetrain.sim.compiled import inlined
from drivetrain.sim.config import STEP_S
from drivetrain.sim.kernels.buffers import DRIVING, Scratch, body_at, follower_at
from drivetrain.sim.road import Paths, project_hinted
from drivetrain.sim.scenario import Category, ScenarioArrays
from drivetrain.sim.state import Body, State
from drivetrain.sim.traffic import (
    AGENT,
    ENTRY_GAP_M,
    ENTRY_GAP_S,
    STRAY_M,
    Follower,
    is_too_near,
    lead_in_corridor,
)

VEHICLE = int(Category.VEHICLE)


@inlined
def may_leave(scenarios: ScenarioArrays, state: State, w: int, j: int) -> bool:
    """Whether slot j is on its log and could drive without it."""
    d = state.drivers
    is_vehicle = state.bodies.category[w, j] == VEHICLE
    return bool(d.points[w, j] == 0 and is_vehicle and scenarios.agent_path[d.agent[w, j]] >= 0)


@inlined
def leave_logs(
    scenarios: ScenarioArrays, paths: Paths, state: State, scratch: Scratch, w: int
) -> None:
    """Everybody who has to leaves its log, judged by the same old state."""
    for j in range(1, state.progress.slots[w]):
        scratch.acceleration[j] = 0.0
        if state.bodies.present[w, j] and may_leave(scenarios, state, w, j):
            scratch.acceleration[j] = must_leave(scenarios, paths, state, w, j)
    for j in range(1, state.progress.slots[w]):
        if scratch.acceleration[j] > 0.0:
            take_path(scenarios, paths, state, w, j)
            state.drivers.phase[w, j] = DRIVING


@inlined
def must_leave(scenarios: ScenarioArrays, paths: Paths, state: State, w: int, j: int) -> float:
    """1 if somebody off the log is too near ahead of slot j, else 0."""
    b, d, speed = state.bodies, state.drivers, state.drivers.speed[w, j]
    near = AGENT.standstill_m + speed * STEP_S + speed * speed / (2.0 * AGENT.braking_mps2)
    aside = 2.0 * (STRAY_M + state.progress.radius[w])
    reach = near + aside + b.half_length[w, j] + state.progress.radius[w] + 1.0
    me, is_placed = follower_at(state, w, j), False
    for k in range(state.progress.slots[w]):
        if k == j or not b.present[w, k] or (k > 0 and d.points[w, k] == 0):
            continue
        dx, dy = b.x[w, k] - b.x[w, j], b.y[w, k] - b.y[w, j]
        ahead = dx * b.cos[w, j] + dy * b.sin[w, j]
        # Straight distances never exceed those along a path and aside from it.
        if ahead <= 0.0 or dx * dx + dy * dy > reach * reach:
            continue
        if not is_placed:
            me, is_placed = on_own_path(scenarios, paths, state, w, j), True
        if abs(me.offset) > STRAY_M:
            return 0.0
        gap, lead = lead_in_corridor(paths, me, body_at(state, w, k))
        if is_too_near(speed, gap, lead, AGENT):
            return 1.0
    return 0.0


@inlined
def on_own_path(
    scenarios: ScenarioArrays, paths: Paths, state: State, w: int, j: int
) -> Follower:
    """Slot j as it would follow its path from where its log has it; kept as the next hint."""
    b, path = state.bodies, scenarios.agent_path[state.drivers.agent[w, j]]
    start = scenarios.first_point[path]
    points = scenarios.first_point[path + 1] - start
    where, facing = (b.x[w, j], b.y[w, j]), (b.cos[w, j], b.sin[w, j])
    along, offset = project_hinted(
        paths, start, points, where, facing, state.drivers.along[w, j]
    )
    state.drivers.along[w, j] = along
    me = follower_at(state, w, j)
    return Follower(
        start,
        points,
        along,
        offset,
        me.x,
        me.y,
        me.cos,
        me.sin,
        me.half_length,
        me.half_width,
    )


@inlined
def take_path(scenarios: ScenarioArrays, paths: Paths, state: State, w: int, j: int) -> None:
    """Slot j follows its path from now on, from where it is."""
    d, me = state.drivers, on_own_path(scenarios, paths, state, w, j)
    d.path[w, j] = scenarios.agent_path[d.agent[w, j]]
    d.start[w, j], d.points[w, j] = me.start, me.points
    d.along[w, j], d.offset[w, j], d.lead[w, j] = me.along, me.offset, 0


@inlined
def hold_back(
    scenarios: ScenarioArrays, paths: Paths, state: State, w: int, j: int, step: int
) -> None:
    """Slot j, if its log begins now where somebody off the log is, waits to enter."""
    b, d = state.bodies, state.drivers
    if step != scenarios.start_step[d.agent[w, j]] or not may_leave(scenarios, state, w, j):
        return
    gap = ENTRY_GAP_M + ENTRY_GAP_S * d.speed[w, j]
    me = body_at(state, w, j)
    needed = Body(me.x, me.y, me.cos, me.sin, me.vx, me.vy, me.half_length + gap, me.half_width)
    is_free = True
    for k in range(state.progress.slots[w]):
        is_off_log = k == 0 or d.points[w, k] > 0
        if (
            k != j
            and is_off_log
            and b.present[w, k]
            and boxes_touch(needed, body_at(state, w, k))
        ):
            is_free = False
    if not is_free:
        take_path(scenarios, paths, state, w, j)
        b.present[w, j] = 0
