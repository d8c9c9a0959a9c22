"""The scenario set that a request, an environment or an evaluation names."""

from pathlib import Path

from drivetrain.data.generate import built_in_set
from drivetrain.data.scenario_sets import ScenarioSet, load


def open_set(folder: str | Path | None) -> ScenarioSet:
    """The set in `folder`, verified; without one, the built-in generated scenarios."""
    return built_in_set() if folder is None else load(Path(folder))
