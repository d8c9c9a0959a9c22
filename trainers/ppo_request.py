"""What `/train ppo` takes beyond what every algorithm takes."""

import math
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from drivetrain.sim.config import Settings
from trainers.train_request import (
    Contradiction,
    Count,
    TrainRequest,
    contradictory,
    whole_number,
)
from trainers.warm_start_request import WarmStartSettings

ROLLOUT_STEPS = 65_536


class PPOSettings(Settings):
    """How PPO learns (Schulman et al. 2017)."""

    rollout_steps: ClassVar[int] = ROLLOUT_STEPS

    learning_rate: float = Field(
        5e-4, gt=0, le=1, description="Step size of Adam at the start."
    )
    learning_rate_schedule: Literal["linear", "constant"] = Field(
        "linear", description="How the step size falls to the end of the run."
    )
    batch_size: Count = Field(4096, ge=2, le=1_048_576, description="Transitions per update.")
    # The limits stand inside: outside, Pydantic leaves them out of the schema of a union.
    n_steps: Annotated[int, Field(ge=1, le=1_048_576), BeforeValidator(whole_number)] | None = (
        Field(
            None,
            description=f"Steps per world and rollout; by default {ROLLOUT_STEPS} in all.",
            examples=[64],
        )
    )
    n_epochs: int = Field(2, ge=1, le=100, description="Passes over each rollout.")
    gamma: float = Field(0.98, ge=0, le=1, description="Discount per step of 0.1 s.")
    gae_lambda: float = Field(0.95, ge=0, le=1, description="Lambda of the advantage estimate.")
    clip_range: float = Field(0.2, gt=0, le=1, description="Clip of the policy's ratio.")
    ent_coef: float = Field(0.0, ge=0, le=1, description="Weight of the entropy bonus.")
    vf_coef: float = Field(0.5, ge=0, le=10, description="Weight of the value loss.")
    max_grad_norm: float = Field(0.5, gt=0, le=100, description="Clip of the gradient's norm.")
    target_kl: float | None = Field(
        0.03, gt=0, le=10, description="KL above which a rollout's updates stop."
    )


def rollout_length(ppo: PPOSettings, request: TrainRequest, worlds: int) -> int:
    """Steps per world and rollout; by default it is never longer than the whole run."""
    steps = min(ppo.rollout_steps, request.training.total_steps)
    return ppo.n_steps or max(2, math.ceil(steps / worlds))


class ByPPO(TrainRequest):
    """What every request holds whose policy learns by PPO."""

    algorithm: str
    ppo: PPOSettings = Field(PPOSettings(), description="How PPO learns.")
    warm_start: WarmStartSettings = Field(
        WarmStartSettings(), description="How PPO begins with a policy that only imitates."
    )

    @model_validator(mode="after")
    def _has_whole_batches(self) -> Self:
        n_steps, batch, worlds = (
            self.ppo.n_steps,
            self.ppo.batch_size,
            self.environment.num_envs,
        )
        # By default rollouts are long, and of a run that is shorter a batch takes all.
        if n_steps is not None and batch > n_steps * worlds:
            raise contradictory([_short_rollout(batch, n_steps * worlds)])
        return self


def _short_rollout(batch: int, rollout: int) -> Contradiction:
    return Contradiction(
        "ppo.batch_size",
        f"`ppo.batch_size` is `{batch}`, more than the `{rollout}` transitions of a rollout, "
        "`ppo.n_steps` times `environment.num_envs`",
        str(max(2, rollout // 4)),
    )


class PPORequest(ByPPO):
    """Train a driving policy with PPO: on-policy reinforcement learning, stable."""

    algorithm: Literal["PPO"] = Field("PPO", description="The algorithm.")
