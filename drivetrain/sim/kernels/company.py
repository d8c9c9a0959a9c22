"""Self-play: how the worlds of a group share one scene.

World first + k of a group is the scene as seen from its seat k. Bodies are not shared but
copied: each world has everybody in slots of its own, so that whatever looks at a world need not
know of groups. A group of one is a world as in any other traffic.
"""

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import inlined
from drivetrain.sim.kernels.beginning import begin, begin_episode
from drivetrain.sim.kernels.buffers import Buffers, Rules
from drivetrain.sim.kernels.ego import is_off_road
from drivetrain.sim.kernels.others import copy_sibling, is_free, place_by_log, try_to_enter
from drivetrain.sim.layout import ObservationLayout
from drivetrain.sim.road import ROUTE_END_M, Paths
from drivetrain.sim.scenario import PATH_SPACING_M, ScenarioArrays
from drivetrain.sim.state import State
from drivetrain.sim.traffic import ENTRY_GAP_M, ENTRY_GAP_S


@inlined
def begin_scene(
    scenarios: ScenarioArrays,
    paths: Paths,
    rules: Rules,
    state: State,
    first: int,
    scenario: int,
) -> None:
    """The worlds of a group at the start of a scenario, with whoever is in its first frame."""
    for w in range(first, first + rules.seats):
        begin(scenarios, rules, state, w, scenario)
    admit(scenarios, paths, rules, state, first)
    for w in range(first, first + rules.seats):
        if state.progress.on_stage[w]:
            meet_company(scenarios, state, w)
            for j in range(1, state.progress.slots[w]):
                try_to_enter(scenarios, paths, state, w, j, 0)


@inlined
def admit(
    scenarios: ScenarioArrays, paths: Paths, rules: Rules, state: State, first: int
) -> None:
    """Seats off stage begin an episode where their vehicles are logged now, if it is free.

    The lower seat first: the next one sees it.
    """
    d, p = state.drivers, state.progress
    for w in range(first, first + rules.seats):
        agent, step = d.agent[w, 0], p.step[w]
        frame = scenarios.first_frame[agent] + step - scenarios.start_step[agent]
        if (
            p.on_stage[w]
            or agent < 0
            or step >= p.last_step[w]
            or step < scenarios.start_step[agent]
            or frame >= scenarios.first_frame[agent + 1]
            or scenarios.valid[frame] == 0
        ):
            continue
        begin_episode(scenarios, paths, state, w, frame)
        # The scenario's own beginning is not questioned: elsewhere there is nothing else in it.
        if step == 0 and w == first:
            p.on_stage[w] = 1
        else:
            meet_company(scenarios, state, w)
            p.on_stage[w] = 1 if may_begin(scenarios, state, w) else 0
        state.bodies.present[w, 0] = p.on_stage[w]


@inlined
def may_begin(scenarios: ScenarioArrays, state: State, w: int) -> bool:
    """Whether the ego's place is free, on the road, and short of its route's end."""
    d, p = state.drivers, state.progress
    # Who has been there from the start needs no more room than the log left it.
    gap = ENTRY_GAP_M + ENTRY_GAP_S * d.speed[w, 0] if p.step[w] > 0 else 0.0
    if d.along[w, 0] >= (d.points[w, 0] - 1) * PATH_SPACING_M - ROUTE_END_M:
        return False
    return is_free(state, w, 0, gap) and not is_off_road(scenarios, state, w)


@inlined
def meet_company(scenarios: ScenarioArrays, state: State, w: int) -> None:
    """The other egos of the group, and who only replays, where they are now."""
    d, step = state.drivers, state.progress.step[w]
    for j in range(1, state.progress.slots[w]):
        if d.row[w, j] >= 0:
            copy_sibling(state, w, j)
        else:
            place_by_log(scenarios, state, w, j, step)


@inlined
def remain(rules: Rules, state: State, buffers: Buffers, first: int) -> bool:
    """Takes those off stage whose episodes ended; whether anybody of the group is left.

    Nobody is when time is up; and where nobody is, the scene is over.
    """
    is_anybody_left = False
    for w in range(first, first + rules.seats):
        if buffers.terminated[w] or buffers.truncated[w]:
            state.progress.on_stage[w] = 0
            state.bodies.present[w, 0] = 0
        if state.progress.on_stage[w]:
            is_anybody_left = True
    return is_anybody_left


@inlined
def rest(buffers: Buffers, w: int) -> None:
    """Nothing happened to this world's ego in this step."""
    buffers.rewards[w] = 0.0
    for part in range(buffers.parts.shape[1]):
        buffers.parts[w, part] = 0.0
    buffers.terminated[w], buffers.truncated[w] = False, False


@inlined
def see_nothing(layout: ObservationLayout, out: NDArray[np.float32]) -> None:
    """What is seen off stage.  out: [size]."""
    for at in range(layout.size):
        out[at] = 0.0
