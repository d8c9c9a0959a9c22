"""What `/train hybrid` takes beyond what every algorithm takes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from trainers.bc_request import BCRequest, BCSettings, BCTrainingSettings, BicycleSettings
from trainers.cimrl_request import CIMRLSettings
from trainers.finetune_request import FinetuneSettings
from trainers.ppo_request import ByPPO
from trainers.train_request import (
    Contradiction,
    Place,
    contradictory,
    option,
)

Mode = Literal["finetune", "cimrl"]
BY_MODE: Final[dict[str, Mapping[str, Mapping[str, str]]]] = {
    "cimrl": {"environment": {"actions": "proposals"}, "bc": {"driver": "pdm"}},
}
"""Settings that a mode has instead of the usual ones, unless they are asked for."""


class HybridRequest(ByPPO):
    """Train a driving policy with both: imitates first, then learns by reinforcement."""

    algorithm: Literal["HYBRID"] = Field("HYBRID", description="The algorithm.")
    mode: Mode = Field(
        "finetune",
        description="What follows imitation: `finetune` is PPO that stays near what was "
        "imitated, `cimrl` chooses among proposals that it takes for safe.",
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
    cimrl: CIMRLSettings = Field(
        CIMRLSettings(), description="How mode `cimrl` learns; nothing to mode `finetune`."
    )
    finetune: FinetuneSettings = Field(
        FinetuneSettings(), description="How near it stays to what it imitated."
    )

    @model_validator(mode="before")
    @classmethod
    def _has_what_its_mode_has(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        usual = BY_MODE.get(str(values.get("mode")), {})
        filled = {
            name: {**own, **values.get(name, {})}
            for name, own in usual.items()
            if isinstance(values.get(name, {}), dict)
        }
        return {**values, **filled}

    @property
    @override
    def demonstrations(self) -> Path | None:
        return self.data

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
        if self.mode == "cimrl":
            yield from self._of_cimrl()
        if self.mode == "finetune" and actions != "bicycle":
            yield Contradiction(
                "environment.actions",
                f"`environment.actions` is `{actions}`; only bicycles are demonstrated",
                "bicycle",
            )

    def _of_cimrl(self) -> Iterator[Contradiction]:
        environment, cimrl = self.environment, self.cimrl
        yield from cimrl.contradictions(self.training.total_steps)
        if environment.actions != "proposals":
            yield Contradiction(
                "environment.actions",
                f"`environment.actions` is `{environment.actions}`; mode `cimrl` acts in "
                "`proposals` only",
                "proposals",
            )
        if environment.traffic == "policy":
            yield Contradiction(
                "environment.traffic",
                "`environment.traffic` is `policy`; mode `cimrl` drives the ego alone",
                "idm",
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
