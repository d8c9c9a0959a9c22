"""What watches a stable-baselines3 learner: numbers out, stops in, checkpoints kept."""

import math
import time
from typing import cast

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from typing_extensions import override

from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.sim.layout import ACTION_SIZE
from drivetrain.sim.metrics import EpisodeTable, drive_each
from drivetrain.sim.world import Worlds
from trainers import checkpoints
from trainers.checkpoints import Checkpoint
from trainers.contract import Places, Telemetry, leave_if_asked
from trainers.episodes import EndedEpisodes, summary
from trainers.policy import PolicyDriver
from trainers.requests import PPORequest

HEARTBEAT_S = 1.0


class Watch(BaseCallback):
    """Writes telemetry, evaluates on validation scenarios, keeps `best.pt` and `last.pt`."""

    def __init__(
        self,
        request: PPORequest,
        worlds: Worlds,
        scenarios: ScenarioSet,
        telemetry: Telemetry,
        places: Places,
    ) -> None:
        super().__init__()
        self._request = request
        self._worlds = worlds
        self._scenarios = scenarios
        self._telemetry = telemetry
        self._places = places
        self._ended = EndedEpisodes()
        self._next_eval = request.training.eval_every
        self._best = (-math.inf, -math.inf)
        self._heard_at = -math.inf
        self._saved_at = time.monotonic()

    @override
    def _on_step(self) -> bool:
        self._ended.collect(self._worlds)
        now = time.monotonic()
        if now - self._heard_at >= HEARTBEAT_S:
            self._heard_at = now
            self._telemetry.write(self.num_timesteps, {})
        leave_if_asked(self._telemetry)
        return True

    @override
    def _on_rollout_end(self) -> None:
        numbers = self._ended.means()
        self._ended = EndedEpisodes()
        for name, value in numbers.items():
            self.logger.record(f"rollout/{name}", value)
        self._check_finite()
        self._telemetry.write(self.num_timesteps, {**self._learning_numbers(), **numbers})
        if self.num_timesteps >= self._next_eval:
            self._next_eval = self.num_timesteps + self._request.training.eval_every
            self.evaluate()
        elif time.monotonic() - self._saved_at >= self._request.training.save_every_s:
            self.save_last()

    def save_last(self) -> None:
        """Replace `last.pt` by the policy as it stands, unless it is broken."""
        self._check_finite()
        with self._telemetry.phase("save"):
            checkpoints.save(self._places.checkpoints / "last.pt", self._checkpoint())
        self._saved_at = time.monotonic()
        self._telemetry.event(self.num_timesteps, "checkpoint", file="last.pt")

    @property
    def _policy(self) -> ActorCriticPolicy:
        return cast(ActorCriticPolicy, self.model.policy)

    def evaluate(self) -> None:
        """Drive the validation scenarios; save, as `best.pt` too if none drove better."""
        self._check_finite()
        with self._telemetry.phase("eval"):
            table = self._drive_validation()
        success, progress = float(table.success.mean()), float(table.progress.mean())
        for name, value in summary(table).items():
            self.logger.record(f"eval/{name}", value)
        self._telemetry.event(self.num_timesteps, "evaluated", **summary(table))
        if (success, progress) > self._best:
            self._best = (success, progress)
            self._save_best(float(table.reward.mean()))
        self.save_last()

    def _drive_validation(self) -> EpisodeTable:
        picks = self._scenarios.picks("val")[: self._request.training.eval_scenarios]
        self._policy.set_training_mode(mode=False)
        driver = PolicyDriver(self._policy, interrupt=lambda: leave_if_asked(self._telemetry))
        return drive_each(self._scenarios.arrays, picks, self._request.environment, driver)

    def _save_best(self, reward: float) -> None:
        with self._telemetry.phase("save"):
            checkpoints.save(self._places.checkpoints / "best.pt", self._checkpoint())
        self._telemetry.write(self.num_timesteps, {"best_reward": reward})
        self._telemetry.event(self.num_timesteps, "best", file="best.pt", reward=reward)

    def _checkpoint(self) -> Checkpoint:
        policy = self._policy
        return Checkpoint(
            algorithm=self._request.algorithm,
            step=self.num_timesteps,
            policy=policy.state_dict(),
            optimiser=policy.optimizer.state_dict(),
            request=self._request.model_dump(mode="json"),
            observation_size=self._worlds.layout.size,
            action_size=ACTION_SIZE,
        )

    def _learning_numbers(self) -> dict[str, float]:
        """What the last update reported: losses, KL, clip fraction, explained variance."""
        return {
            name.removeprefix("train/"): float(value)
            for name, value in self.logger.name_to_value.items()
            if name.startswith("train/") and isinstance(value, int | float | np.number)
        }

    def _check_finite(self) -> None:
        """A policy that holds a NaN learns nothing more and must not be saved.

        Raises:
            FloatingPointError: a parameter or a loss is NaN or infinite.
        """
        for name, value in self._learning_numbers().items():
            if not math.isfinite(value):
                raise FloatingPointError(f"{name} is {value} at step {self.num_timesteps}")
        for name, weights in self._policy.named_parameters():
            if not weights.isfinite().all():
                raise FloatingPointError(f"{name} is not finite at step {self.num_timesteps}")
