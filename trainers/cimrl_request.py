"""How the hybrid's mode `cimrl` learns: settings of a request, light as all of them."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from drivetrain.sim.config import Settings
from trainers.train_request import Contradiction, Count


class CIMRLSettings(Settings):
    """How a policy over proposals learns, and what it takes for safe (CIMRL).

    A decision is the choice of a proposal, which then drives for `hold` steps.
    """

    hold: int = Field(
        5, ge=1, le=50, description="Steps of 0.1 s that a chosen proposal drives on."
    )
    epsilon: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Risk up to which a proposal counts as safe: 1 lets all pass, 0 none.",
    )
    recovery: Literal["least_risk", "policy"] = Field(
        "least_risk",
        description="Who chooses where no proposal is safe: the least risk, or a policy that "
        "learns to recover.",
    )
    relabel: Literal["on", "off"] = Field(
        "on",
        description="Whether the task learns from what its policy proposed, or from what was "
        "driven in its place.",
    )
    next_choice: Literal["mix", "task"] = Field(
        "mix",
        description="Who is expected to choose next: both policies as they drive, or the "
        "task's alone.",
    )
    learning_rate: float = Field(3e-4, gt=0, le=1, description="Step size of Adam.")
    batch_size: Count = Field(512, ge=2, le=1_048_576, description="Decisions per update.")
    buffer_size: Count = Field(
        50_000,
        ge=2,
        le=50_000_000,
        description="Newest decisions in each of the two buffers; 50 thousand take 0.1 GB.",
    )
    warmup_steps: Count = Field(
        50_000,
        ge=1,
        le=100_000_000,
        description="Steps driven by chance and by the prior, from which risk is learned "
        "before anything else.",
    )
    pretrain_updates: Count = Field(
        1_000, ge=0, le=1_000_000, description="Updates of the risk after that."
    )
    update_every: Count = Field(
        4_096, ge=1, le=10_000_000, description="Steps between two looks, each with updates."
    )
    utd: float = Field(
        8.0,
        gt=0,
        le=1024,
        description="Decisions that are learned from per decision that is driven.",
    )
    gamma: float = Field(0.99, ge=0, le=1, description="Discount per step of 0.1 s.")
    tau: float = Field(
        0.005, gt=0, le=1, description="Share by which the task's targets follow per update."
    )
    risk_gamma: float = Field(
        0.7, ge=0, lt=1, description="Discount of a violation per decision: how far risk looks."
    )
    risk_tau: float = Field(
        0.005, gt=0, le=1, description="Share by which the risk's targets follow per update."
    )
    risk_loss: Literal["bce", "mse"] = Field(
        "bce", description="What the risk is fitted by: cross entropy, or squares."
    )
    positive_share: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="Share of violations in a batch for the risk; 0 for as many as there are.",
    )
    alpha: float = Field(0.01, ge=0, le=100, description="Weight of the entropy.")
    prior_weight: float = Field(
        0.0, ge=0, le=100, description="Weight of the distance from the prior."
    )
    max_grad_norm: float = Field(10.0, gt=0, le=1e6, description="Clip of the gradients' norm.")

    def contradictions(self, total_steps: int) -> Iterator[Contradiction]:
        """Settings that are allowed by themselves, and not beside the others."""
        if self.batch_size > self.buffer_size:
            yield Contradiction(
                "cimrl.batch_size",
                f"`cimrl.batch_size` is `{self.batch_size}`, more than the "
                f"`{self.buffer_size}` decisions of `cimrl.buffer_size`",
                str(max(2, self.buffer_size // 4)),
            )
        if self.warmup_steps >= total_steps:
            yield Contradiction(
                "cimrl.warmup_steps",
                f"`cimrl.warmup_steps` is `{self.warmup_steps}`, and the run is over after the "
                f"`{total_steps}` steps of `training.total_steps`",
                str(max(1, total_steps // 4)),
            )
        if self.recovery == "policy" and self.epsilon >= 1:
            yield Contradiction(
                "cimrl.recovery",
                "`cimrl.recovery` is `policy`, and with `cimrl.epsilon` at 1 nothing recovers",
                "least_risk",
            )
