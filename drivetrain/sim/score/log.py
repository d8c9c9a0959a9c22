"""A record written frame by frame in plain Python, for a single drive."""

import numpy as np

from drivetrain.sim.config import STEP_S
from drivetrain.sim.lane_map import lane_map_of
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.score.episode import (
    CROSSES,
    HITS,
    SIDE_HITS,
    Chassis,
    Expert,
    new_workplace,
    score_episode,
)
from drivetrain.sim.score.terms import Terms


class EpisodeLog:
    """The frames of one episode so far, each as `Record` has them."""

    def __init__(self) -> None:
        self._motion: list[tuple[float, ...]] = []
        self._marks: list[list[int]] = []

    def frame(self, *motion: float) -> None:
        """A new frame: the columns of `Noted`."""
        self._motion.append(motion)
        self._marks.append([0] * (CROSSES + 1))

    def hit(self, group: int, *, is_open: bool) -> None:
        """A collision at fault in this frame; is_open: only if the ego is between lanes."""
        self._marks[-1][(SIDE_HITS if is_open else HITS) + group] += 1

    def crosses(self) -> None:
        """A road edge meets the ego in this frame."""
        self._marks[-1][CROSSES] = 1

    def terms(
        self,
        scenarios: ScenarioArrays,
        road: int,
        expert: Expert,
        chassis: Chassis,
        step_s: float = STEP_S,
    ) -> tuple[Terms, bool]:
        """Every metric, and whether any collision was the ego's fault."""
        motion = np.array(self._motion, np.float64)
        marks = np.array(self._marks, np.uint8)
        roads, room = lane_map_of(scenarios), new_workplace(len(motion))
        return score_episode(roads, road, expert, motion, marks, chassis, room, step_s)
