"""Drivers to compare with: one that knows nothing, and one that follows rules."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.actions import ACTION_COLUMNS
from drivetrain.sim.compiled import compiled
from drivetrain.sim.config import Actions
from drivetrain.sim.dynamics import MAX_ACCELERATION_MPS2, MAX_BRAKING_MPS2, most_curvature
from drivetrain.sim.pursuit import pursuit_curvature
from drivetrain.sim.road import Paths, paths_of, row_at
from drivetrain.sim.state import State
from drivetrain.sim.traffic import PLANNER, idm_acceleration, stops_at
from drivetrain.sim.world import Worlds


class Driver(Protocol):
    """Whoever chooses actions for all worlds: a policy, a rule, a die.

    actions: the action space that its actions are meant for; worlds must have it.
    """

    @property
    def actions(self) -> Actions:
        """What its actions are, in the words of the settings."""

    def act(self, worlds: Worlds) -> NDArray[np.floating]:
        """Actions for what the worlds show now.  [worlds, columns]."""


class RandomDriver:
    """Every action as likely as any other."""

    actions: Actions = "bicycle"

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def act(self, worlds: Worlds) -> NDArray[np.float32]:
        """Fresh uniform actions.  [worlds, columns]."""
        return self._random.uniform(
            -1, 1, (worlds.num_worlds, ACTION_COLUMNS[self.actions])
        ).astype(np.float32)


class IdmDriver:
    """Follows the route by pure pursuit at the speed of the IDM.

    It slows down in time for curves and lower limits, and sees what stands in the route's
    corridor, as IDM traffic does; it neither overtakes nor gives way.
    """

    actions: Actions = "bicycle"

    def act(self, worlds: Worlds) -> NDArray[np.float32]:
        """Rules, applied to every world.  [worlds, columns]."""
        actions = np.empty((worlds.num_worlds, ACTION_COLUMNS[self.actions]), np.float32)
        _act_by_rules(paths_of(worlds.scenarios), worlds.state, actions)
        return actions


@compiled
def _act_by_rules(paths: Paths, state: State, actions: NDArray[np.float32]) -> None:
    e, d = state.egos, state.drivers
    for w in range(len(actions)):
        start, points, along = d.start[w, 0], d.points[w, 0], d.along[w, 0]
        desired = np.float64(paths.pace[row_at(start, points, along)])
        acceleration = idm_acceleration(
            e.speed[w], desired, e.lead_gap[w], e.lead_speed[w], PLANNER
        )
        if stops_at(e.line_signal[w], e.line_gap[w], e.speed[w], PLANNER):
            braked = idm_acceleration(e.speed[w], desired, e.line_gap[w], 0.0, PLANNER)
            acceleration = min(acceleration, braked)
        strongest = MAX_ACCELERATION_MPS2 if acceleration > 0.0 else MAX_BRAKING_MPS2
        actions[w, 0] = min(max(acceleration / strongest, -1.0), 1.0)
        route, rear = (start, points, along), (e.rear_x[w], e.rear_y[w], e.heading[w])
        curvature = pursuit_curvature(paths, route, 0.0, rear, e.speed[w], e.rear_to_centre[w])
        actions[w, 1] = min(max(curvature / most_curvature(e.speed[w]), -1.0), 1.0)
