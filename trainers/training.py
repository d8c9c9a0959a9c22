"""A stable-baselines3 learner in the middle of its training: where it stands, how it goes on.

It stands at a boundary between an update and the next rollout.  What a rollout or an update
changes is copied, so that the moment can be saved whenever a stop comes.  What one algorithm
has beyond the others, its subclass adds.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from torch.optim import Optimizer

from drivetrain.sim.actions import ACTION_COLUMNS
from drivetrain.sim.metrics import EpisodeTable
from drivetrain.sim.world import Worlds
from trainers import randomness
from trainers.checkpoints import Checkpoint, State
from trainers.gradients import Gradients
from trainers.moment import Moment, copied
from trainers.policy import load_weights
from trainers.train_request import TrainRequest
from trainers.validation import Validation

STARTS = "episode_starts"


@dataclass(frozen=True, slots=True)
class Training(ABC):
    """The learner with all that goes on beside it, as a `Resumable`.

    gradients: what watches each optimiser that is watched, by the name of its curve.
    judges_start: whether what it starts from is evaluated too, and may stay the best.
    """

    request: TrainRequest
    algorithm: str
    learner: BaseAlgorithm
    worlds: Worlds
    validation: Validation
    gradients: Mapping[str, Gradients]
    judges_start: bool = field(default=False, kw_only=True)

    @property
    def policy(self) -> BasePolicy:
        """The policy that learns."""
        return self.learner.policy

    @property
    @abstractmethod
    def optimisers(self) -> Mapping[str, Optimizer]:
        """Everything that steps, by name."""

    def begin_from(self, checkpoint: Checkpoint) -> None:
        """Start from what another run learned.

        Raises:
            DataError: it is for another observation or network.
        """
        load_weights(self.policy, checkpoint)

    def judged(self, step: int, table: EpisodeTable) -> Mapping[str, float]:
        """Numbers of this algorithm's own about a validation drive; it may raise to end."""
        del step, table
        return {}

    def measured(self) -> Mapping[str, float]:
        """Numbers of this algorithm's own, told at a boundary after updates."""
        return {}

    def own_parts(self) -> Mapping[str, State]:
        """Files of a unit that only this algorithm has, which training can go on without."""
        return {}

    def own_state(self) -> State:
        """Plain data and tensors of this algorithm's own, copied."""
        return {}

    def restore_own(self, state: State, parts: Mapping[str, State]) -> tuple[str, ...]:
        """Take both back; returns what could not be, in words."""
        del state, parts
        return ()

    def moment(self) -> Moment:
        """Where training stands; call it at a boundary."""
        optimisers = {name: each.state_dict() for name, each in self.optimisers.items()}
        own = self.own_parts()
        parts: dict[str, State] = {
            "optim.pt": copied(optimisers),
            "algo.pt": {
                "updates": self.learner._n_updates,  # noqa: SLF001 - SB3 has no other name
                "validation": self.validation.state(),
                "gradients": {name: each.state() for name, each in self.gradients.items()},
                "threads": torch.get_num_threads(),
                "own": self.own_state(),
            },
            "rng.pt": randomness.draw_state(),
            "worlds.pt": self._memory(),
            **own,
        }
        return Moment(self._checkpoint(), parts, frozenset(own))

    def go_on_from(self, moment: Moment) -> tuple[str, ...]:
        """Stand where the moment stood; returns what could not be taken back, in words."""
        learner, parts, algorithm = self.learner, moment.parts, moment.parts["algo.pt"]
        load_weights(self.policy, moment.policy)
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(dict(parts["optim.pt"][name]))
        learner.num_timesteps = moment.step
        learner._n_updates = algorithm["updates"]  # noqa: SLF001
        self.validation.restore(algorithm["validation"])
        for name, gradients in self.gradients.items():
            gradients.restore(algorithm["gradients"][name])
        lost = list(self.restore_own(algorithm["own"], parts))
        if not self._recall(parts.get("worlds.pt", {})):
            lost.append("the worlds begin new episodes")
        if not randomness.set_state(parts["rng.pt"]):
            lost.append("the GPUs are others, and draw other random numbers")
        if algorithm["threads"] != torch.get_num_threads():
            lost.append("another number of threads sums in another order")
        return tuple(lost)

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            algorithm=self.algorithm,
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
