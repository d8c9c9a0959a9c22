"""SAC in the middle of its training: three optimisers, a temperature and a replay buffer."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.optim import Optimizer
from typing_extensions import override

from trainers.checkpoints import State
from trainers.experience import Experience
from trainers.moment import copied
from trainers.sac_learner import SACLearner
from trainers.sac_request import SACSettings
from trainers.training import Training

REPLAY = "replay.pt"


@dataclass(frozen=True, slots=True)
class SACTraining(Training):
    """The learner with all that goes on beside it, as a `Resumable`."""

    learner: SACLearner
    experience: Experience
    settings: SACSettings

    @property
    @override
    def optimisers(self) -> Mapping[str, Optimizer]:
        alpha = self.learner.ent_coef_optimizer
        learned = {} if alpha is None else {"alpha": alpha}
        return {
            "actor": self.learner.actor.optimizer,
            "critic": self.learner.critic.optimizer,
            **learned,
        }

    @override
    def measured(self) -> Mapping[str, float]:
        return {
            "replay_fill": self.experience.fill,
            "replay_age": float(self.experience.oldest_steps),
            "utd": self.learner.gradient_steps / self.learner.n_envs,
        }

    @override
    def own_parts(self) -> Mapping[str, State]:
        return {REPLAY: self.experience.state()} if self.settings.replay == "keep" else {}

    @override
    def own_state(self) -> State:
        log_alpha = self.learner.log_ent_coef
        return {
            "log_alpha": None if log_alpha is None else copied(log_alpha),
            "learning_starts": self.learner.learning_starts,
        }

    @override
    def restore_own(self, state: State, parts: Mapping[str, State]) -> tuple[str, ...]:
        learner = self.learner
        if learner.log_ent_coef is not None and state["log_alpha"] is not None:
            with torch.no_grad():
                learner.log_ent_coef.copy_(state["log_alpha"])
        learner.learning_starts = state["learning_starts"]
        if self._remembers(parts.get(REPLAY)):
            return ()
        again = self.settings.learning_starts
        learner.learning_starts = learner.num_timesteps + again
        return (f"the replay buffer is gone, and {again} steps are driven before learning",)

    def _remembers(self, state: State | None) -> bool:
        """Whether the transitions were saved, and could be taken back."""
        if state is None:
            return False
        try:
            self.experience.restore(state)
        except (KeyError, ValueError):
            return False
        return True
