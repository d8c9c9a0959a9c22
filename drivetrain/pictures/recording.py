"""One driven scenario, frame by frame: what replay pages and animated images are made of."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivetrain.pictures.map_shapes import MapShapes
from drivetrain.sim.reward import REWARD_PARTS

Floats = NDArray[np.float64]

FAILURES = ("collision", "off_road", "red_light")
"""The parts of a reward that say that something went wrong in a step."""
EGO_SERIES = (
    *("speed", "acceleration", "steering", "yaw_rate"),
    *("lead_gap", "lead_speed", "limit", "offset"),
)
"""What is kept of the ego at every frame, beside its place."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the episode ended.  end_reason: a name of `EndReason`, in small letters.

    red_lights: how many it drove past, where the expert did not.  progress: 0 to 1.
    score: the closed-loop score.  metrics: what it is made of, by the names of
    `score.terms.METRICS`; NaN where not known.
    """

    end_reason: str
    steps: int
    success: bool
    collision: bool
    at_fault: bool
    off_road: bool
    red_lights: int
    progress: float
    reward: float
    mean_speed_mps: float
    score: float
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Agents:
    """Everybody, slot 0 the ego: [slots] facts, and [frames, slots] of where they were.

    number: the row among the agents of the scenario.
    """

    number: NDArray[np.int64]
    category: NDArray[np.uint8]
    length_m: Floats
    width_m: Floats
    x_m: Floats
    y_m: Floats
    heading_rad: Floats
    speed_mps: Floats
    present: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Recording:
    """One driven scenario.

    facts: what the catalogue says of it: id, source, log, split, type, licence.
    ego: by the names of EGO_SERIES, each [frames].  rewards: [frames - 1].
    reward_parts: [frames - 1, parts] in the order of REWARD_PARTS.
    expert: [frames, 4], x, y, heading and speed of the log's ego, NaN where it was not seen.
    signals: [lights, frames], codes of `Signal`.
    """

    facts: Mapping[str, str]
    driver: str
    traffic: str
    agents: Agents
    ego: Mapping[str, Floats]
    rewards: Floats
    reward_parts: Floats
    expert: Floats
    signals: NDArray[np.uint8]
    shapes: MapShapes
    outcome: Outcome

    @property
    def frames(self) -> int:
        """One more than steps: the first shows how the episode began."""
        return len(self.agents.x_m)

    @property
    def failed_at(self) -> int | None:
        """The frame of the first collision, red light or leaving of the road, if any."""
        parts = [REWARD_PARTS.index(name) for name in FAILURES]
        failed = np.flatnonzero(self.reward_parts[:, parts].any(axis=1))
        return int(failed[0]) + 1 if len(failed) else None
