"""What the hybrid's mode `finetune` takes beyond PPO's settings."""

from typing import Literal

from pydantic import Field

from drivetrain.sim.config import Settings

Direction = Literal["tau_pi", "pi_tau"]


class FinetuneSettings(Settings):
    """How near PPO stays to the policy that imitates (HR-PPO, arXiv 2403.19648)."""

    kl_weight: float = Field(
        0.06,
        ge=0,
        lt=1,
        description="Weight lam of the KL to what was imitated; PPO's loss has the rest.",
    )
    kl_schedule: Literal["constant", "linear", "exponential"] = Field(
        "linear", description="How lam falls to the end of the run."
    )
    kl_direction: Direction = Field(
        "tau_pi",
        description="Whether the KL covers all that was imitated (`tau_pi`) or keeps to some "
        "of it (`pi_tau`).",
    )
    worst_loss: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Validation score below that of imitation, surely, that ends the run where "
        "it stays so.",
    )
    patience: int = Field(
        3, ge=1, le=1000, description="Evaluations in a row for which it may stay so."
    )
