"""The frozen settings of ADPlanning-v0: every default and limit of the simulator, stated once.

Light on purpose (Pydantic and nothing else): requests embed these settings, and the way from
chat text to Markdown must not load the simulator.
"""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

STEP_S = 0.1
ENVIRONMENT_ID: Final = "ADPlanning-v0"

Actions = Literal["bicycle", "delta", "proposals"]
"""The action spaces: in each a driver is told something else about the ego's next step."""


Observation = Literal["flat", "wide"]
"""How much of the scene one world shows."""


class Settings(BaseModel):
    """Settings are frozen, refuse unknown keys, and hold no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_switch(cls, value: object) -> object:
        # Pydantic reads true as 1, and YAML reads yes as true: `gamma: yes` must not mean 1.0.
        if isinstance(value, bool):
            raise ValueError("true and false are no values here")  # noqa: TRY004 - Pydantic's way
        return value


class RewardSettings(Settings):
    """How a step is rewarded: progress, multiplied by how well it was driven, less a crash.

    Bounded route completion times soft penalties (Jaeger et al. 2025, CaRL).
    """

    route: float = Field(
        10.0, ge=0, le=1000, description="Reward of driving the expert's whole distance."
    )
    collision: float = Field(
        2.0, ge=0, le=1000, description="Taken off once, at an episode's first collision."
    )
    red_light: float = Field(
        2.0, ge=0, le=1000, description="Taken off once, when a red light ends the episode."
    )
    off_road: float = Field(
        1.0, ge=0, le=1000, description="Taken off once, when the ego first leaves the road."
    )


class RandomizeSettings(Settings):
    """How much chance is in an episode, each from 0 for none to 1; nobody is judged with it."""

    agents: float = Field(
        0.0, ge=0, le=1, description="How much IDM drivers differ: headway, speed, pedals."
    )
    sensing: float = Field(
        0.0, ge=0, le=1, description="How badly others are seen: noise, and some not at all."
    )


class EnvironmentSettings(Settings):
    """What is simulated."""

    name: Literal["ADPlanning-v0"] = Field(
        ENVIRONMENT_ID, description="The gymnasium id of the environment."
    )
    num_envs: int = Field(
        256, ge=1, le=16384, description="Worlds stepped together in every batch."
    )
    traffic: Literal["idm", "replay", "mixed", "policy"] = Field(
        "idm",
        description="How the other vehicles drive: reacting by IDM, replayed from the log, "
        "replayed until in the way and then by IDM, or each by the learner itself, which is "
        "then evaluated alone amid IDM traffic.",
    )
    seats: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="With traffic policy, how many worlds share a scene, each as another of "
        "its moving vehicles; by default as many as the scenario with most of them has. Worlds "
        "come in whole groups of that many.",
    )
    horizon_s: float = Field(
        15.0, ge=1, le=60, description="Longest episode, in simulated seconds."
    )
    actions: Actions = Field(
        "bicycle",
        description="What an action is: a bicycle's acceleration and curvature, the box's "
        "displacement within a step, or the number of a proposal.",
    )
    observation: Observation = Field(
        "flat",
        description="How much the ego sees: the 16 nearest others and 8 pieces of road edge, "
        "or 32 and 64.",
    )
    actuators: Literal["filtered", "direct"] = Field(
        "filtered",
        description="Whether the car follows its pedals and wheel with nuPlan's lags, or at "
        "once.",
    )
    on_failure: Literal["stop", "ignore"] = Field(
        "stop",
        description="Whether a collision, or leaving the road, ends the episode, or is only "
        "noted and earns nothing any more.",
    )
    red_light: Literal["ignore", "stop"] = Field(
        "stop",
        description="Whether driving past a red light, where the expert did not, ends the "
        "episode or is only counted.",
    )
    randomize: RandomizeSettings = Field(
        RandomizeSettings(), description="How much chance is in an episode."
    )
    threads: int | None = Field(
        None, ge=1, le=256, description="Threads that step worlds; by default every core."
    )
    reward: RewardSettings = Field(RewardSettings(), description="How a step is rewarded.")

    def for_judging(self) -> "EnvironmentSettings":
        """The same to the end, whatever happens, without chance, and for one ego.

        nuPlan goes on after a collision or a red light too. Self-play is judged in IDM traffic.
        """
        traffic = "idm" if self.traffic == "policy" else self.traffic
        judged = {
            "traffic": traffic,
            "on_failure": "ignore",
            "red_light": "ignore",
            "randomize": RandomizeSettings(),
        }
        return self.model_copy(update=judged)

    @property
    def horizon(self) -> int:
        """The longest episode in steps."""
        return max(round(self.horizon_s / STEP_S), 1)
