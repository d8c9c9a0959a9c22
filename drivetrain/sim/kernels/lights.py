"""Traffic lights: which line is ahead, what it shows, and who drove past it on red."""

import math

import numpy as np

from drivetrain.sim.compiled import compiled, inlined
from drivetrain.sim.kernels.buffers import NO_SIGNAL, RED
from drivetrain.sim.road import Paths, project_near
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.state import State
from drivetrain.sim.traffic import LOOK_AHEAD_M, Manner, stops_at


@inlined
def has_lights(scenarios: ScenarioArrays, state: State, w: int) -> bool:
    """Whether there is any light in world w; without one nothing below has to be asked."""
    return bool(scenarios.lights[scenarios.road[state.progress.scenario[w]]] > 0)


@inlined
def shown(scenarios: ScenarioArrays, scenario: int, light: int, step: int) -> int:
    """What a light shows at a step; what it showed last once the log is over."""
    steps = int(scenarios.steps[scenario])
    row = scenarios.first_signal[scenario] + light * steps + min(step, steps - 1)
    return int(scenarios.signal[row])


@inlined
def line_ahead(
    scenarios: ScenarioArrays, state: State, w: int, j: int, step: int
) -> tuple[float, int]:
    """(gap in m, signal) of the next stop line before slot j's front; inf for none near."""
    d, path = state.drivers, state.drivers.path[w, j]
    front = d.along[w, j] + state.bodies.half_length[w, j]
    nearest, light = math.inf, -1
    for stop in range(scenarios.first_stop[path], scenarios.first_stop[path + 1]):
        gap = np.float64(scenarios.stop_m[stop]) - front
        if 0.0 < gap < nearest:
            nearest, light = gap, scenarios.stop_light[stop]
    if nearest > LOOK_AHEAD_M:
        return math.inf, NO_SIGNAL
    return nearest, shown(scenarios, state.progress.scenario[w], light, step)


@inlined
def gap_to_stop(
    scenarios: ScenarioArrays, state: State, w: int, j: int, step: int, manner: Manner
) -> float:
    """The gap to a line at which slot j's driver has to stop, in m; inf if it may go on."""
    gap, signal = line_ahead(scenarios, state, w, j, step)
    return gap if stops_at(signal, gap, state.drivers.speed[w, j], manner) else math.inf


@inlined
def note_line(scenarios: ScenarioArrays, state: State, w: int) -> None:
    """The next line of the ego's route, as rules and observations read it."""
    e = state.egos
    e.line_gap[w], e.line_signal[w] = math.inf, NO_SIGNAL
    if has_lights(scenarios, state, w):
        gap, signal = line_ahead(scenarios, state, w, 0, state.progress.step[w])
        e.line_gap[w], e.line_signal[w] = gap, signal


@inlined
def red_lines_crossed(
    scenarios: ScenarioArrays, paths: Paths, state: State, w: int, old_along: float
) -> int:
    """How many lines the ego's front crossed in this step that showed red when it began.

    Lines that the expert crossed on red too do not count: there the log's lights are wrong, or
    the line is.
    """
    d, p, crossed = state.drivers, state.progress, 0
    scenario, path = p.scenario[w], d.path[w, 0]
    half_length = state.bodies.half_length[w, 0]
    for stop in range(scenarios.first_stop[path], scenarios.first_stop[path + 1]):
        line = np.float64(scenarios.stop_m[stop])
        if (
            old_along + half_length < line <= d.along[w, 0] + half_length
            and shown(scenarios, scenario, scenarios.stop_light[stop], p.step[w] - 1) == RED
            and not expert_runs(scenarios, paths, scenario, d.agent[w, 0], path, stop)
        ):
            crossed += 1
    return crossed


@compiled
def expert_runs(
    scenarios: ScenarioArrays, paths: Paths, scenario: int, agent: int, path: int, stop: int
) -> bool:
    """Whether an agent's front crossed a line of its path in the log while it showed red."""
    start = scenarios.first_point[path]
    points = scenarios.first_point[path + 1] - start
    line = np.float64(scenarios.stop_m[stop]) - 0.5 * np.float64(scenarios.length[agent])
    steps, first = int(scenarios.steps[scenario]), scenarios.first_frame[agent]
    along: float = np.float64(scenarios.entry_m[agent])
    for frame in range(first + 1, scenarios.first_frame[agent + 1]):
        if scenarios.valid[frame] == 0:
            continue
        before = along
        where = (np.float64(scenarios.x[frame]), np.float64(scenarios.y[frame]))
        along, _ = project_near(paths, start, points, along, where)
        step = scenarios.start_step[agent] + frame - first - 1
        row = scenarios.first_signal[scenario] + scenarios.stop_light[stop] * steps + step
        if before < line <= along and scenarios.signal[row] == RED:
            return True
    return False
