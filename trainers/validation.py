"""Validation: how well the policy drives scenarios that it does not train on, now and then."""

import math

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.policies import BasePolicy

from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.sim.metrics import EpisodeTable, drive_each
from trainers.checkpoints import State
from trainers.judgement import groups_of, scores_of
from trainers.policy import Interrupt, Interruptible, PolicyDriver
from trainers.statistics import Groups
from trainers.train_request import TrainRequest


class Validation:
    """Drives the validation scenarios, and knows when last and which result was the best."""

    def __init__(self, request: TrainRequest, scenarios: ScenarioSet) -> None:
        self._request = request
        self._scenarios = scenarios
        self._best = (-math.inf, -math.inf, -math.inf)
        self._driven_at = 0
        self.best_reward: float | None = None

    @property
    def groups(self) -> Groups:
        """[scenarios] of which recorded drive each one that is driven is a part."""
        return groups_of(self._scenarios.catalogue[self._picks])

    @property
    def _picks(self) -> NDArray[np.int64]:
        return self._scenarios.picks("val")[: self._request.training.eval_scenarios]

    def is_due(self, step: int) -> bool:
        """Whether enough steps have passed since the last drive."""
        return step >= self._driven_at + self._request.training.eval_every

    def is_done(self, step: int) -> bool:
        """Whether the policy of this step has been driven."""
        return 0 < step == self._driven_at

    def drive(self, policy: BasePolicy, interrupt: Interrupt) -> EpisodeTable:
        """An episode of every validation scenario; draws from no random generator."""
        policy.set_training_mode(mode=False)
        environment = self._request.environment.for_judging()
        driver = Interruptible(PolicyDriver(policy, environment.actions), interrupt)
        return drive_each(self._scenarios.arrays, self._picks, environment, driver)

    def takes(self, step: int, table: EpisodeTable, tie: float = 0.0) -> bool:
        """Note a drive; whether none was better: by score, progress, and then by `tie`.

        Where a map tells no score, a success counts as 1 and anything else as 0.
        """
        self._driven_at = step
        result = (float(scores_of(table).mean()), float(table.progress.mean()), tie)
        is_best = result > self._best
        if is_best:
            self._best, self.best_reward = result, float(table.reward.mean())
        return is_best

    def state(self) -> State:
        """What it knows, as plain data."""
        return {
            "driven_at": self._driven_at,
            "best": list(self._best),
            "best_reward": self.best_reward,
        }

    def restore(self, state: State) -> None:
        """Know that again."""
        score, progress, tie = state["best"]
        self._driven_at, self._best = state["driven_at"], (score, progress, tie)
        self.best_reward = state["best_reward"]
