"""What a person asks for, validated: every option, default, limit and help text, stated once.

A field whose `json_schema_extra` names an `option` is also a word of the chat grammar and of
the shell. A config file is a request at rest: the same models read it.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BeforeValidator, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from drivetrain.numbers import whole_count
from drivetrain.sim.config import EnvironmentSettings, Settings
from trainers.asked import FEWEST_HOURS, MOST_HOURS, MOST_STEPS

RUN_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
NO_MATTER = frozenset({"run_id", "schedule"})
"""Fields that change nothing of what a run learns; the digest leaves them out."""

CONTRADICTION: Final = "contradiction"
"""The type of error that `contradictory` makes."""


def whole_number(value: object) -> object:
    """`10_000_000`, `1e7` and `10M` are all ten million; anything else is left for Pydantic."""
    if not isinstance(value, str):
        return value
    count = whole_count(value)
    return value if count is None else count


def _printable_path(value: object) -> object:
    """No path is empty, and none holds a character that nobody can see."""
    if isinstance(value, str) and not (value.strip() and value.isprintable()):
        raise ValueError("not a path")
    return value


Count = Annotated[int, BeforeValidator(whole_number)]
Place = Annotated[Path, BeforeValidator(_printable_path)]


class Contradiction(NamedTuple):
    """A setting that is allowed by itself, and not beside the others.

    sentence: what is wrong, without a full stop.  instead: what it may be, as one types it.
    """

    path: str
    sentence: str
    instead: str


def contradictory(found: Sequence[Contradiction]) -> PydanticCustomError:
    """All of them as one error, for a model's validator to raise."""
    told = [each._asdict() for each in found]
    return PydanticCustomError(CONTRADICTION, "settings contradict each other", {"told": told})


def option(flag: str) -> JsonDict:
    """Marks a field as a word of the chat grammar, for `json_schema_extra`."""
    return {"option": flag}


class TrainingSettings(Settings):
    """How long a run trains, and how often it looks at itself."""

    total_steps: Count = Field(
        10_000_000,
        ge=1,
        le=MOST_STEPS,
        description="Environment steps to train for, over all worlds.",
        json_schema_extra=option("--steps"),
    )
    eval_every: Count = Field(
        500_000, ge=1, description="Steps between evaluations on validation scenarios."
    )
    eval_scenarios: Count = Field(
        128, ge=1, le=100_000, description="Validation scenarios driven by each evaluation."
    )
    save_every_s: float = Field(
        60.0, gt=0, le=86_400, description="Longest time between two saves of the whole state."
    )
    threads: int | None = Field(
        None, ge=1, le=256, description="Threads of the learner; by default every core."
    )
    matmul_precision: Literal["highest", "high", "medium"] = Field(
        "highest",
        description="Precision that matrix products of float32 may be computed with, as in "
        "`torch.set_float32_matmul_precision`; `medium` lets processors use bfloat16.",
    )


class ScheduleSettings(Settings):
    """When a run may begin, and what becomes of it when it is in trouble."""

    priority: Literal["high", "normal", "low"] = Field(
        "normal",
        description="Its place among the runs that wait.",
        json_schema_extra=option("--priority"),
    )
    after: str | None = Field(
        None,
        pattern=RUN_ID_PATTERN,
        description="Begin once this run is over, however it ended.",
        examples=["ppo_v1"],
        json_schema_extra=option("--after"),
    )
    auto_resume: int = Field(
        0,
        ge=0,
        le=100,
        description="Times to go on by itself after a reboot or the like, if it got further.",
        json_schema_extra=option("--auto-resume"),
    )
    max_hours: float | None = Field(
        None,
        ge=FEWEST_HOURS,
        le=MOST_HOURS,
        description="Hours it may take, over all attempts.",
        json_schema_extra=option("--max-hours"),
    )
    gpu_memory_mb: Count = Field(
        2048, ge=1, le=1_000_000, description="Memory it needs on a GPU; one with less waits."
    )
    stalled_for_s: float | None = Field(
        600.0,
        gt=0,
        description="Silence after a broken promise that ends the run; null to wait for ever.",
    )


class PolicySettings(Settings):
    """The networks that see the scene and act."""

    network: Literal["scene", "mlp"] = Field(
        "scene",
        description="`scene` looks at each agent and edge by itself, `mlp` at all at once.",
    )
    hidden: tuple[Annotated[int, Field(ge=1, le=8192)], ...] = Field(
        (256, 256), min_length=1, max_length=8, description="Units of each hidden layer."
    )
    log_std_init: float = Field(
        -1.0, ge=-5, le=1, description="Log standard deviation of the untrained policy."
    )


class TrainRequest(Settings):
    """What every algorithm's request holds."""

    run_id: str | None = Field(
        None,
        pattern=RUN_ID_PATTERN,
        description="Name of the run: 1 to 64 letters, digits, `.`, `_` or `-`; else made up.",
        examples=["ppo_v1"],
        json_schema_extra=option("--run-id"),
    )
    data: Place | None = Field(
        None,
        description="Folder of a scenario set; by default the built-in generated scenarios.",
        examples=["datasets/processed/ngsim"],
        json_schema_extra=option("--data"),
    )
    init_from: Place | None = Field(
        None,
        description="Checkpoint whose policy training starts from.",
        examples=["experiments/checkpoints/ppo_v1/best.pt"],
        json_schema_extra=option("--init-from"),
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**32 - 1,
        description="Seed of everything random.",
        json_schema_extra=option("--seed"),
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:[0-9]{1,2})?)$",
        description="Where the learner runs: `auto`, `cpu`, `cuda` or `cuda:N`.",
        json_schema_extra=option("--device"),
    )
    engine: Literal["local"] = Field(
        "local",
        description="Where the run executes; this machine is the only engine so far.",
        json_schema_extra=option("--engine"),
    )
    environment: EnvironmentSettings = Field(
        EnvironmentSettings(), description="What is simulated."
    )
    training: TrainingSettings = Field(
        TrainingSettings(), description="How long, and how often to look."
    )
    policy: PolicySettings = Field(PolicySettings(), description="What learns to drive.")
    schedule: ScheduleSettings = Field(
        ScheduleSettings(), description="When it may begin; changes nothing it learns."
    )

    @property
    def course(self) -> Path | None:
        """The scenario set that it drives in, or drives of it; None for the built-in one."""
        return self.data

    @property
    def demonstrations(self) -> Path | None:
        """Demonstrations, or the scenario set to make them in, where it learns from any."""
        return None

    @property
    def least_demonstrations(self) -> int | None:
        """Transitions that `demonstrations` must hold; None where it learns from none."""
        return None

    def digest(self) -> str:
        """Equal for two requests that would learn the same; names and queues do not count."""
        facts = self.model_dump(mode="json", exclude=set(NO_MATTER))
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
