"""The hybrid's mode `finetune` in the middle of its training: PPO, and how it compares."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import override

from drivetrain.errors import UnlearnedError
from drivetrain.sim.metrics import EpisodeTable
from trainers.checkpoints import State
from trainers.finetune_request import FinetuneSettings
from trainers.judgement import scores_of
from trainers.ppo_training import PPOTraining
from trainers.statistics import Groups, mean_of


@dataclass(slots=True)
class Start:
    """What was imitated: which file, how it drives, and for how long nothing is as good.

    sha256: of the policy file.  groups: [scenarios] the drive of each validation scenario.
    scores: [scenarios] how it drove them, once it did.  worse: evaluations in a row that were
    surely worse by more than is allowed.
    """

    sha256: str
    settings: FinetuneSettings
    groups: Groups
    scores: NDArray[np.float64] | None = None
    worse: int = 0

    def compared(self, step: int, table: EpisodeTable) -> Mapping[str, float]:
        """How much better the score of a drive is, on the same scenarios.

        Raises:
            UnlearnedError: it is surely worse, and has been for all evaluations allowed.
        """
        scores = scores_of(table)
        if self.scores is None:
            self.scores = scores
            return {}
        better = mean_of(scores - self.scores, self.groups)
        limit = -self.settings.worst_loss
        is_worse = better.high is not None and better.high < limit
        self.worse = self.worse + 1 if is_worse else 0
        if self.worse >= self.settings.patience:
            raise UnlearnedError(
                f"At step {step} it drives surely worse than what it imitated, for the "
                f"{self.worse}. evaluation in a row: the score is {-better.mean:.2f} lower. "
                "`best.pt` is the best so far; less haste keeps what was learned."
            )
        return {"delta_to_start": better.mean}

    def state(self) -> State:
        """What it knows, as plain data and tensors."""
        scores = None if self.scores is None else torch.from_numpy(self.scores.copy())
        return {"sha256": self.sha256, "scores": scores, "worse": self.worse}

    def restore(self, state: State) -> tuple[str, ...]:
        """Know that again; returns what could not be, in words."""
        scores = state["scores"]
        self.scores = None if scores is None else scores.numpy()
        self.worse = state["worse"]
        is_same = state["sha256"] == self.sha256
        return () if is_same else ("the policy that it stays near is another",)


@dataclass(frozen=True, slots=True)
class FinetuneTraining(PPOTraining):
    """The learner with all that goes on beside it, as a `Resumable`.

    start: what was imitated, to compare with.
    """

    start: Start = field(kw_only=True)

    @override
    def judged(self, step: int, table: EpisodeTable) -> Mapping[str, float]:
        return self.start.compared(step, table)

    @override
    def own_state(self) -> State:
        return {**PPOTraining.own_state(self), "start": self.start.state()}

    @override
    def restore_own(self, state: State, parts: Mapping[str, State]) -> tuple[str, ...]:
        lost = PPOTraining.restore_own(self, state, parts)
        return (*lost, *self.start.restore(state["start"]))
