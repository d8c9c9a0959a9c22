"""What a driver may tell the ego, in each action space.

bicycle    [2]  acceleration and curvature, as shares of what the car can do: `dynamics.wanted`.
delta      [3]  how far the middle of its box moves ahead, to its left, and turns to the left in
                one step, from where it stands and in its own frame. It is there at once: for
                logs and for drivers that imitate them. A learner wants small noise for it.
proposals  [1]  which of `PROPOSALS` rules drives this step: `proposals.py`.
"""

import math
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import compiled
from drivetrain.sim.config import Actions

ACTION_COLUMNS: Final[dict[Actions, int]] = {"bicycle": 2, "delta": 3, "proposals": 1}
"""How many numbers an action is."""

PROPOSAL_OFFSETS_M = (-1.0, 0.0, 1.0)
PROPOSAL_SHARES = 5
PROPOSALS = len(PROPOSAL_OFFSETS_M) * PROPOSAL_SHARES
"""PDM-Closed's: three lines beside the route, each at five shares of the speed limit."""

MOST_DELTA_M = 7.0
"""A full action: 70 m/s, the fastest track that is taken for real. As float32 it is exact to
less than a micrometre."""
MOST_DELTA_RAD = math.pi


class ActionCode(IntEnum):
    """The action spaces, as kernels are told."""

    BICYCLE = 0
    DELTA = 1
    PROPOSALS = 2

    @classmethod
    def of(cls, actions: Actions) -> "ActionCode":
        """The code of a setting."""
        return cls[actions.upper()]


@compiled
def unscaled(action: float, most: float) -> float:
    """An action in [-1, 1] as a share of the most; beyond, clipped."""
    return min(max(action, -1.0), 1.0) * most


def checked_actions(
    actions: NDArray[np.generic], worlds: int, kind: Actions
) -> NDArray[np.float32]:
    """Actions as kernels read them: [worlds, columns].

    actions: that, or of proposals one number per world.
    Raises: ValueError for another shape, a NaN, or a proposal that there is not.
    """
    columns = ACTION_COLUMNS[kind]
    given = np.asarray(actions)
    if given.shape != (worlds, columns) and (columns > 1 or given.shape != (worlds,)):
        raise ValueError(f"actions have shape {given.shape}; it must be {(worlds, columns)}")
    taken = np.asarray(given, np.float32).reshape(worlds, columns)
    lost = np.isnan(taken)
    if lost.any():
        raise ValueError(f"the action of world {int(lost.argmax()) // columns} is NaN")
    if kind == "proposals":
        strange = (taken != np.floor(taken)) | (taken < 0) | (taken >= PROPOSALS)
        if strange.any():
            world = int(strange.argmax())
            raise ValueError(
                f"the action of world {world} is {taken[world, 0]:g}; "
                f"proposals are numbered 0 to {PROPOSALS - 1}"
            )
    return taken
