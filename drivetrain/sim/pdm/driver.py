"""The PDM-Closed-style planner as a driver of worlds."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from drivetrain.machine import cores
from drivetrain.sim.config import Actions
from drivetrain.sim.dynamics import DIRECT, FILTERED
from drivetrain.sim.pdm.planning import Plans, Room, new_plans, new_room, plan_worlds
from drivetrain.sim.world import Worlds

WORLDS_AT_ONCE = 8
"""Worlds that a thread plans before it takes the next: plans take unequal time."""


class PdmDriver:
    """Drives the best of fifteen proposals in every world.

    What it does in a world depends on that world's state alone.  plans: what it decided last.
    """

    actions: Actions = "bicycle"

    def __init__(self) -> None:
        self.plans: Plans = new_plans(0)
        self._rooms: deque[Room] = deque()

    def act(self, worlds: Worlds) -> NDArray[np.float32]:
        """The best proposals' first actions.  [worlds, 2]."""
        if len(self.plans.actions) != worlds.num_worlds:
            self.plans = new_plans(worlds.num_worlds)
        threads = worlds.settings.threads or cores()
        slots = worlds.state.bodies.x.shape[1]
        self._rooms = deque(new_room(slots) for _ in range(threads))
        firsts = range(0, worlds.num_worlds, WORLDS_AT_ONCE)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda first: self._plan(worlds, first), firsts))
        return self.plans.actions.copy()

    def _plan(self, worlds: Worlds, first: int) -> None:
        room = self._rooms.pop()
        last = min(first + WORLDS_AT_ONCE, worlds.num_worlds)
        lags = DIRECT if worlds.settings.actuators == "direct" else FILTERED
        plan_worlds(worlds.scenarios, worlds.state, lags, room, self.plans, first, last)
        self._rooms.append(room)
