"""PPO in the middle of its training: one optimiser, and how far its warm start is."""

from collections.abc import Mapping
from dataclasses import dataclass

from stable_baselines3.common.policies import ActorCriticPolicy
from torch.optim import Optimizer
from typing_extensions import override

from trainers.checkpoints import Checkpoint, State
from trainers.policy import load_weights
from trainers.ppo_learner import PPOLearner
from trainers.training import Training
from trainers.warm_start import lacks_values


@dataclass(frozen=True, slots=True)
class PPOTraining(Training):
    """The learner with all that goes on beside it, as a `Resumable`."""

    learner: PPOLearner

    @property
    @override
    def optimisers(self) -> Mapping[str, Optimizer]:
        return {"policy": self.policy.optimizer}

    @property
    def actor_critic(self) -> ActorCriticPolicy:
        """The policy that learns, with its value."""
        policy: ActorCriticPolicy = self.learner.policy
        return policy

    @override
    def begin_from(self, checkpoint: Checkpoint) -> None:
        load_weights(self.policy, checkpoint)
        if lacks_values(checkpoint):
            self.learner.warm_start.begin(self.actor_critic)

    @override
    def own_state(self) -> State:
        return {"warm_start": self.learner.warm_start.state()}

    @override
    def restore_own(self, state: State, parts: Mapping[str, State]) -> tuple[str, ...]:
        del parts
        self.learner.warm_start.restore(state["warm_start"])
        return ()
