"""How PPO goes on from a policy that came without a value function.

The first advantages of an untrained value would erase what the policy knows.  So the value
learns alone at first, until it explains the returns; then all learns, slowly for a while.
"""

from collections.abc import Iterator

import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from trainers.checkpoints import Checkpoint, State
from trainers.warm_start_request import WarmStartSettings

CRITIC, SLOW, FREE = "critic", "slow", "free"
STAGES = (CRITIC, SLOW, FREE)
"""In their order: the value learns alone; all learns slowly; all learns."""


def lacks_values(checkpoint: Checkpoint) -> bool:
    """Whether a policy never learned what its states are worth, as one that only imitates.

    A hybrid's of step 0 is what it imitated.
    """
    is_start = checkpoint.algorithm == "HYBRID" and checkpoint.step == 0
    return is_start or checkpoint.algorithm == "BC"


RAMP = 64
"""Steps of the optimiser in which a learning rate rises from 0 to what it is then.

Adam's first steps go as far as the learning rate allows, whatever their gradients are.
"""


class WarmStart:
    """Which of STAGES a learner is in, and for how many rollouts."""

    def __init__(self, settings: WarmStartSettings) -> None:
        self._settings = settings
        self.has_begun = False
        self.stage = FREE
        self._rollouts = 0
        self._steps = 0

    def begin(self, policy: ActorCriticPolicy) -> None:
        """From here on the policy is one that came without values."""
        self.has_begun, self.stage = True, CRITIC
        self._rollouts = self._steps = 0
        if self._settings.log_std is not None:
            spread(policy, self._settings.log_std)

    def enter_update(self, policy: ActorCriticPolicy, explained: float) -> None:
        """A rollout is in; what its update changes is set.

        explained: variance of the returns that the value explained, before the update.
        """
        if not self.has_begun:
            return
        settings = self._settings
        if self.stage == CRITIC and (
            self._rollouts >= settings.critic_rollouts
            or explained > settings.explained_variance
        ):
            self.stage, self._rollouts = SLOW, 0
        if self.stage == SLOW and self._rollouts >= settings.slow_rollouts:
            self.stage, self._rollouts = FREE, 0
        self._rollouts += self.stage != FREE
        for weights in acting(policy):
            weights.requires_grad_(self.stage != CRITIC)

    @property
    def is_encoder_free(self) -> bool:
        """Whether the value's loss too changes what both networks see."""
        return not self.has_begun or self._settings.encoder == "both"

    @property
    def pace(self) -> float:
        """What the learning rate is multiplied by."""
        if not self.has_begun or self.stage == CRITIC:
            return 1.0
        slowly = self._settings.slow_factor if self.stage == SLOW else 1.0
        return slowly * min(1.0, self._steps / RAMP)

    def count_step(self) -> None:
        """The optimiser is about to take a step."""
        if self.has_begun and self.stage != CRITIC:
            self._steps += 1

    def state(self) -> State:
        """Where it stands, as plain data."""
        told = {"has_begun": self.has_begun, "stage": self.stage}
        return told | {"rollouts": self._rollouts, "steps": self._steps}

    def restore(self, state: State) -> None:
        """Stand there again."""
        self.has_begun, self.stage = state["has_begun"], state["stage"]
        self._rollouts, self._steps = state["rollouts"], state["steps"]


def spread(policy: ActorCriticPolicy, log_std: float) -> None:
    """Let the policy explore by this log standard deviation."""
    with torch.no_grad():
        policy.log_std.fill_(log_std)


def acting(policy: ActorCriticPolicy) -> Iterator[nn.Parameter]:
    """The weights that decide on actions, the shared encoder's among them."""
    yield policy.log_std
    for part in (policy.features_extractor, policy.mlp_extractor.policy_net, policy.action_net):
        yield from part.parameters()
