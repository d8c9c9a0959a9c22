"""How PPO goes on from a policy that never learned what its states are worth."""

from typing import Literal

from pydantic import Field

from drivetrain.sim.config import Settings


class WarmStartSettings(Settings):
    """How PPO begins with a policy that only imitates; nothing where it begins otherwise."""

    critic_rollouts: int = Field(
        20, ge=0, le=10_000, description="Rollouts at most in which the value learns alone."
    )
    explained_variance: float = Field(
        0.3,
        ge=-1,
        le=1,
        description="Variance of the returns that the value explains when they are over.",
    )
    slow_rollouts: int = Field(
        20, ge=0, le=10_000, description="Rollouts after that in which all learns slowly."
    )
    slow_factor: float = Field(
        0.3, gt=0, le=1, description="How slowly: a share of the learning rate."
    )
    encoder: Literal["both", "policy"] = Field(
        "policy",
        description="Who changes what both networks see: policy and value, or the policy "
        "alone, so that learning values does not move it.",
    )
    log_std: float | None = Field(
        None,
        ge=-5,
        le=1,
        description="Log standard deviation to explore with; null for the one imitated.",
    )
