"""What must be finite while an algorithm trains: one update spreads a NaN to every weight."""

import math
from collections.abc import Mapping

import numpy as np
from torch import Tensor

from drivetrain.sim.world import Worlds
from trainers.checkpoints import State


def check_numbers(numbers: Mapping[str, float], step: int) -> None:
    """Refuse to go on from an update whose losses mean nothing.

    Raises:
        FloatingPointError: one is NaN or infinite.
    """
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise FloatingPointError(f"{name} is {value} at step {step}")


def check_weights(policy: State, step: int) -> None:
    """Refuse to keep a policy that cannot drive any more.

    Raises:
        FloatingPointError: one of its weights is NaN or infinite.
    """
    for name, weights in policy.items():
        if isinstance(weights, Tensor) and not weights.isfinite().all():
            raise FloatingPointError(f"{name} is not finite at step {step}")


def check_worlds(worlds: Worlds, step: int) -> None:
    """Refuse to learn from a simulator that is broken.

    Raises:
        FloatingPointError: an observation or a reward is NaN or infinite.
    """
    seen = {"an observation": worlds.observations, "a reward": worlds.rewards}
    for name, values in seen.items():
        if not np.isfinite(values).all():
            raise FloatingPointError(f"{name} is not finite at step {step}")
