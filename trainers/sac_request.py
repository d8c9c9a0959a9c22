"""What `/train sac` takes beyond what every algorithm takes."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from drivetrain.sim.config import Settings
from trainers.train_request import (
    Contradiction,
    Count,
    PolicySettings,
    TrainRequest,
    contradictory,
)


class SACSettings(Settings):
    """How SAC learns (Haarnoja et al. 2018)."""

    learning_rate: float = Field(1e-3, gt=0, le=1, description="Step size of Adam.")
    batch_size: Count = Field(256, ge=2, le=1_048_576, description="Transitions per update.")
    buffer_size: Count = Field(
        300_000,
        ge=2,
        le=100_000_000,
        description="Newest transitions that are learned from; a million takes 2 GB of memory.",
    )
    learning_starts: Count = Field(
        10_000, ge=0, le=100_000_000, description="Steps driven at random before learning."
    )
    utd: float = Field(
        0.1,
        gt=0,
        le=64,
        description="Updates per step of one world; at least one per step of all worlds.",
    )
    gamma: float = Field(0.98, ge=0, le=1, description="Discount per step of 0.1 s.")
    tau: float = Field(
        0.005, gt=0, le=1, description="Share by which target critics follow per update."
    )
    # The limits stand inside: outside, Pydantic leaves them out of the schema of a union.
    ent_coef: Annotated[float, Field(ge=0, le=100)] | Literal["auto"] = Field(
        "auto", description="Weight of the entropy; `auto` learns it."
    )
    initial_ent_coef: float = Field(
        1.0, gt=0, le=100, description="Where `ent_coef: auto` begins."
    )
    target_entropy: Annotated[float, Field(ge=-100, le=100)] | None = Field(
        None,
        description="Entropy that `ent_coef: auto` aims at; by default -1 per number of an "
        "action.",
    )
    max_grad_norm: float = Field(10.0, gt=0, le=1e6, description="Clip of the gradients' norm.")
    look_every: Count = Field(
        16_384,
        ge=1,
        le=10_000_000,
        description="Steps between two looks: numbers are told, and states may be saved.",
    )
    replay: Literal["keep", "drop"] = Field(
        "keep",
        description="Whether saves hold the replay buffer, 2 KB per transition; without it, a "
        "resumed run drives `learning_starts` steps before it learns again.",
    )


class SACRequest(TrainRequest):
    """Train a driving policy with SAC: off-policy reinforcement learning, sample-efficient."""

    algorithm: Literal["SAC"] = Field("SAC", description="The algorithm.")
    sac: SACSettings = Field(SACSettings(), description="How SAC learns.")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        found = [*self._of_other_algorithms(), *self._never_learning()]
        if found:
            raise contradictory(found)
        return self

    def _of_other_algorithms(self) -> Iterator[Contradiction]:
        if self.environment.actions == "proposals":
            yield Contradiction(
                "environment.actions",
                "`environment.actions` is `proposals`; SAC acts in `bicycle` and `delta` only",
                "bicycle",
            )
        log_std, default = self.policy.log_std_init, PolicySettings().log_std_init
        if log_std != default:
            yield Contradiction(
                "policy.log_std_init",
                f"`policy.log_std_init` is `{log_std:g}`; SAC has a network of its own for "
                "that, so leave it out",
                f"{default:g}",
            )

    def _never_learning(self) -> Iterator[Contradiction]:
        sac, total = self.sac, self.training.total_steps
        if sac.batch_size > sac.buffer_size:
            yield Contradiction(
                "sac.batch_size",
                f"`sac.batch_size` is `{sac.batch_size}`, more than the `{sac.buffer_size}` "
                "transitions of `sac.buffer_size`",
                str(max(2, sac.buffer_size // 4)),
            )
        fitting = str(min(sac.buffer_size, total) // 4)
        if sac.learning_starts > sac.buffer_size:
            yield Contradiction(
                "sac.learning_starts",
                f"`sac.learning_starts` is `{sac.learning_starts}`, more than the "
                f"`{sac.buffer_size}` transitions of `sac.buffer_size`",
                fitting,
            )
        if sac.learning_starts >= total:
            yield Contradiction(
                "sac.learning_starts",
                f"`sac.learning_starts` is `{sac.learning_starts}`, and the run is over after "
                f"the `{total}` steps of `training.total_steps`",
                fitting,
            )
