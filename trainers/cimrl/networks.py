"""The network that scores proposals: each by itself, beside what the scene shows.

h_k = [f_s(s), f_a(k), log p(k | s)], and a score of it.  No proposal is known by its place in
the list but only by what it does, so that an order of them means nothing.
"""

from itertools import pairwise

import torch
from gymnasium import Space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, FlattenExtractor
from torch import Tensor, nn
from typing_extensions import override

from drivetrain.sim.actions import PROPOSAL_OFFSETS_M, PROPOSAL_SHARES, PROPOSALS
from trainers.networks import SceneEncoder
from trainers.train_request import TrainRequest

DESCRIBED = 3
"""Numbers that a proposal is described by."""
JOINED = 64
"""Units where scene and proposal meet: each costs fifteen times what one of the scene does."""


def described_proposals() -> Tensor:
    """Of each: metres to the left, how far aside at all, share of the limit.  [K, 3]."""
    rows = [
        (
            offset := PROPOSAL_OFFSETS_M[number // PROPOSAL_SHARES],
            abs(offset),
            (number % PROPOSAL_SHARES + 1) / PROPOSAL_SHARES,
        )
        for number in range(PROPOSALS)
    ]
    return torch.tensor(rows, dtype=torch.float32)


class ProposalScorer(nn.Module):
    """[batch, numbers of the layout], [K, DESCRIBED], [batch, K] to scores [batch, K]."""

    def __init__(self, space: Space[object], request: TrainRequest) -> None:
        super().__init__()
        policy = request.policy
        self.encoder: BaseFeaturesExtractor = (
            SceneEncoder(space, request.environment.observation)
            if policy.network == "scene"
            else FlattenExtractor(space)
        )
        sizes = [self.encoder.features_dim, *policy.hidden]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        # A layer over h_k is a sum over its parts: the scene's is worked out once for all k.
        self.scene = nn.Sequential(*layers, nn.Linear(sizes[-1], JOINED))
        self.proposal = nn.Linear(DESCRIBED + 1, JOINED, bias=False)
        self.score = nn.Linear(JOINED, 1)

    @override
    def forward(self, seen: Tensor, proposals: Tensor, log_prior: Tensor) -> Tensor:
        """How each proposal scores."""
        batch, count = log_prior.shape
        told = proposals.expand(batch, count, DESCRIBED)
        each = self.proposal(torch.cat([told, log_prior.unsqueeze(2)], dim=2))
        joined = (self.scene(self.encoder(seen)).unsqueeze(1) + each).relu()
        scores: Tensor = self.score(joined).squeeze(2)
        return scores

    def begin_at(self, score: float) -> None:
        """Score everything alike until something is learned."""
        nn.init.zeros_(self.score.weight)
        nn.init.constant_(self.score.bias, score)
