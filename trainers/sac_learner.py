"""SAC's update (Haarnoja et al. 2018, arXiv 1812.05905, algorithm 1), in the paper's order.

stable-baselines3 collects, and builds the networks; the update is our own, since it tells what
health is judged by, asks the device for numbers once per rollout, and leaves out the gradient
of the critics that the policy's loss has no use for.
"""

from typing import Any

import torch
from numpy.typing import NDArray
from stable_baselines3 import SAC
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.utils import polyak_update
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

CURVES = ("critic_loss", "mean_q", "max_q", "actor_loss", "entropy", "alpha")
"""What an update tells, in the order of `_update`."""


class SACLearner(SAC):
    """SAC with an update of our own; `random_until`: the step from which the policy drives."""

    random_until = 0

    @override
    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        self.policy.set_training_mode(True)
        told = torch.zeros(len(CURVES), device=self.device)
        for _ in range(gradient_steps):
            told += self._update(self._sampled(batch_size))
        self._n_updates += gradient_steps
        means = (told / gradient_steps).tolist()
        for name, value in zip(CURVES, means, strict=True):
            self.logger.record_mean(f"train/{name}", value)

    def _sampled(self, batch_size: int) -> ReplayBufferSamples:
        if self.replay_buffer is None:
            raise RuntimeError("SAC learns from a replay buffer, and has none")
        return self.replay_buffer.sample(batch_size)

    def _update(self, batch: ReplayBufferSamples) -> Tensor:
        """One step of everything that learns; returns CURVES."""
        actions, log_prob = self.actor.action_log_prob(batch.observations)
        alpha = self._learn_alpha(log_prob.detach())
        critic_loss, values = self._learn_critic(batch, alpha)
        actor_loss = self._learn_actor(batch.observations, actions, log_prob, alpha)
        polyak_update(self.critic.parameters(), self.critic_target.parameters(), self.tau)
        entropy = -log_prob.detach().mean()
        told = [critic_loss, values.mean(), values.max(), actor_loss, entropy, alpha.squeeze()]
        return torch.stack(told)

    def _learn_alpha(self, log_prob: Tensor) -> Tensor:
        """The temperature before its step: up where the entropy is below its target.

        log_prob: [batch].  Returns one number.
        """
        if self.ent_coef_optimizer is None or self.log_ent_coef is None:
            return self.ent_coef_tensor
        alpha = self.log_ent_coef.detach().exp()
        loss = -(self.log_ent_coef * (log_prob + float(self.target_entropy))).mean()
        self.ent_coef_optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.ent_coef_optimizer.step()
        return alpha

    def _learn_critic(self, batch: ReplayBufferSamples, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """Y = r + gamma (1 - d) (min_i Q'_i(s', a') - alpha log pi(a' | s')).

        Returns the loss, and both critics' values of the batch, [critics, batch].
        """
        with torch.no_grad():
            actions, log_prob = self.actor.action_log_prob(batch.next_observations)
            ahead = _each(self.critic_target(batch.next_observations, actions)).amin(dim=0)
            soft = ahead - alpha * log_prob
            # Only real ends count: a time limit hides the future and does not end it.
            target = batch.rewards[:, 0] + (1.0 - batch.dones[:, 0]) * self.gamma * soft
        values = _each(self.critic(batch.observations, batch.actions))
        loss = 0.5 * functional.mse_loss(values, target.expand_as(values)) * len(values)
        self.critic.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.critic.optimizer.step()
        return loss.detach(), values.detach()

    def _learn_actor(
        self, seen: Tensor, actions: Tensor, log_prob: Tensor, alpha: Tensor
    ) -> Tensor:
        """Alpha log pi(a | s) - min_i Q_i(s, a), through the action into the policy alone."""
        values = _each(self.critic(seen, actions)).amin(dim=0)
        loss = (alpha * log_prob - values).mean()
        self.actor.optimizer.zero_grad()
        torch.autograd.backward(loss, inputs=list(self.actor.parameters()))
        self.actor.optimizer.step()
        return loss.detach()

    @override
    def _sample_action(
        self, learning_starts: int, action_noise: Any = None, n_envs: int = 1
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        # The space would draw from a generator of its own, which is not in a saved state.
        # `learning_starts` grows where a resumed run has lost its buffer; the policy it has
        # drives meanwhile.
        if self.num_timesteps < self.random_until:
            columns = self.action_space.shape or ()
            drawn = (2.0 * torch.rand(n_envs, *columns) - 1.0).numpy()
            return drawn, drawn
        return super()._sample_action(0, action_noise, n_envs)


def _each(values: tuple[Tensor, ...]) -> Tensor:
    """Of each critic, [batch, 1], to [critics, batch]."""
    return torch.cat(values, dim=1).T
