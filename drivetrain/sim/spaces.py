"""The spaces of one world, the same behind every face."""

import numpy as np
from gymnasium import spaces

from drivetrain.sim.layout import ACTION_SIZE, ObservationLayout


def observation_space(layout: ObservationLayout) -> spaces.Box:
    """What one world shows: `layout.size` numbers in [-1, 1]."""
    return spaces.Box(-1.0, 1.0, (layout.size,), np.float32)


def action_space() -> spaces.Box:
    """Acceleration and steering, each in [-1, 1]."""
    return spaces.Box(-1.0, 1.0, (ACTION_SIZE,), np.float32)
