"""Drivers that move the ego as a log would: along its own log, or straight on.

Log replay is what every other driver is held against: whatever it fails in, the data fail in.
"""

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.actions import MOST_DELTA_M, MOST_DELTA_RAD
from drivetrain.sim.config import STEP_S, Actions
from drivetrain.sim.world import Worlds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class LogDriver:
    """The expert: the ego is at each step where its log has it.

    Where the log has a gap it goes evenly to where the ego is seen next; past the log's end it
    stands.
    """

    actions: Actions = "delta"

    def act(self, worlds: Worlds) -> NDArray[np.float32]:
        """The way to the log's next pose.  [worlds, 3]."""
        s, b = worlds.scenarios, worlds.state.bodies
        row, steps = _next_seen(worlds)
        dx, dy = s.x[row] - b.x[:, 0], s.y[row] - b.y[:, 0]
        cos, sin = b.cos[:, 0], b.sin[:, 0]
        turned = s.heading[row] - np.arctan2(sin, cos)
        turned = np.remainder(turned + np.pi, 2.0 * np.pi) - np.pi
        way = np.stack([dx * cos + dy * sin, dy * cos - dx * sin, turned], axis=1)
        return _scaled(np.where(steps[:, None] > 0, way / np.maximum(steps, 1)[:, None], 0.0))


class ConstantVelocityDriver:
    """Keeps speed and heading, whatever comes."""

    actions: Actions = "delta"

    def act(self, worlds: Worlds) -> NDArray[np.float32]:
        """Straight on.  [worlds, 3]."""
        way = np.zeros((worlds.num_worlds, 3))
        way[:, 0] = worlds.state.egos.speed * STEP_S
        return _scaled(way)


def _next_seen(worlds: Worlds) -> tuple[Ints, Ints]:
    """(row of the frames, steps until then) of the expert's next valid pose.  Both [worlds].

    0 steps where there is none any more; the row is then any.
    """
    s, p = worlds.scenarios, worlds.state.progress
    agent = s.ego[p.scenario]
    first, end = s.first_frame[agent], s.first_frame[agent + 1]
    row = first + p.step - s.start_step[agent]
    steps = np.zeros(len(row), np.int64)
    for ahead in range(1, int((end - row).max(initial=1))):
        here = np.clip(row + ahead, first, end - 1)
        seen = (row + ahead >= first) & (row + ahead < end) & (s.valid[here] == 1)
        steps = np.where((steps == 0) & seen, ahead, steps)
        if np.all((steps > 0) | (row + ahead >= end)):
            break
    return np.clip(row + steps, first, end - 1), steps


def _scaled(way: Floats) -> NDArray[np.float32]:
    """Metres and radians as an action."""
    return (way / [MOST_DELTA_M, MOST_DELTA_M, MOST_DELTA_RAD]).astype(np.float32)
