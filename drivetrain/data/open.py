"""The scenario set that a request, an environment or an evaluation names."""

from pathlib import Path

from drivetrain.data.demonstrations import are_demonstrations, read_demonstration_manifest
from drivetrain.data.generate import built_in_set
from drivetrain.data.scenario_sets import ScenarioSet, load


def open_set(folder: str | Path | None) -> ScenarioSet:
    """The set in `folder`, verified; without one, the built-in generated scenarios.

    Of demonstrations, it is the set that they were driven in.
    """
    if folder is not None and are_demonstrations(Path(folder)):
        folder = read_demonstration_manifest(Path(folder)).scenario_set
    return built_in_set() if folder is None else load(Path(folder))
