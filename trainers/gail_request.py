"""What `/train gail` takes beyond what every algorithm takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import override

from drivetrain.sim.config import Settings
from trainers.bc_request import BicycleSettings
from trainers.ppo_request import PPOSettings, rollout_length
from trainers.train_request import (
    Contradiction,
    Count,
    Place,
    TrainRequest,
    contradictory,
    option,
    whole_number,
)

GAIL_ROLLOUT_STEPS = 16_384


class GAILSettings(Settings):
    """How GAIL learns (Ho and Ermon 2016): a discriminator rewards what looks demonstrated."""

    driver: Literal["log", "pdm", "idm"] = Field(
        "log",
        description="Who demonstrates, where `expert_data` is a scenario set: the log's own "
        "driver, or the drivers PDM or IDM.",
        json_schema_extra=option("--driver"),
    )
    noise: float = Field(
        0.1,
        ge=0,
        le=1,
        description="How hard a driver is pushed off its line while it demonstrates, so that "
        "it shows how to come back; as a share of the strongest action.",
    )
    horizon: Literal["fixed", "variable"] = Field(
        "fixed",
        description="`fixed`: episodes go on after a failure, so that their length tells "
        "nothing of who drove. `variable`: failures end them, as `environment.on_failure` or "
        "`environment.red_light` then must say; who lives longer earns more, or less.",
    )
    disc_network: Literal["mlp", "scene"] = Field(
        "scene",
        description="How the discriminator sees: `scene` looks at each agent and edge by "
        "itself, `mlp` at all at once.",
    )
    disc_hidden: tuple[Annotated[int, Field(ge=1, le=8192)], ...] = Field(
        (256, 256), min_length=1, max_length=8, description="Units of its hidden layers."
    )
    disc_updates: int = Field(
        8, ge=1, le=10_000, description="Updates of the discriminator after each rollout."
    )
    disc_batch_size: Count = Field(
        2048,
        ge=2,
        le=1_048_576,
        description="Demonstrated transitions per update of the discriminator, beside as many "
        "of the policy.",
    )
    disc_learning_rate: float = Field(
        3e-4, gt=0, le=1, description="Step size of Adam for the discriminator."
    )


class GeneratorSettings(PPOSettings):
    """How the policy learns: by PPO, in shorter rollouts, as the two sides take turns."""

    rollout_steps: ClassVar[int] = GAIL_ROLLOUT_STEPS

    n_steps: Annotated[int, Field(ge=1, le=1_048_576), BeforeValidator(whole_number)] | None = (
        Field(
            None,
            description=f"Steps per world and rollout; by default {GAIL_ROLLOUT_STEPS} in all.",
            examples=[64],
        )
    )
    n_epochs: int = Field(4, ge=1, le=100, description="Passes over each rollout.")
    ent_coef: float = Field(0.003, ge=0, le=1, description="Weight of the entropy bonus.")


class GAILEnvironmentSettings(BicycleSettings):
    """What is simulated; a failure is only noted, unless horizons shall vary."""

    on_failure: Literal["stop", "ignore"] = Field(
        "ignore",
        description="Whether a collision, or leaving the road, ends the episode, or is only "
        "noted and earns nothing any more.",
    )
    red_light: Literal["ignore", "stop"] = Field(
        "ignore",
        description="Whether driving past a red light, where the expert did not, ends the "
        "episode or is only counted.",
    )


class GAILRequest(TrainRequest):
    """Train a driving policy with GAIL: imitates demonstrations by driving, without reward."""

    algorithm: Literal["GAIL"] = Field("GAIL", description="The algorithm.")
    expert_data: Place | None = Field(
        None,
        description="Demonstrations, or a scenario set to make them in; by default made in "
        "the scenarios of `data`.",
        examples=["datasets/demos/pdm"],
        json_schema_extra=option("--expert-data"),
    )
    data: Place | None = Field(
        None,
        description="Folder of a scenario set to drive in; by default that of the "
        "demonstrations, else the built-in generated scenarios.",
        examples=["datasets/processed/ngsim"],
        json_schema_extra=option("--data"),
    )
    environment: GAILEnvironmentSettings = Field(
        GAILEnvironmentSettings(), description="What is simulated."
    )
    ppo: GeneratorSettings = Field(
        GeneratorSettings(), description="How the policy learns, by PPO."
    )
    gail: GAILSettings = Field(GAILSettings(), description="How it is judged and by whom.")

    @property
    @override
    def course(self) -> Path | None:
        return self.data or self.expert_data

    @property
    @override
    def demonstrations(self) -> Path | None:
        return self.expert_data or self.data

    @property
    @override
    def least_demonstrations(self) -> int:
        """A batch of the discriminator."""
        return self.gail.disc_batch_size

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        found = [*self._of_the_horizon(), *self._of_the_rollout()]
        if found:
            raise contradictory(found)
        return self

    def _of_the_horizon(self) -> Iterator[Contradiction]:
        seen = self.environment
        ends = {"on_failure": seen.on_failure, "red_light": seen.red_light}
        early = [name for name, word in ends.items() if word == "stop"]
        if self.gail.horizon == "variable" and not early:
            yield Contradiction(
                "environment.on_failure",
                "`gail.horizon` is `variable`, and `environment.on_failure` and "
                "`environment.red_light` are `ignore`, so that no episode ends early",
                "stop",
            )
        for name in early if self.gail.horizon == "fixed" else ():
            yield Contradiction(
                f"environment.{name}",
                f"`environment.{name}` is `stop`, and `gail.horizon` is `fixed`: whoever "
                "drives, episodes must be equally long",
                "ignore",
            )

    def _of_the_rollout(self) -> Iterator[Contradiction]:
        worlds = self.environment.num_envs
        rollout = worlds * rollout_length(self.ppo, self, worlds)
        if self.gail.disc_batch_size > rollout:
            yield Contradiction(
                "gail.disc_batch_size",
                f"`gail.disc_batch_size` is `{self.gail.disc_batch_size}`, more than the "
                f"`{rollout}` transitions of a rollout",
                str(max(2, rollout // 4)),
            )
