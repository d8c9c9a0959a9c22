"""PPO that can stay near another policy, and can start from one that came without values.

The loss is (1 - lam) L_PPO + lam KL, as HR-PPO has it (arXiv 2403.19648), with the closed form
of diagonal Gaussians.  Without another policy the update is that of stable-baselines3, and with
lam = 0 it makes the same weights, bit for bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from stable_baselines3.common.utils import explained_variance
from torch import Tensor
from torch.distributions import Normal
from torch.nn import functional
from torch.optim import Optimizer
from typing_extensions import override

from trainers.finetune_request import Direction
from trainers.warm_start import STAGES, WarmStart
from trainers.warm_start_request import WarmStartSettings

TOLD = (
    *("entropy_loss", "policy_gradient_loss", "value_loss", "approx_kl", "clip_fraction"),
    *("loss", "kl_to_start"),
)
"""What an update tells, in the order of `_losses`."""
PATIENCE = 1.5
"""Times the target KL at which the updates of a rollout stop, as in stable-baselines3."""


@dataclass(frozen=True, slots=True)
class Pull:
    """What keeps a policy near another one.

    towards: the other policy, frozen.  weight: lam by the share of the run that is done.
    """

    towards: ActorCriticPolicy
    direction: Direction
    weight: Callable[[float], float]

    def divergence(self, seen: Tensor, policy: Normal) -> Tensor:
        """KL between both policies' actions, a mean over states.  seen: [batch, numbers]."""
        with torch.no_grad():
            other = gaussian(self.towards, seen)
        pair = (other, policy) if self.direction == "tau_pi" else (policy, other)
        return divergence(*pair).mean()


def gaussian(policy: ActorCriticPolicy, seen: Tensor) -> Normal:
    """What a policy does.  seen: [batch, numbers]."""
    return cast(Normal, policy.get_distribution(seen).distribution)


def divergence(first: Normal, second: Normal) -> Tensor:
    """KL(first || second) of diagonal Gaussians, [batch].

    Per column: log(s2 / s1) + (s1^2 + (m1 - m2)^2) / (2 s2^2) - 1/2.
    """
    apart = first.stddev.square() + (first.mean - second.mean).square()
    ratio = torch.log(second.stddev / first.stddev)
    return (ratio + apart / (2 * second.stddev.square()) - 0.5).sum(dim=1)


class PPOLearner(PPO):
    """PPO with a warm start, and with a pull towards another policy if it is given one."""

    pull: Pull | None = None

    def __init__(self, *arguments: Any, warm_start: WarmStartSettings, **named: Any) -> None:
        self.warm_start = WarmStart(warm_start)
        super().__init__(*arguments, **named)

    @override
    def train(self) -> None:
        self.warm_start.enter_update(self._acting_policy, self._explained())
        if self.pull is not None or self.warm_start.has_begun:
            self._train()
        else:
            super().train()
        self._record_stage()

    @property
    def _acting_policy(self) -> ActorCriticPolicy:
        return self.policy

    def _explained(self) -> float:
        """Variance of the rollout's returns that the value explained."""
        buffer = self.rollout_buffer
        return float(explained_variance(buffer.values.flatten(), buffer.returns.flatten()))

    @override
    def _update_learning_rate(self, optimizers: list[Optimizer] | Optimizer) -> None:
        super()._update_learning_rate(optimizers)
        for optimiser in optimizers if isinstance(optimizers, list) else [optimizers]:
            for group in optimiser.param_groups:
                group["lr"] *= self.warm_start.pace
                self.logger.record("train/learning_rate", group["lr"])

    def _train(self) -> None:
        """All passes over a rollout."""
        self.policy.set_training_mode(mode=True)
        done = 1.0 - self._current_progress_remaining
        lam = 0.0 if self.pull is None else self.pull.weight(done)
        told: list[Tensor] = []
        for _ in range(self.n_epochs):
            is_near = all(
                self._step(batch, lam, told)
                for batch in self.rollout_buffer.get(self.batch_size)
            )
            self._n_updates += 1
            if not is_near:
                break
        means = torch.stack(told).mean(dim=0).tolist()
        for name, value in zip(TOLD, means, strict=False):
            self.logger.record(f"train/{name}", value)
        self.logger.record("train/explained_variance", self._explained())
        self.logger.record("train/std", self._acting_policy.log_std.exp().mean().item())
        if self.pull is not None:
            self.logger.record("train/lam", lam)

    def _step(self, batch: RolloutBufferSamples, lam: float, told: list[Tensor]) -> bool:
        """One step of the optimiser, unless the policy is too far from the one that drove."""
        loss, losses = self._losses(batch, lam)
        told.append(losses)
        if self.target_kl is not None and losses[3] > PATIENCE * self.target_kl:
            return False
        self.warm_start.count_step()
        self._update_learning_rate(self.policy.optimizer)
        self.policy.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.policy.optimizer.step()
        return True

    def _losses(self, batch: RolloutBufferSamples, lam: float) -> tuple[Tensor, Tensor]:
        """The loss of a batch, and TOLD, the last of it only where there is a pull."""
        policy = self._acting_policy
        seen = cast(Tensor, policy.extract_features(batch.observations))
        hidden = policy.mlp_extractor.forward_actor(seen)
        told: Any = policy._get_action_dist_from_latent(hidden)  # noqa: SLF001 - no other way
        log_ratio = told.log_prob(batch.actions) - batch.old_log_prob
        valued = seen if self.warm_start.is_encoder_free else seen.detach()
        values = policy.value_net(policy.mlp_extractor.forward_critic(valued)).flatten()
        surrogate, clipped = self._surrogate(batch.advantages, log_ratio)
        value_loss = functional.mse_loss(batch.returns, values)
        entropy_loss = -told.entropy().mean()
        loss = surrogate + self.ent_coef * entropy_loss + self.vf_coef * value_loss
        pulls: list[Tensor] = []
        if self.pull is not None:
            pulls = [self.pull.divergence(batch.observations, told.distribution)]
            loss = (1.0 - lam) * loss + lam * pulls[0] if lam else loss
        with torch.no_grad():
            kl = ((log_ratio.exp() - 1) - log_ratio).mean()
            parts = (entropy_loss, surrogate, value_loss, kl, clipped, loss, *pulls)
            return loss, torch.stack(parts)

    def _surrogate(self, advantages: Tensor, log_ratio: Tensor) -> tuple[Tensor, Tensor]:
        """PPO's clipped objective as a loss, and the share of it that is clipped.

        advantages, log_ratio: [batch].
        """
        clip = cast(Any, self.clip_range)(self._current_progress_remaining)
        ratio = log_ratio.exp()
        if len(advantages) > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        free, held = advantages * ratio, advantages * ratio.clamp(1 - clip, 1 + clip)
        return -torch.min(free, held).mean(), ((ratio - 1).abs() > clip).float().mean()

    def _record_stage(self) -> None:
        """Which of STAGES an update was in, counted from 0; only where there was a start."""
        if self.warm_start.has_begun:
            at = STAGES.index(self.warm_start.stage)
            self.logger.record("train/warm_start", at)
