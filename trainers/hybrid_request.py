"""What `/train hybrid` takes beyond what every algorithm takes."""

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from trainers.bc_request import BCRequest, BCSettings, BCTrainingSettings, BicycleSettings
from trainers.ppo_request import ByPPO
from trainers.train_request import (
    Contradiction,
    Place,
    contradictory,
    option,
)

Mode = Literal["finetune"]


class HybridRequest(ByPPO):
    """Train a driving policy with both: imitates first, then learns by reinforcement."""

    algorithm: Literal["HYBRID"] = Field("HYBRID", description="The algorithm.")
    mode: Mode = Field(
        "finetune",
        description="What follows imitation: `finetune` is PPO that stays near what was "
        "imitated.",
        json_schema_extra=option("--mode"),
    )
    data: Place | None = Field(
        None,
        description="Demonstrations, or a scenario set to make them in; by default the "
        "built-in generated scenarios.",
        examples=["datasets/demos/pdm"],
        json_schema_extra=option("--data"),
    )
    init_from: Place | None = Field(
        None,
        description="Checkpoint that was imitated already; nothing is imitated then.",
        examples=["experiments/checkpoints/bc_v1/best.pt"],
        json_schema_extra=option("--init-from"),
    )
    bc: BCSettings = Field(BCSettings(), description="How it imitates at first.")

    @property
    @override
    def least_demonstrations(self) -> int:
        """A batch."""
        return self.bc.batch_size

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        found = [*self._of_other_modes()]
        if found:
            raise contradictory(found)
        return self

    def _of_other_modes(self) -> Iterator[Contradiction]:
        actions = self.environment.actions
        if self.mode == "finetune" and actions != "bicycle":
            yield Contradiction(
                "environment.actions",
                f"`environment.actions` is `{actions}`; only bicycles are demonstrated",
                "bicycle",
            )

    def cloning(self) -> BCRequest:
        """The warm-up alone, as `/train bc` would be asked for it; it ends by its epochs."""
        training = self.training.model_dump(exclude={"total_steps"})
        environment = BicycleSettings.model_validate(self.environment.model_dump())
        return BCRequest(
            data=self.data,
            seed=self.seed,
            device=self.device,
            environment=environment,
            training=BCTrainingSettings.model_validate(training),
            policy=self.policy,
            bc=self.bc,
        )
