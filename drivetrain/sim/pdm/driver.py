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
        self._made_for = (0, 0)
        self._pool: ThreadPoolExecutor | None = None

    def act(self, worlds: Worlds) -> NDArray[np.float32]:
        """The best proposals' first actions.  [worlds, 2]."""
        if len(self.plans.actions) != worlds.num_worlds:
            self.plans = new_plans(worlds.num_worlds)
        pool = self._pool_for(worlds.settings.threads or cores(), worlds.room.slots)
        firsts = range(0, worlds.num_worlds, WORLDS_AT_ONCE)
        list(pool.map(lambda first: self._plan(worlds, first), firsts))
        return self.plans.actions.copy()

    def _pool_for(self, threads: int, slots: int) -> ThreadPoolExecutor:
        """Threads with a room each, kept from step to step."""
        if self._pool is None or self._made_for != (threads, slots):
            if self._pool is not None:
                self._pool.shutdown()
            self._pool, self._made_for = ThreadPoolExecutor(threads), (threads, slots)
            self._rooms = deque(new_room(slots) for _ in range(threads))
        return self._pool

    def _plan(self, worlds: Worlds, first: int) -> None:
        room = self._rooms.pop()
        last = min(first + WORLDS_AT_ONCE, worlds.num_worlds)
        lags = DIRECT if worlds.settings.actuators == "direct" else FILTERED
        plan_worlds(worlds.scenarios, worlds.state, lags, room, self.plans, first, last)
        self._rooms.append(room)
