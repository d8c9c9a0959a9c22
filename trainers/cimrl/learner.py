"""The updates: discrete SAC for the task, twin critics for the risk, a policy to recover.

With fifteen proposals every expectation over them is a sum; nothing is sampled but decisions.
"""

import copy
from collections.abc import Iterator, Mapping

import torch
from stable_baselines3.common.utils import polyak_update
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam, Optimizer

from trainers.cimrl import safe_set
from trainers.cimrl.deciding import Choice
from trainers.cimrl.policy import CIMRLPolicy, Outlook
from trainers.cimrl.ring import Batch
from trainers.cimrl_request import CIMRLSettings


class Learner:
    """The policy with its targets and optimisers.

    told: sums of what updates report, by name, since somebody asked.
    """

    def __init__(self, policy: CIMRLPolicy, settings: CIMRLSettings) -> None:
        self.policy = policy
        self.settings = settings
        self.critic_targets = _frozen(policy.critics)
        self.risk_targets = _frozen(policy.risks)
        self.updates = 0
        policy.prior.requires_grad_(requires_grad=False)
        learned: dict[str, nn.Module] = {
            "critic": policy.critics,
            "task": policy.task,
            "risk": policy.risks,
        }
        if policy.learns_recovery:
            learned["recovery"] = policy.recover
        self.optimisers: Mapping[str, Optimizer] = {
            name: Adam(network.parameters(), settings.learning_rate, fused=True)
            for name, network in learned.items()
        }
        self._told: dict[str, list[Tensor]] = {}

    def choose(self, seen: Tensor) -> Choice:
        """As the policy drives while it learns: by chance, within what is safe."""
        with torch.inference_mode():
            look = self.policy.outlook(seen.to(self.policy.device))
            driven = torch.multinomial(look.driven.softmax(dim=1), 1).squeeze(1)
            wanted = torch.multinomial(look.log_task.exp(), 1).squeeze(1)
            recovers = safe_set.is_empty(look.risk, self.settings.epsilon)
        # Where something is safe, what is driven is the task's own proposal, within that.
        proposed = torch.where(recovers, wanted, driven)
        return Choice(proposed.cpu(), driven.cpu(), recovers.cpu())

    def update(self, task: Batch, risk: Batch, weights: Tensor) -> None:
        """One step of everything that learns.  weights: of the risk's decisions, [batch]."""
        self._learn_task(task)
        self.update_risk(risk, weights)
        self.updates += 1

    def _learn_task(self, batch: Batch) -> None:
        settings, policy = self.settings, self.policy
        with torch.no_grad():
            ahead = policy.outlook(batch.next_seen, self.risk_targets)
            log_prior = policy.log_prior(batch.seen)
        values = self._learn_critics(batch, ahead, log_prior)
        log_task = policy.log_task(batch.seen, log_prior)
        task = log_task.exp()
        # L_pt = sum_k pi_t [alpha log pi_t - min_i Q_i] + beta KL(pi_t || p_prior)
        far = (task * (log_task - log_prior)).sum(1)
        worth = (task * (settings.alpha * log_task - values)).sum(1)
        loss = (worth + settings.prior_weight * far).mean()
        self._step("task", loss)
        polyak_update(
            policy.critics.parameters(), self.critic_targets.parameters(), settings.tau
        )
        empty = safe_set.is_empty(ahead.risk, settings.epsilon)
        self._tell(
            policy_loss=loss,
            entropy=-(task * log_task).sum(1),
            prior_kl=far,
            mean_q=(task * values).sum(1),
            empty_safe_sets=empty.float(),
        )

    def _learn_critics(self, batch: Batch, ahead: Outlook, log_prior: Tensor) -> Tensor:
        """y_t = R + g^m (1 - d) sum_k' pi(k') [min_i Q'_i(k') - alpha log pi_t(k')].

        Returns the lower of both critics' values, without gradient.  [batch, K].
        """
        policy, settings = self.policy, self.settings
        with torch.no_grad():
            later = policy.of_each(self.critic_targets, batch.next_seen, ahead.log_prior).amin(
                0
            )
            soft = later - settings.alpha * ahead.log_task
            target = batch.outcome + batch.ahead * (self._next(ahead) * soft).sum(1)
        values = policy.of_each(policy.critics, batch.seen, log_prior)
        chosen = _of(values, batch.number)
        loss = functional.mse_loss(chosen, target.expand_as(chosen)) * len(values)
        self._step("critic", loss)
        self._tell(critic_loss=loss)
        return values.detach().amin(0)

    def update_risk(self, batch: Batch, weights: Tensor) -> None:
        """y_r = c + g_r (1 - d) sum_k' pi(k') max_i Q'_r,i(k'), and a recovery that seeks less.

        A violation is the worst that can be: whatever follows it adds nothing.
        """
        policy, settings = self.policy, self.settings
        with torch.no_grad():
            ahead = policy.outlook(batch.next_seen, self.risk_targets)
            later = (self._next(ahead) * ahead.risk).sum(1)
            goes_on = (batch.ahead > 0.0) & (batch.outcome == 0.0)
            target = batch.outcome + settings.risk_gamma * goes_on * later
            log_prior = policy.log_prior(batch.seen)
        logits = policy.of_each(policy.risks, batch.seen, log_prior)
        loss = (self._risk_loss(_of(logits, batch.number), target) * weights).mean(1).sum()
        self._step("risk", loss)
        self._tell(risk_loss=loss)
        if policy.learns_recovery:
            risk = logits.detach().amax(0).sigmoid()
            chances = policy.log_recovery(batch.seen, log_prior, risk).exp()
            recovering = (chances * risk).sum(1).mean()
            self._step("recovery", recovering)
            self._tell(recovery_loss=recovering)
        tau = settings.risk_tau
        polyak_update(policy.risks.parameters(), self.risk_targets.parameters(), tau)

    def _risk_loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Of each decision, by each critic.  logits: [critics, batch].  target: [batch]."""
        wanted = target.expand_as(logits)
        if self.settings.risk_loss == "mse":
            return (logits.sigmoid() - wanted).square()
        return functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")

    def _next(self, ahead: Outlook) -> Tensor:
        """Shares of who is expected to choose next.  [batch, K]."""
        if self.settings.next_choice == "task":
            return ahead.log_task.exp()
        return ahead.driven.softmax(dim=1)

    def _step(self, name: str, loss: Tensor) -> None:
        optimiser = self.optimisers[name]
        optimiser.zero_grad()
        torch.autograd.backward(loss, inputs=list(_parameters(optimiser)))
        optimiser.step()

    def _tell(self, **numbers: Tensor) -> None:
        for name, values in numbers.items():
            self._told.setdefault(name, []).append(values.detach().mean())

    def told(self) -> dict[str, float]:
        """Means of what updates reported since this was last asked; empty without any."""
        told, self._told = self._told, {}
        return {name: float(torch.stack(values).mean()) for name, values in told.items()}


def _parameters(optimiser: Optimizer) -> Iterator[Tensor]:
    for group in optimiser.param_groups:
        yield from group["params"]


def _of(scores: Tensor, number: Tensor) -> Tensor:
    """Scores of these proposals.  [networks, batch, K], [batch] to [networks, batch]."""
    at = number.expand(len(scores), -1).unsqueeze(2)
    return scores.gather(2, at).squeeze(2)


def _frozen(networks: nn.ModuleList) -> nn.ModuleList:
    """Copies that only follow."""
    return copy.deepcopy(networks).requires_grad_(requires_grad=False)
