"""PPO in the middle of its training: beyond what all learners have, one optimiser."""

from collections.abc import Mapping
from dataclasses import dataclass

from stable_baselines3 import PPO
from torch.optim import Optimizer
from typing_extensions import override

from trainers.training import Training


@dataclass(frozen=True, slots=True)
class PPOTraining(Training):
    """The learner with all that goes on beside it, as a `Resumable`."""

    learner: PPO

    @property
    @override
    def optimisers(self) -> Mapping[str, Optimizer]:
        return {"policy": self.policy.optimizer}
