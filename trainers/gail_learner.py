"""PPO whose rewards come from a discriminator, once a rollout is whole.

The order is that of the paper's algorithm 1: drive, update the discriminator, then the policy
by what the discriminator says now.  All transitions of a rollout are judged in one pass.
"""

from collections.abc import Iterator
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn
from torch import Tensor
from typing_extensions import override

from drivetrain.data.demonstrations import Batches, Demonstrations
from drivetrain.sim.world import Worlds
from trainers.discriminator import Discriminator
from trainers.gail_request import GAILRequest
from trainers.stopwatch import TimedVecEnv

Floats = NDArray[np.float32]


class KeepsRewards(Protocol):
    """What tells afterwards what the worlds would have paid."""

    kept: list[Floats]


class SilentVecEnv(TimedVecEnv):
    """Worlds that keep their rewards to themselves.

    kept: those of each step since they were last taken, [worlds].

    cuts: every end is told as a time-out.  An arrival says nothing of who drove, and must
    neither pay nor cost: what would have come is estimated instead.
    """

    def __init__(self, worlds: Worlds, *, cuts: bool) -> None:
        super().__init__(worlds)
        self.kept: list[Floats] = []
        self._cuts = cuts

    @override
    def step_wait(self) -> VecEnvStepReturn:
        seen, rewards, dones, infos = super().step_wait()
        self.kept.append(rewards)
        for world in np.flatnonzero(dones) if self._cuts else ():
            infos[world]["TimeLimit.truncated"] = True
        return seen, np.zeros_like(rewards), dones, infos


class UnjudgedRollout(RolloutBuffer):
    """A rollout whose rewards, and with them its advantages, come later.

    Until then `rewards` hold what stable-baselines3 adds for time-outs, gamma V(last state).
    """

    ends: tuple[Tensor, NDArray[np.bool_]]

    @override
    def compute_returns_and_advantage(
        self, last_values: Tensor, dones: NDArray[np.bool_]
    ) -> None:
        self.ends = last_values, dones

    def judge(self, rewards: Floats) -> None:
        """Take the rewards, [steps, worlds], and tell advantages from them."""
        self.rewards += rewards
        super().compute_returns_and_advantage(*self.ends)


class Adversary:
    """A discriminator with the demonstrations that it compares a policy to.

    updates: how many it has had.  source: the hash of the actions that were demonstrated.
    """

    def __init__(
        self, request: GAILRequest, discriminator: Discriminator, device: torch.device
    ) -> None:
        self.discriminator = discriminator
        self.updates = 0
        self.source: str | None = None
        self._seed = request.seed
        self._settings = request.gail
        self._device = device
        self._batches: Batches | None = None
        self._expert: Iterator[Any] = iter(())

    def open(self, demonstrations: Demonstrations) -> bool:
        """Compare to these from here on; whether they are those of an earlier attempt."""
        note = demonstrations.manifest.files["actions.npy"]
        same, self.source = self.source in (None, note.sha256), note.sha256
        rows, size = demonstrations.rows("train"), self._settings.disc_batch_size
        self._batches = Batches(demonstrations, rows, size, self._seed)
        self._batches.done = self.updates
        self._expert = iter(self._batches)
        return same

    def learn(self, states: Tensor, actions: Tensor) -> dict[str, float]:
        """The updates of a round, on what the policy did; the mean of what each tells.

        states: [transitions, numbers of the layout].  actions: [transitions, columns].
        """
        sums: dict[str, Tensor] = {}
        for _ in range(self._settings.disc_updates):
            random = np.random.default_rng([self._seed, self.updates])
            size = self._settings.disc_batch_size
            picked = torch.from_numpy(random.choice(len(states), size, replace=False))
            shown = next(self._expert)
            expert = self._tensor(shown["obs"]), self._tensor(shown["acts"])
            told = self.discriminator.update(
                expert, (states[picked].to(self._device), actions[picked].to(self._device))
            )
            self.updates += 1
            sums = {name: sums.get(name, 0.0) + value for name, value in told.items()}
        rounds = self._settings.disc_updates
        return {name: float(total) / rounds for name, total in sums.items()}

    def judge(self, states: Tensor, actions: Tensor) -> Floats:
        """The policy's reward for each transition."""
        told = self.discriminator.rewards(states.to(self._device), actions.to(self._device))
        rewards: Floats = told.cpu().numpy()
        return rewards

    def _tensor(self, column: Floats) -> Tensor:
        return torch.from_numpy(column).to(self._device)


class GAILLearner(PPO):
    """PPO on what its adversary thinks of it.

    adversary: set before learning begins.
    """

    adversary: Adversary
    rollout_buffer: UnjudgedRollout

    def judged_by(self, adversary: Adversary) -> "GAILLearner":
        """The same learner, with this adversary."""
        self.adversary = adversary
        self.rollout_buffer = UnjudgedRollout(
            self.n_steps,
            self.observation_space,
            self.action_space,
            device=self.device,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            n_envs=self.n_envs,
        )
        return self

    @override
    def train(self) -> None:
        """Let the adversary learn from the rollout and judge it; then learn from that."""
        rollout = self.rollout_buffer
        shape = rollout.rewards.shape
        states = torch.from_numpy(_flat(rollout.observations))
        # As they were executed: what lies beyond an action's range would tell the policy.
        actions = torch.from_numpy(_flat(rollout.actions)).clamp(-1.0, 1.0)
        told = self.adversary.learn(states, actions)
        rewards = self.adversary.judge(states, actions)
        worlds = cast(KeepsRewards, self.env)
        true, worlds.kept = np.stack(worlds.kept), []
        told["learned_reward"] = float(rewards.mean())
        told |= _correlation(rewards, true.ravel())
        for name, value in told.items():
            self.logger.record(f"train/{name}", value)
        # A discounted sum of these is a mean: values stay near the size of a reward.
        rollout.judge((1.0 - self.gamma) * rewards.reshape(shape))
        super().train()


def _flat(column: Floats) -> Floats:
    """[steps, worlds, numbers] as [transitions, numbers]."""
    return column.reshape(-1, column.shape[-1])


def _correlation(learned: Floats, true: Floats) -> dict[str, float]:
    """Pearson's between the learned reward and the one nobody told; empty if constant."""
    if not (learned.std() > 0.0 and true.std() > 0.0):
        return {}
    return {"reward_correlation": float(np.corrcoef(learned, true)[0, 1])}
