"""The spaces of one world, the same behind every face."""

from typing import Any

import numpy as np
from gymnasium import spaces

from drivetrain.sim.actions import ACTION_COLUMNS, PROPOSALS
from drivetrain.sim.config import Actions
from drivetrain.sim.layout import ObservationLayout


def observation_space(layout: ObservationLayout) -> spaces.Box:
    """What one world shows: `layout.size` numbers in [-1, 1]."""
    return spaces.Box(-1.0, 1.0, (layout.size,), np.float32)


def action_space(actions: Actions) -> spaces.Space[Any]:
    """What one world is told: numbers in [-1, 1], or which proposal drives."""
    if actions == "proposals":
        return spaces.Discrete(PROPOSALS)
    return spaces.Box(-1.0, 1.0, (ACTION_COLUMNS[actions],), np.float32)
