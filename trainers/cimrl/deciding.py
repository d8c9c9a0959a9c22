"""When worlds choose a proposal anew, and what happens between two choices."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivetrain.sim.reward import REWARD_PARTS
from drivetrain.sim.world import Worlds
from trainers.checkpoints import State

VIOLATIONS = [REWARD_PARTS.index(part) for part in ("collision", "off_road", "red_light")]

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


def is_due(worlds: Worlds, hold: int) -> NDArray[np.bool_]:
    """Which worlds choose now: at the begin of an episode, and every `hold` steps."""
    progress = worlds.state.progress
    return np.asarray((progress.step - progress.entered) % hold == 0)


class Choice(NamedTuple):
    """Numbers of proposals, [rows].  proposed: by the task.  driven: that, or a recovery's."""

    proposed: Tensor
    driven: Tensor
    is_recovery: Tensor


class Decisions(NamedTuple):
    """What came of choices, a row for each.

    earned: sum of g^j r_j over its steps.  ahead: g^steps, 0 where the episode really ended; a
    time limit only hides what comes.  violated: a collision, the road left, or a red light.
    """

    seen: Floats
    next_seen: Floats
    proposed: Rows
    driven: Rows
    earned: Floats
    ahead: Floats
    violated: NDArray[np.bool_]
    is_recovery: NDArray[np.bool_]


class Deciding:
    """Drives worlds by choices that hold, and tells what came of each.

    choose: from what the worlds show that choose now, [rows, size].
    """

    def __init__(self, worlds: Worlds, hold: int, gamma: float) -> None:
        self.worlds = worlds
        self._hold = hold
        self._gamma = gamma
        count = worlds.num_worlds
        self._open = Decisions(
            seen=np.zeros((count, worlds.layout.size), np.float32),
            next_seen=np.zeros((0, worlds.layout.size), np.float32),
            proposed=np.zeros(count, np.int64),
            driven=np.zeros(count, np.int64),
            earned=np.zeros(count, np.float32),
            ahead=np.zeros(count, np.float32),
            violated=np.zeros(count, np.bool_),
            is_recovery=np.zeros(count, np.bool_),
        )

    def step(self, choose: Callable[[Tensor], Choice]) -> Decisions:
        """One step of every world; the decisions that it brought to their end."""
        worlds, held = self.worlds, self._open
        due = np.flatnonzero(is_due(worlds, self._hold))
        if len(due):
            self._begin(due, choose)
        worlds.step(held.driven)
        held.earned[:] += held.ahead * worlds.rewards
        held.ahead[:] *= self._gamma
        held.violated[:] |= (worlds.reward_parts[:, VIOLATIONS] > 0.0).any(axis=1)
        ended = worlds.terminated | worlds.truncated
        return self._closed(np.flatnonzero(ended | is_due(worlds, self._hold)), ended)

    def _begin(self, due: Rows, choose: Callable[[Tensor], Choice]) -> None:
        held, seen = self._open, self.worlds.observations[due]
        choice = choose(torch.from_numpy(seen))
        held.seen[due] = seen
        held.proposed[due] = choice.proposed.numpy()
        held.driven[due] = choice.driven.numpy()
        held.is_recovery[due] = choice.is_recovery.numpy()
        held.earned[due], held.ahead[due], held.violated[due] = 0.0, 1.0, False

    def _closed(self, rows: Rows, ended: NDArray[np.bool_]) -> Decisions:
        worlds = self.worlds
        next_seen = worlds.observations[rows]
        at_end = ended[rows]
        next_seen[at_end] = worlds.final_observations[rows[at_end]]
        taken = {name: column[rows] for name, column in self._columns().items()}
        taken["ahead"] = np.where(worlds.terminated[rows], np.float32(0), taken["ahead"])
        return Decisions(next_seen=next_seen, **taken)

    def _columns(self) -> dict[str, NDArray[Any]]:
        return {k: v for k, v in self._open._asdict().items() if k != "next_seen"}

    def state(self) -> State:
        """The choices that still hold, copied."""
        return {name: torch.from_numpy(col.copy()) for name, col in self._columns().items()}

    def restore(self, state: State) -> None:
        """Let these hold again."""
        for name, column in self._columns().items():
            column[:] = state[name].numpy()
