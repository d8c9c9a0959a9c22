"""PPO in the middle of its training: where it stands, and how it goes on from there.

It stands at the boundary before a rollout.  What a rollout or an update changes is copied, so
that the moment can be saved whenever a stop comes.
"""

from dataclasses import dataclass

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy

from drivetrain.sim.actions import ACTION_COLUMNS
from drivetrain.sim.world import Worlds
from trainers import randomness
from trainers.checkpoints import Checkpoint, State
from trainers.gradients import Gradients
from trainers.moment import Moment, copied
from trainers.policy import load_weights
from trainers.ppo_request import PPORequest
from trainers.validation import Validation

STARTS = "episode_starts"


@dataclass(frozen=True, slots=True)
class PPOTraining:
    """The learner with all that goes on beside it, as a `Resumable`."""

    request: PPORequest
    learner: PPO
    worlds: Worlds
    validation: Validation
    gradients: Gradients

    @property
    def policy(self) -> ActorCriticPolicy:
        """The policy that learns."""
        return self.learner.policy

    def moment(self) -> Moment:
        """Where training stands; call it at a boundary."""
        parts: dict[str, State] = {
            "optim.pt": copied(self.policy.optimizer.state_dict()),
            "algo.pt": {
                "updates": self.learner._n_updates,  # noqa: SLF001 - SB3 has no other name
                "validation": self.validation.state(),
                "gradients": self.gradients.state(),
                "threads": torch.get_num_threads(),
            },
            "rng.pt": randomness.draw_state(),
            "worlds.pt": self._memory(),
        }
        return Moment(self._checkpoint(), parts)

    def go_on_from(self, moment: Moment) -> tuple[str, ...]:
        """Stand where the moment stood; returns what could not be taken back, in words."""
        learner, parts = self.learner, moment.parts
        load_weights(self.policy, moment.policy)
        self.policy.optimizer.load_state_dict(dict(parts["optim.pt"]))
        learner.num_timesteps = moment.step
        learner._n_updates = parts["algo.pt"]["updates"]  # noqa: SLF001
        self.validation.restore(parts["algo.pt"]["validation"])
        self.gradients.restore(parts["algo.pt"]["gradients"])
        lost = []
        if not self._recall(parts.get("worlds.pt", {})):
            lost.append("the worlds begin new episodes")
        if not randomness.set_state(parts["rng.pt"]):
            lost.append("the GPUs are others, and draw other random numbers")
        if parts["algo.pt"]["threads"] != torch.get_num_threads():
            lost.append("another number of threads sums in another order")
        return tuple(lost)

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            algorithm=self.request.algorithm,
            step=self.learner.num_timesteps,
            policy=copied(self.policy.state_dict()),
            request=self.request.model_dump(mode="json"),
            observation_size=self.worlds.layout.size,
            action_size=ACTION_COLUMNS[self.worlds.settings.actions],
        )

    def _memory(self) -> State:
        """The worlds, and which of them are about to begin an episode."""
        starts = self.learner._last_episode_starts  # noqa: SLF001
        held = self.worlds.memory() | {STARTS: np.array(starts, np.bool_)}
        return {name: torch.from_numpy(column) for name, column in held.items()}

    def _recall(self, memory: State) -> bool:
        """Whether the worlds stand again where they stood; if not, learning resets them."""
        columns = {name: column.numpy() for name, column in memory.items()}
        try:
            self.worlds.restore(columns)
        except (KeyError, ValueError):
            return False
        # With these, stable-baselines3 goes on without a reset.
        self.learner._last_obs = self.worlds.observations.copy()  # noqa: SLF001
        self.learner._last_episode_starts = columns[STARTS]  # noqa: SLF001
        return True
