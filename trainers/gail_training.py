"""GAIL in the middle of its training: beyond PPO, a discriminator and what it has seen."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch.optim import Optimizer
from typing_extensions import override

from trainers.checkpoints import State
from trainers.gail_learner import GAILLearner
from trainers.moment import copied
from trainers.training import Training


@dataclass(frozen=True, slots=True)
class GAILTraining(Training):
    """The learner with all that goes on beside it, as a `Resumable`."""

    learner: GAILLearner

    @property
    @override
    def optimisers(self) -> Mapping[str, Optimizer]:
        discriminator = self.learner.adversary.discriminator
        return {"policy": self.policy.optimizer, "discriminator": discriminator.optimiser}

    @override
    def own_state(self) -> State:
        adversary = self.learner.adversary
        return {
            # With the means and spreads by which its inputs are normalised.
            "discriminator": copied(adversary.discriminator.net.state_dict()),
            "updates": adversary.updates,
            "demonstrations": adversary.source,
        }

    @override
    def restore_own(self, state: State, parts: Mapping[str, State]) -> tuple[str, ...]:
        adversary = self.learner.adversary
        adversary.discriminator.net.load_state_dict(dict(state["discriminator"]))
        adversary.updates, adversary.source = state["updates"], state["demonstrations"]
        return ()
