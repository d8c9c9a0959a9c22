"""The two doors of the kernels: step worlds, reset worlds."""

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import compiled, inlined
from drivetrain.sim.kernels.acting import act
from drivetrain.sim.kernels.beginning import pick
from drivetrain.sim.kernels.buffers import (
    AT_RED_LIGHT,
    AT_ROUTE_END,
    NO_END,
    OFF_THE_ROAD,
    OUT_OF_TIME,
    PARTS,
    Buffers,
    Rules,
    Scratch,
)
from drivetrain.sim.kernels.company import (
    admit,
    begin_scene,
    remain,
    rest,
    see_nothing,
)
from drivetrain.sim.kernels.ego import is_off_road, look_ahead, meet_others, route_row
from drivetrain.sim.kernels.observing import observe
from drivetrain.sim.kernels.others import decide_traffic, move_traffic
from drivetrain.sim.kernels.scoring import note_crossing, note_ego, score
from drivetrain.sim.layout import ObservationLayout
from drivetrain.sim.reward import (
    Parts,
    acceleration_in_the_middle,
    comfort_factor,
    lane_factor,
    route_share,
    speed_factor,
    total,
    ttc_factor,
)
from drivetrain.sim.road import ROUTE_END_M, Paths, paths_of
from drivetrain.sim.scenario import PATH_SPACING_M, ScenarioArrays
from drivetrain.sim.score.episode import Workplace
from drivetrain.sim.state import Episodes, Ints, State


@inlined
def end_reason(rules: Rules, state: State, w: int, failure: int) -> int:
    """The reason this step ended the episode; a failure outweighs an arrival."""
    d, p = state.drivers, state.progress
    if failure != NO_END and not rules.goes_on:
        return failure
    if rules.ends_on_red and p.red_lights[w] > 0:
        return AT_RED_LIGHT
    if d.along[w, 0] >= (d.points[w, 0] - 1) * PATH_SPACING_M - ROUTE_END_M:
        return AT_ROUTE_END
    if p.step[w] >= p.last_step[w]:
        return OUT_OF_TIME
    return NO_END


@inlined
def comfort(state: State, w: int) -> float:
    """How comfortable this step was."""
    e = state.egos
    turns, spins = e.yaw_rate[w], e.yaw_acceleration[w]
    along = acceleration_in_the_middle(e.acceleration[w], turns, spins, e.rear_to_centre[w])
    return comfort_factor(along, e.speed[w] * turns, e.jerk[w], turns, spins)


@inlined
def judge(
    paths: Paths,
    state: State,
    w: int,
    failure: int,
    reason: int,
    soonest_s: float,
) -> Parts:
    """The parts of this step's reward; moves the best progress on and notes a failure."""
    d, p, e = state.drivers, state.progress, state.egos
    at = route_row(state, w)
    best = max(p.best_m[w], d.along[w, 0] - p.begin_m[w])
    share = route_share(p.best_m[w], best, p.expert_m[w])
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
        comfort(state, w),
        ttc_factor(soonest_s),
        1.0 if crashes else 0.0,
        1.0 if leaves else 0.0,
        1.0 if reason == AT_RED_LIGHT else 0.0,
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
def summarise(state: State, episodes: Episodes, w: int, reason: int) -> None:
    """The row of the episode that ends with this step."""
    p = state.progress
    steps = p.step[w] - p.entered[w]
    episodes.scenario[w] = p.scenario[w]
    episodes.steps[w] = steps
    episodes.end_reason[w] = reason
    episodes.collided[w] = p.collided[w]
    episodes.at_fault[w] = p.at_fault[w]
    episodes.off_road[w] = p.off_road[w]
    episodes.red_lights[w] = p.red_lights[w]
    episodes.total_reward[w] = p.total_reward[w]
    episodes.progress_m[w] = p.best_m[w]
    episodes.expert_m[w] = p.expert_m[w]
    episodes.mean_speed_mps[w] = p.speed_sum[w] / steps
    for part in range(PARTS):
        episodes.part_means[w, part] = p.part_sums[w, part] / steps


