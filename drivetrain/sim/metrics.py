"""How well scenarios were driven: what success and progress mean is defined here, once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.planners import Driver
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.score.progress import LEAST_PROGRESS_M
from drivetrain.sim.score.terms import METRICS
from drivetrain.sim.state import Episodes
from drivetrain.sim.world import Worlds

SUCCESS_PROGRESS = 0.8
MOST_WORLDS = 256


class EpisodeTable(NamedTuple):
    """One episode per driven scenario, in the order of the picks.  All [picks].

    progress: the ego's distance along the route as a share of the expert's, 0 to 1.
    score: nuPlan's closed-loop score, NaN where the map does not tell it.
    red_lights: how many lines were crossed on red, where the expert did not.
    metrics: [picks, metrics] in the order of `score.terms.METRICS`, NaN likewise.
    success: no collision at fault, on the road, and progress of at least SUCCESS_PROGRESS.
    """

    scenario: NDArray[np.int64]
    end_reason: NDArray[np.int64]
    steps: NDArray[np.int64]
    success: NDArray[np.bool_]
    collision: NDArray[np.bool_]
    at_fault_collision: NDArray[np.bool_]
    off_road: NDArray[np.bool_]
    red_lights: NDArray[np.int64]
    progress: NDArray[np.float64]
    mean_speed_mps: NDArray[np.float64]
    reward: NDArray[np.float64]
    score: NDArray[np.float64]
    metrics: NDArray[np.float64]


def drive_each(
    scenarios: ScenarioArrays,
    picks: NDArray[np.int64],
    settings: EnvironmentSettings,
    driver: Driver,
    *,
    seed: int = 0,
) -> EpisodeTable:
    """Every picked scenario, driven once by the driver, in its own action space.

    Without the chance that training may have asked for: all drivers are to meet the same.
    """
    settings = settings.for_judging().model_copy(update={"actions": driver.actions})
    worlds = Worlds(
        scenarios,
        settings,
        num_worlds=min(len(picks), MOST_WORLDS),
        seed=seed,
        picks=picks,
        in_order=True,
    )
    worlds.reset()
    rows = _Rows(len(picks))
    while not rows.are_complete():
        worlds.step(driver.act(worlds))
        rows.take(worlds)
    return table_of(rows)


class _Rows:
    """What the episodes reported, at the place of their pick."""

    def __init__(self, picks: int) -> None:
        self.scenario = np.full(picks, -1, np.int64)
        self.end_reason = np.zeros(picks, np.int64)
        self.steps = np.zeros(picks, np.int64)
        self.collided = np.zeros(picks, np.bool_)
        self.at_fault = np.zeros(picks, np.bool_)
        self.off_road = np.zeros(picks, np.bool_)
        self.red_lights = np.zeros(picks, np.int64)
        self.progress_m = np.zeros(picks)
        self.expert_m = np.zeros(picks)
        self.mean_speed_mps = np.zeros(picks)
        self.total_reward = np.zeros(picks)
        self.score = np.zeros(picks)
        self.metrics = np.zeros((picks, len(METRICS)))

    def are_complete(self) -> bool:
        return bool((self.scenario >= 0).all())

    def take(self, worlds: Worlds) -> None:
        ended = np.flatnonzero(worlds.terminated | worlds.truncated)
        # The worlds are in their next episode already: the ended one was the one before.
        row = ended + (worlds.state.progress.episode[ended] - 1) * worlds.num_worlds
        ended, row = ended[row < len(self.scenario)], row[row < len(self.scenario)]
        for name, column in vars(self).items():
            column[row] = getattr(worlds.episodes, name)[ended]


def table_of(rows: "_Rows | Episodes") -> EpisodeTable:
    """What the episodes' summaries mean; rows that hold no ended episode must be left out."""
    progress = progress_ratio(rows.progress_m, rows.expert_m)
    return EpisodeTable(
        scenario=rows.scenario,
        end_reason=rows.end_reason,
        steps=rows.steps,
        success=~rows.at_fault & ~rows.off_road & (progress >= SUCCESS_PROGRESS),
        collision=rows.collided,
        at_fault_collision=rows.at_fault,
        off_road=rows.off_road,
        red_lights=rows.red_lights,
        progress=progress,
        mean_speed_mps=rows.mean_speed_mps,
        reward=rows.total_reward,
        score=rows.score,
        metrics=rows.metrics,
    )


def progress_ratio(
    progress_m: NDArray[np.float64], expert_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """min(1, max(ego, least) / max(expert, least)), as nuPlan scores progress."""
    least = LEAST_PROGRESS_M
    ratio: NDArray[np.float64] = np.maximum(progress_m, least) / np.maximum(expert_m, least)
    return np.minimum(ratio, 1.0)
