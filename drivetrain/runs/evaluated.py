"""How a run's policy drove once it had trained: what pages read of the run's evaluation."""

from collections.abc import Mapping
from typing import Any, TypedDict

from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.kinds import fits


class Mean(TypedDict, total=False):
    """A mean with its interval."""

    mean: float | None
    low: float | None
    high: float | None


class Rate(TypedDict, total=False):
    """How many episodes, as a share with its interval."""

    count: int
    rate: float | None
    low: float | None
    high: float | None


class OfType(TypedDict, total=False):
    """One type of scenario."""

    scenarios: int
    score: float | None


class Driver(TypedDict, total=False):
    """One driver on all scenarios."""

    name: str
    episodes: int
    score: Mean
    success: Rate
    at_fault_collision: Rate
    collision: Rate
    off_road: Rate
    red_light: Rate
    progress: Mean
    reward: Mean
    by_type: dict[str, OfType] | None


class Data(TypedDict, total=False):
    """What was driven."""

    name: str
    split: str
    scenarios: int
    licences: list[str]


class Evaluation(TypedDict, total=False):
    """The drivers side by side."""

    data: Data
    drivers: list[Driver]
    worst: list[str]
    step: int | None
    horizon_s: float | None
    traffic: str | None
    actuators: str | None


def read_evaluation(folder: RunFolder) -> Mapping[str, Any] | None:
    """The evaluation, None where there is none, or none that holds what one holds."""
    facts = read_json(folder.evaluation)
    return facts if facts is not None and fits(facts, Evaluation) else None