@inlined
def judge_step(
    scenarios: ScenarioArrays,
    paths: Paths,
    rules: Rules,
    layout: ObservationLayout,
    state: State,
    buffers: Buffers,
    episodes: Episodes,
    scratch: Scratch,
    work: Workplace,
    w: int,
) -> None:
    """What the step of an ego was worth, and whether its episode ends with it."""
    note_ego(state, w)
    failure, at_fault, soonest = meet_others(scenarios, paths, state, w)
    state.progress.at_fault[w] |= at_fault
    if is_off_road(scenarios, state, w):
        note_crossing(state, w)
        failure = OFF_THE_ROAD if failure == NO_END else failure
    reason = end_reason(rules, state, w, failure)
    parts = judge(paths, state, w, failure, reason, soonest)
    account(state, buffers, w, parts, total(parts, rules.weights))
    buffers.terminated[w] = reason not in (NO_END, OUT_OF_TIME)
    buffers.truncated[w] = reason == OUT_OF_TIME
    if reason != NO_END:
        observe(
            scenarios, paths, rules, state, layout, scratch, w, buffers.final_observations[w]
        )
        score(scenarios, state, episodes, work, w)
        summarise(state, episodes, w, reason)


@inlined
def next_scene(
    scenarios: ScenarioArrays,
    picks: Ints,
    paths: Paths,
    rules: Rules,
    state: State,
    scratch: Scratch,
    first: int,
    wanted: int,
) -> None:
    """The group whose first world this is begins a wanted scenario, or (-1) a drawn one."""
    p = state.progress
    for w in range(first, first + rules.seats):
        p.episode[w] += 1
    scenario = wanted
    if scenario < 0:
        scenario = pick(picks, rules, first // rules.seats, p.episode[first])
    begin_scene(scenarios, paths, rules, state, first, scenario)
    for w in range(first, first + rules.seats):
        if p.on_stage[w]:
            look_ahead(scenarios, paths, state, scratch, w)


@inlined
def show(
    scenarios: ScenarioArrays,
    paths: Paths,
    rules: Rules,
    layout: ObservationLayout,
    state: State,
    buffers: Buffers,
    scratch: Scratch,
    first: int,
) -> None:
    """What the egos of a group see now; who has just begun notes its first frame."""
    p = state.progress
    for w in range(first, first + rules.seats):
        if p.on_stage[w]:
            if p.step[w] == p.entered[w]:
                note_ego(state, w)
                meet_others(scenarios, paths, state, w)
            observe(scenarios, paths, rules, state, layout, scratch, w, buffers.observations[w])
        else:
            see_nothing(layout, buffers.observations[w])


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
    work: Workplace,
    actions: NDArray[np.float32],
    first: int,
    last: int,
) -> None:
    """One step of the worlds first..last-1, whole groups; ended ones begin the next at once.

    actions: [worlds, columns], as `actions.py` has them. The observation of an ended episode's
    last state goes to `final_observations`, that of the new episode's first to `observations`.
    All egos of a group move before any of them looks about; who ends is seen a last time in
    this step.
    """
    paths, p = paths_of(scenarios), state.progress
    for group in range(first // rules.seats, last // rules.seats):
        one = group * rules.seats
        for w in range(one, one + rules.seats):
            p.step[w] += 1
            if p.on_stage[w]:
                decide_traffic(scenarios, paths, rules, state, scratch, w)
                act(scenarios, paths, rules, state, w, actions)
        admit(scenarios, paths, rules, state, one)
        for w in range(one, one + rules.seats):
            if p.on_stage[w]:
                move_traffic(scenarios, paths, rules, state, scratch, w)
                look_ahead(scenarios, paths, state, scratch, w)
            if p.on_stage[w] and p.entered[w] < p.step[w]:
                judge_step(
                    scenarios, paths, rules, layout, state, buffers, episodes, scratch, work, w
                )
            else:
                rest(buffers, w)
        if not remain(rules, state, buffers, one):
            next_scene(scenarios, picks, paths, rules, state, scratch, one, -1)
        show(scenarios, paths, rules, layout, state, buffers, scratch, one)


@compiled
def reset_worlds(
    scenarios: ScenarioArrays,
    picks: Ints,
    rules: Rules,
    layout: ObservationLayout,
    state: State,
    buffers: Buffers,
    scratch: Scratch,
    groups: Ints,
    wanted_scenarios: Ints,
) -> None:
    """Begin the next episode of the given groups, in a wanted scenario or (-1) a drawn one."""
    paths = paths_of(scenarios)
    for number in range(len(groups)):
        one = groups[number] * rules.seats
        wanted = wanted_scenarios[number]
        next_scene(scenarios, picks, paths, rules, state, scratch, one, wanted)
        show(scenarios, paths, rules, layout, state, buffers, scratch, one)
