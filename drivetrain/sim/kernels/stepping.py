"""The two doors of the kernels: step worlds, reset worlds."""

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import compiled, inlined
from drivetrain.sim.kernels.beginning import begin, pick
from drivetrain.sim.kernels.buffers import (
    AT_ROUTE_END,
    NO_END,
    OFF_THE_ROAD,
    OUT_OF_TIME,
    PARTS,
    Buffers,
    Rules,
    Scratch,
)
from drivetrain.sim.kernels.ego import is_off_road, look_ahead, meet_others, move_ego, route_row
from drivetrain.sim.kernels.observing import observe
from drivetrain.sim.kernels.others import decide_traffic, move_traffic
from drivetrain.sim.layout import ObservationLayout
from drivetrain.sim.reward import (
    Parts,
    comfort_factor,
    lane_factor,
    route_share,
    speed_factor,
    total,
    ttc_factor,
)
from drivetrain.sim.road import ROUTE_END_M, Paths, paths_of
from drivetrain.sim.scenario import PATH_SPACING_M, ScenarioArrays
from drivetrain.sim.state import Episodes, Ints, State


@inlined
def end_reason(rules: Rules, state: State, w: int, failure: int) -> int:
    """The reason this step ended the episode; a failure outweighs an arrival."""
    d, p = state.drivers, state.progress
    if failure != NO_END and not rules.goes_on:
        return failure
    if d.along[w, 0] >= (d.points[w, 0] - 1) * PATH_SPACING_M - ROUTE_END_M:
        return AT_ROUTE_END
    if p.step[w] >= p.last_step[w]:
        return OUT_OF_TIME
    return NO_END


@inlined
def judge(
    scenarios: ScenarioArrays,
    paths: Paths,
    state: State,
    w: int,
    failure: int,
    soonest_s: float,
) -> Parts:
    """The parts of this step's reward; moves the best progress on and notes a failure."""
    d, p, e = state.drivers, state.progress, state.egos
    at = route_row(state, w)
    best = max(p.best_m[w], d.along[w, 0] - p.begin_m[w])
    share = route_share(p.best_m[w], best, scenarios.expert_m[p.scenario[w]])
    p.best_m[w] = best
    if p.collided[w] or p.off_road[w]:
        share = 0.0
    crashes = NO_END < failure < OFF_THE_ROAD and not p.collided[w]
    leaves = failure == OFF_THE_ROAD and not p.off_road[w]
    p.collided[w] |= crashes
    p.off_road[w] |= leaves
    return Parts(
        share,
        lane_factor(d.offset[w, 0], paths.half_width[at]),
        speed_factor(e.speed[w], paths.limit[at]),
        comfort_factor(e.acceleration[w], e.jerk[w], e.speed[w], e.yaw_rate[w]),
        ttc_factor(soonest_s),
        1.0 if crashes else 0.0,
        1.0 if leaves else 0.0,
    )


@inlined
def account(state: State, buffers: Buffers, w: int, parts: Parts, reward: float) -> None:
    """This step's numbers into the buffers and the episode's sums."""
    p = state.progress
    p.total_reward[w] += reward
    p.speed_sum[w] += state.egos.speed[w]
    buffers.rewards[w] = reward
    for part in range(PARTS):
        buffers.parts[w, part] = parts[part]
        p.part_sums[w, part] += parts[part]


@inlined
def summarise(
    scenarios: ScenarioArrays,
    state: State,
    episodes: Episodes,
    w: int,
    reason: int,
) -> None:
    """The row of the episode that ends with this step."""
    p = state.progress
    episodes.scenario[w] = p.scenario[w]
    episodes.steps[w] = p.step[w]
    episodes.end_reason[w] = reason
    episodes.collided[w] = p.collided[w]
    episodes.at_fault[w] = p.at_fault[w]
    episodes.off_road[w] = p.off_road[w]
    episodes.total_reward[w] = p.total_reward[w]
    episodes.progress_m[w] = p.best_m[w]
    episodes.expert_m[w] = scenarios.expert_m[p.scenario[w]]
    episodes.mean_speed_mps[w] = p.speed_sum[w] / p.step[w]
    for part in range(PARTS):
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
        decide_traffic(paths, state, scratch, w)
        move_ego(paths, state, w, np.float64(actions[w, 0]), np.float64(actions[w, 1]))
        move_traffic(scenarios, paths, state, scratch, w)
        look_ahead(paths, state, scratch, w)
        failure, at_fault, soonest = meet_others(paths, state, w)
        state.progress.at_fault[w] |= at_fault
        if failure == NO_END and is_off_road(scenarios, state, w):
            failure = OFF_THE_ROAD
        reason = end_reason(rules, state, w, failure)
        parts = judge(scenarios, paths, state, w, failure, soonest)
        account(state, buffers, w, parts, total(parts, rules.weights))
        buffers.terminated[w] = NO_END < reason < OUT_OF_TIME
        buffers.truncated[w] = reason == OUT_OF_TIME
        if reason != NO_END:
            observe(scenarios, paths, state, layout, scratch, w, buffers.final_observations[w])
            summarise(scenarios, state, episodes, w, reason)
            state.progress.episode[w] += 1
            scenario = pick(picks, rules, w, state.progress.episode[w])
            begin(scenarios, paths, rules, state, w, scenario)
            look_ahead(paths, state, scratch, w)
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
            scenario = pick(picks, rules, w, state.progress.episode[w])
        begin(scenarios, paths, rules, state, w, scenario)
        look_ahead(paths, state, scratch, w)
        observe(scenarios, paths, state, layout, scratch, w, buffers.observations[w])
