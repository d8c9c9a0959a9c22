"""Hand-made scenes with the outputs that nuPlan's metrics have for them, read from JSON."""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivetrain.settings import PROJECT
from drivetrain.sim.scenario import Category
from drivetrain.sim.state import Body

Floats = NDArray[np.float64]

LENGTH_M, WIDTH_M, REAR_TO_CENTRE_M = 5.176, 2.297, 1.461
"""nuPlan's `pacifica`."""
KINDS = {
    "vehicles": Category.VEHICLE,
    "bicycles": Category.BICYCLE,
    "pedestrians": Category.PEDESTRIAN,
}


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody in one frame."""

    id: int
    category: Category
    body: Body


@dataclass(frozen=True, slots=True)
class GoldenScene:
    """A scene in metres from the ego's first pose.

    motion: [frames, 8] x, y, heading of the rear axle, velocity and acceleration along and
    across, time in s.  expert: likewise.  others: by frame.  expected: what nuPlan's test
    expects, one result or several.
    """

    metric: str
    name: str
    motion: Floats
    expert: Floats
    others: list[list[Other]]
    parameters: dict[str, float]
    statistics: list[tuple[str, float]]
    series: Floats | None

    @property
    def step_s(self) -> float:
        """Time between frames; a second where there is but one."""
        times = self.motion[:, 7]
        return float(np.diff(times).mean()) if len(times) > 1 else 1.0

    @property
    def speed(self) -> Floats:
        """At the rear axle.  [frames]."""
        return np.hypot(self.motion[:, 3], self.motion[:, 4])

    def centres(self, motion: Floats) -> Floats:
        """The middle of the box.  [frames, 3] x, y, heading."""
        heading = motion[:, 2]
        ahead = REAR_TO_CENTRE_M * np.stack([np.cos(heading), np.sin(heading)], axis=1)
        return np.column_stack([motion[:, :2] + ahead, heading])

    def ego(self, frame: int) -> Body:
        """The ego's box, moving along its heading."""
        x, y, heading = self.centres(self.motion)[frame]
        return _body(x, y, heading, float(self.speed[frame]), LENGTH_M, WIDTH_M)


def golden_folder() -> Path:
    """Where the scenes are: DRIVETRAIN_GOLDEN_SCENES, else beside the repository."""
    named = os.environ.get("DRIVETRAIN_GOLDEN_SCENES")
    return Path(named) if named else PROJECT.parent / "shared" / "data" / "nuplan_scenes"


def read_scene(path: Path) -> GoldenScene:
    """One file of a folder that is named after its metric."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    origin = told["ego"]["pose"][:2]
    frames = [told["world"], *(told.get("world_future_states") or [])]
    expected = told["expected"]
    first = expected[0] if isinstance(expected, list) else expected
    series = (first.get("time_series") or {}).get("values")
    return GoldenScene(
        metric=path.parent.name,
        name=path.stem,
        motion=_motion([told["ego"], *(told.get("ego_future_states") or [])], origin),
        expert=_motion(told.get("expert_ego_states") or [], origin),
        others=[_others(frame, origin) for frame in frames],
        parameters=told.get("metric_parameters") or {},
        statistics=[(kind, float(value)) for kind, value in first["statistics"]],
        series=None if series is None else np.array(series, np.float64),
    )


def _motion(states: list[dict[str, Any]], origin: list[float]) -> Floats:
    rows = [
        (
            state["pose"][0] - origin[0],
            state["pose"][1] - origin[1],
            state["pose"][2],
            *state["velocity"],
            *state["acceleration"],
            state["time_us"] / 1e6,
        )
        for state in states
    ]
    motion = np.array(rows, np.float64).reshape(-1, 8)
    motion[:, 2] = np.unwrap(motion[:, 2])
    return motion


def _others(world: dict[str, Any], origin: list[float]) -> list[Other]:
    return [
        Other(each["id"], category, _box(each, origin))
        for kind, category in KINDS.items()
        for each in world.get(kind) or []
    ]


def _box(other: dict[str, Any], origin: list[float]) -> Body:
    x, y, heading = other["box"]["pose"][:3]
    width, length = other["box"]["size"][:2]
    return _body(x - origin[0], y - origin[1], heading, other["speed"], length, width)


def _body(
    x: float, y: float, heading: float, speed: float, length: float, width: float
) -> Body:
    cos, sin = math.cos(heading), math.sin(heading)
    return Body(x, y, cos, sin, speed * cos, speed * sin, length / 2, width / 2)
