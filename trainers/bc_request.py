"""What `/train bc` takes beyond what every algorithm takes."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from typing_extensions import override

from drivetrain.sim.config import EnvironmentSettings, Settings
from trainers.asked import MOST_STEPS
from trainers.train_request import Count, Place, TrainingSettings, TrainRequest, option


class BCSettings(Settings):
    """How behavioural cloning learns: by maximum likelihood of what was demonstrated."""

    epochs: int = Field(
        50,
        ge=1,
        le=100_000,
        description="Passes over the demonstrations, unless a number of steps is given.",
        json_schema_extra=option("--epochs"),
    )
    driver: Literal["log", "pdm", "idm"] = Field(
        "log",
        description="Who demonstrates, where `data` is a scenario set: the log's own driver, "
        "or the drivers PDM or IDM.",
        json_schema_extra=option("--driver"),
    )
    noise: float = Field(
        0.1,
        ge=0,
        le=1,
        description="How hard a driver is pushed off its line while it demonstrates, so that "
        "it shows how to come back; as a share of the strongest action.",
    )
    batch_size: Count = Field(1024, ge=2, le=1_048_576, description="Transitions per update.")
    learning_rate: float = Field(
        1e-3, gt=0, le=1, description="Step size of Adam at the start."
    )
    learning_rate_schedule: Literal["linear", "constant"] = Field(
        "linear", description="How the step size falls to the end of the run."
    )
    ent_weight: float = Field(1e-3, ge=0, le=1, description="Weight of the entropy bonus.")
    l2: float = Field(0.0, ge=0, le=1, description="Weight of the weights' own squares.")
    least_log_std: float = Field(
        -3.0,
        ge=-5,
        le=1,
        description="Floor of the log standard deviation: a likelihood knows none of its own.",
    )
    max_grad_norm: float = Field(1.0, gt=0, le=100, description="Clip of the gradient's norm.")
    report_every: Count = Field(
        16_384, ge=1, le=10_000_000, description="Steps from one line of numbers to the next."
    )


class BCTrainingSettings(TrainingSettings):
    """How long a run learns; its steps are demonstrated transitions, each pass counted."""

    total_steps: Count = Field(
        0,
        ge=0,
        le=MOST_STEPS,
        description="Transitions to learn from in all; 0 for those of all epochs.",
        json_schema_extra=option("--steps"),
    )
    eval_every: Count = Field(
        500_000, ge=1, description="Transitions between evaluations on validation scenarios."
    )


class BicycleSettings(EnvironmentSettings):
    """What is simulated; demonstrations are actions of the bicycle."""

    actions: Literal["bicycle"] = Field(
        "bicycle", description="What an action is: only bicycles are demonstrated."
    )


class BCRequest(TrainRequest):
    """Train a driving policy with BC: imitates demonstrations, of logs or of rule drivers."""

    algorithm: Literal["BC"] = Field("BC", description="The algorithm.")
    data: Place | None = Field(
        None,
        description="Demonstrations, or a scenario set to make them in; by default the "
        "built-in generated scenarios.",
        examples=["datasets/demos/pdm"],
        json_schema_extra=option("--data"),
    )
    environment: BicycleSettings = Field(BicycleSettings(), description="What is simulated.")
    training: BCTrainingSettings = Field(
        BCTrainingSettings(), description="How long, and how often to look."
    )
    bc: BCSettings = Field(BCSettings(), description="How BC learns.")

    @property
    @override
    def demonstrations(self) -> Path | None:
        return self.data

    @property
    @override
    def least_demonstrations(self) -> int:
        """A batch."""
        return self.bc.batch_size
