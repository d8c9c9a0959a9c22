"""Who drove, the expert or the policy? What looks at a state and an action and says so.

The networks and the loss are imitation's: a high logit means the expert.  Neither time, nor the
end of an episode, nor the next state is among the inputs, so that nothing but the driving can
tell the two apart.
"""

from collections.abc import Mapping
from typing import Any

import torch
from gymnasium import Space
from imitation.rewards.reward_nets import BasicRewardNet, RewardNet
from imitation.util.networks import RunningNorm, build_mlp
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from typing_extensions import override

from drivetrain.sim.config import Observation
from trainers.gail_request import GAILRequest, GAILSettings
from trainers.networks import SceneEncoder

JUDGED_AT_ONCE = 16_384


class SceneRewardNet(RewardNet):
    """Looks at each agent and each edge by itself, and at the action beside them."""

    def __init__(
        self,
        observation_space: Space[Any],
        action_space: Space[Any],
        observation: Observation,
        hidden: tuple[int, ...],
    ) -> None:
        super().__init__(observation_space, action_space)
        self.encoder = SceneEncoder(observation_space, observation)
        columns = (action_space.shape or (1,))[0]
        self.mlp = build_mlp(
            self.encoder.features_dim + columns,
            hidden,
            squeeze_output=True,
            normalize_input_layer=RunningNorm,
        )

    @override
    def forward(self, state: Tensor, action: Tensor, *_: Tensor) -> Tensor:
        """The logit of each pair.  [batch]."""
        logits: Tensor = self.mlp(torch.cat([self.encoder(state), action], dim=1))
        return logits


class Discriminator:
    """A network of logits and what makes it better.

    States are [batch, numbers of the layout], actions [batch, columns] as they were executed.
    """

    def __init__(self, net: RewardNet, settings: GAILSettings) -> None:
        self.net = net
        self.optimiser = torch.optim.Adam(net.parameters(), lr=settings.disc_learning_rate)
        # Where episodes end early, a reward that is never negative would pay for staying alive.
        self._is_signed = settings.horizon == "variable"

    def update(
        self, expert: tuple[Tensor, Tensor], policy: tuple[Tensor, Tensor]
    ) -> Mapping[str, Tensor]:
        """One step towards telling the two apart; returns how well it did before.

        expert, policy: states and actions, equally many of each.
        """
        self.net.train(mode=True)
        count = len(expert[0])
        states, actions = (torch.cat(both) for both in zip(expert, policy, strict=True))
        logits = self._logits(states, actions)
        labels = torch.cat([torch.ones(count), torch.zeros(count)]).to(logits.device)
        loss = binary_cross_entropy_with_logits(logits, labels)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return _told(logits.detach(), loss.detach(), count)

    def rewards(self, states: Tensor, actions: Tensor) -> Tensor:
        """What the policy is paid: -log(1 - D) = softplus(logit), or the logit.  [batch]."""
        self.net.train(mode=False)
        judged = []
        with torch.inference_mode():
            for first in range(0, len(states), JUDGED_AT_ONCE):
                rows = slice(first, first + JUDGED_AT_ONCE)
                judged.append(self._logits(states[rows], actions[rows]))
        logits = torch.cat(judged)
        return logits if self._is_signed else softplus(logits)

    def _logits(self, states: Tensor, actions: Tensor) -> Tensor:
        # Imitation hands every network a next state and an end; ours look at neither.
        nothing = states.new_zeros(0)
        logits: Tensor = self.net(states, actions, nothing, nothing)
        return logits


def _told(logits: Tensor, loss: Tensor, experts: int) -> Mapping[str, Tensor]:
    """Imitation's names are others; the numbers are the same."""
    right = torch.cat([logits[:experts] >= 0, logits[experts:] < 0]).float()
    entropy = torch.distributions.Bernoulli(logits=logits).entropy()  # type: ignore[no-untyped-call]
    return {
        "disc_loss": loss,
        "disc_accuracy": right.mean(),
        "disc_accuracy_expert": right[:experts].mean(),
        "disc_accuracy_policy": right[experts:].mean(),
        "disc_entropy": entropy.mean(),
    }


def make_discriminator(
    request: GAILRequest,
    observation_space: Space[Any],
    action_space: Space[Any],
    device: torch.device,
) -> Discriminator:
    """The discriminator that the request describes, before its first update."""
    gail, hidden = request.gail, request.gail.disc_hidden
    net: RewardNet
    if gail.disc_network == "scene":
        observation = request.environment.observation
        net = SceneRewardNet(observation_space, action_space, observation, hidden)
    else:
        net = BasicRewardNet(
            observation_space,
            action_space,
            hid_sizes=hidden,
            normalize_input_layer=RunningNorm,
        )
    return Discriminator(net.to(device), gail)
