"""Which proposal an expert drives by, state after state: what a prior over proposals imitates.

PDM says itself which of the fifteen it chose.  Of anybody else it is the one that comes nearest
to what was done: an error of acceleration ahead counts like one to the side.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivetrain.data.demonstrate import AT_ONCE, Asked, driver_of, picked, pushes
from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.sim.actions import ACTION_COLUMNS, PROPOSALS
from drivetrain.sim.compiled import compiled
from drivetrain.sim.dynamics import wanted
from drivetrain.sim.kernels.acting import propose
from drivetrain.sim.pdm import PdmDriver
from drivetrain.sim.road import Paths, paths_of
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.state import State
from drivetrain.sim.world import Worlds

MOST_SCENARIOS = 2048
"""Of a set: what is labelled stays in memory, 0.15 MB for each."""
NONE = -1
"""In the place of a proposal, where an expert drives by none."""

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Labelled:
    """States with what an expert did in them.

    seen: [states, size].  number: [states] of the proposal.  is_train: [states], else val.
    """

    seen: NDArray[np.float32]
    number: Rows
    is_train: NDArray[np.bool_]


def labelled(scenarios: ScenarioSet, asked: Asked, interrupt: Callable[[], None]) -> Labelled:
    """Every state of the drives that are fit to learn from.

    interrupt: called before every step; it may raise to leave.
    """
    rows = picked(scenarios, asked.scenarios or MOST_SCENARIOS)
    parts = [
        _labelled(scenarios, rows[first : first + AT_ONCE], asked, interrupt)
        for first in range(0, len(rows), AT_ONCE)
    ]
    seen, number, of = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Labelled(seen, number, scenarios.catalogue["split"][of] == "train")


def _labelled(
    scenarios: ScenarioSet, picks: Rows, asked: Asked, interrupt: Callable[[], None]
) -> tuple[NDArray[np.float32], Rows, Rows]:
    """States, labels and the scenarios they are of, all picks driven at once."""
    count, settings = len(picks), asked.settings
    worlds = Worlds(
        scenarios.arrays,
        settings,
        num_worlds=count,
        seed=asked.seed,
        picks=picks,
        in_order=True,
    )
    worlds.reset()
    driver = driver_of(asked.driver)
    steps, columns = settings.horizon, ACTION_COLUMNS["bicycle"]
    noise = pushes(asked, picks, (steps, count, columns))
    seen = np.zeros((steps, count, worlds.layout.size), np.float32)
    number = np.full((steps, count), NONE, np.int64)
    goes_on, is_fit = np.ones(count, np.bool_), np.ones(count, np.bool_)
    for step in range(steps):
        interrupt()
        action = np.asarray(driver.act(worlds), np.float32)
        seen[step] = worlds.observations
        label = _chosen(driver) if isinstance(driver, PdmDriver) else nearest(worlds, action)
        number[step] = np.where(goes_on, label, NONE)
        worlds.step(np.clip(action + noise[step], -1.0, 1.0))
        ended = goes_on & (worlds.terminated | worlds.truncated)
        is_fit[ended] = ~(worlds.episodes.at_fault | worlds.episodes.off_road)[ended]
        goes_on &= ~ended
        if not goes_on.any():
            break
    step_of, world_of = np.nonzero((number != NONE) & is_fit)
    return seen[step_of, world_of], number[step_of, world_of], picks[world_of]


def _chosen(driver: PdmDriver) -> Rows:
    """PDM's own choice, and none where it brakes instead."""
    return np.where(driver.plans.brakes == 1, NONE, driver.plans.proposal)


def nearest(worlds: Worlds, actions: NDArray[np.float32]) -> Rows:
    """The proposal that comes nearest to an action of the bicycle, in every world.

    actions: [worlds, 2].
    """
    numbers = np.zeros(worlds.num_worlds, np.int64)
    paths = paths_of(worlds.scenarios)
    _find_nearest(worlds.scenarios, paths, worlds.state, actions, numbers)
    return numbers


@compiled
def _find_nearest(
    scenarios: ScenarioArrays,
    paths: Paths,
    state: State,
    actions: NDArray[np.float32],
    numbers: Rows,
) -> None:
    """By the squares of what differs in acceleration, ahead and to the side, in m/s^2."""
    e = state.egos
    for w in range(len(actions)):
        throttle, turn = np.float64(actions[w, 0]), np.float64(actions[w, 1])
        acceleration, steering = wanted(throttle, turn, e.speed[w], e.wheel_base[w])
        aside = e.speed[w] * e.speed[w] / e.wheel_base[w]
        least = np.inf
        for number in range(PROPOSALS):
            its, its_steering = propose(scenarios, paths, state, w, number)
            ahead = its - acceleration
            side = aside * (np.tan(its_steering) - np.tan(steering))
            far = ahead * ahead + side * side
            if far < least:
                least, numbers[w] = far, number
