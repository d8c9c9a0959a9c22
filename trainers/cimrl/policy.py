"""The policy over proposals: prior, task, critics, risk and recovery, and how they drive."""

from typing import NamedTuple

import torch
from gymnasium import Space
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import PyTorchObs
from torch import Tensor, nn
from typing_extensions import override

from drivetrain.sim.layout import LAYOUTS
from drivetrain.sim.spaces import action_space, observation_space
from trainers.cimrl import safe_set
from trainers.cimrl.networks import ProposalScorer, described_proposals
from trainers.hybrid_request import HybridRequest

LEAST_LOG_PRIOR = -8.0
"""Below, a proposal that nobody demonstrated could never be learned to be good."""
MOST_LOGIT = 20.0
"""Risk stays within (0, 1): beyond, it would round to its ends."""

FIRST_RISK_LOGIT = -5.0
"""Before anything is learned nothing is a risk: driving is the prior's, not a recovery's."""


class Outlook(NamedTuple):
    """What the policy makes of a scene.  All [batch, K]; risk: the higher of both critics'."""

    log_prior: Tensor
    log_task: Tensor
    recovery: Tensor
    risk: Tensor
    driven: Tensor


class CIMRLPolicy(BasePolicy):
    """Chooses one of the proposals: the likeliest of the safe ones, or a way to recover.

    hold: steps that a choice is meant to drive.
    """

    proposals: Tensor

    def __init__(self, space: Space[object], acts: Space[object], request: HybridRequest):
        super().__init__(space, acts)
        self.hold = request.cimrl.hold
        self.epsilon = request.cimrl.epsilon
        self.learns_recovery = request.cimrl.recovery == "policy"
        self.proposals = nn.Buffer(described_proposals())
        self.prior = ProposalScorer(space, request)
        self.task = ProposalScorer(space, request)
        self.recover = ProposalScorer(space, request)
        self.critics = twins(space, request)
        self.risks = unworried_twins(space, request)
        # The task begins as the prior, and learns where to leave it.
        self.task.begin_at(0.0)

    def outlook(self, seen: Tensor, risks: nn.ModuleList | None = None) -> Outlook:
        """Everything that a choice needs.  risks: others than the policy's own."""
        log_prior = self.log_prior(seen)
        log_task = self.log_task(seen, log_prior)
        risk = self.risk(risks or self.risks, seen, log_prior)
        recovery = self.log_recovery(seen, log_prior, risk)
        driven = safe_set.driven_logits(log_task, recovery, risk, self.epsilon)
        return Outlook(log_prior, log_task, recovery, risk, driven)

    def log_prior(self, seen: Tensor) -> Tensor:
        """How likely each proposal is in what was demonstrated; never quite impossible."""
        scores: Tensor = self.prior(seen, self.proposals, self._even(seen))
        return scores.log_softmax(dim=1).clamp(min=LEAST_LOG_PRIOR)

    def log_task(self, seen: Tensor, log_prior: Tensor) -> Tensor:
        """What the task would choose, log pi_t: the prior, and what was learned since."""
        learned: Tensor = self.task(seen, self.proposals, log_prior)
        return (log_prior + learned).log_softmax(dim=1)

    def log_recovery(self, seen: Tensor, log_prior: Tensor, risk: Tensor) -> Tensor:
        """Who recovers, log pi_r, or where none is learned all for the least risk."""
        if not self.learns_recovery:
            return safe_set.least_risk_logits(risk)
        scores: Tensor = self.recover(seen, self.proposals, log_prior)
        return scores.log_softmax(dim=1)

    def risk(self, risks: nn.ModuleList, seen: Tensor, log_prior: Tensor) -> Tensor:
        """Q_r: the higher of both, so that doubt counts as risk."""
        logits = self.of_each(risks, seen, log_prior).amax(dim=0)
        return logits.clamp(-MOST_LOGIT, MOST_LOGIT).sigmoid()

    def of_each(self, networks: nn.ModuleList, seen: Tensor, log_prior: Tensor) -> Tensor:
        """Scores of every network of a list.  [networks, batch, K]."""
        return torch.stack([net(seen, self.proposals, log_prior) for net in networks])

    def _even(self, seen: Tensor) -> Tensor:
        """In the place of a prior for the prior itself."""
        return seen.new_zeros(seen.shape[0], self.proposals.shape[0])

    @override
    def forward(self, seen: Tensor) -> Tensor:
        """The numbers of the proposals to drive, the surest ones.  [batch]."""
        return self.outlook(seen).driven.argmax(dim=1)

    @override
    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> Tensor:
        if not isinstance(observation, Tensor):
            raise TypeError("an observation is one tensor")
        if deterministic:
            return self.forward(observation)
        chances = self.outlook(observation).driven.softmax(dim=1)
        return torch.multinomial(chances, 1).squeeze(1)


def twins(space: Space[object], request: HybridRequest) -> nn.ModuleList:
    """Two networks that disagree where they know little."""
    return nn.ModuleList(ProposalScorer(space, request) for _ in range(2))


def unworried_twins(space: Space[object], request: HybridRequest) -> nn.ModuleList:
    """Two that see little risk at first."""
    networks = [ProposalScorer(space, request) for _ in range(2)]
    for network in networks:
        network.begin_at(FIRST_RISK_LOGIT)
    return nn.ModuleList(networks)


def cimrl_policy(request: HybridRequest, seed: int) -> CIMRLPolicy:
    """A policy for the request's worlds, as it stands before its first update."""
    environment = request.environment
    space = observation_space(LAYOUTS[environment.observation])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        policy = CIMRLPolicy(space, action_space(environment.actions), request)
    policy.set_training_mode(mode=False)
    return policy
