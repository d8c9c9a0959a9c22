"""What made-up traffic lights show: two phases in turn, with yellow and a clearance between."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.config import STEP_S
from drivetrain.sim.scenario import Signal

YELLOW_S = 3.0
CLEARANCE_S = 2.0
GREEN_S = (7.0, 18.0)
"""Least and most: short enough that a scenario of 15 s often sees a change."""


def light_program(
    phases: Sequence[int], steps: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """What every light shows at every step.  [lights, steps], codes of `Signal`.

    phases: for each light, in which of the two phases it is green.
    """
    greens = rng.uniform(*GREEN_S, 2)
    lasting = YELLOW_S + CLEARANCE_S
    cycle = float(greens.sum()) + 2 * lasting
    second = rng.uniform(0.0, cycle) + STEP_S * np.arange(steps)
    signals = np.full((len(phases), steps), Signal.RED, np.uint8)
    for light, phase in enumerate(phases):
        since = (second - phase * (greens[0] + lasting)) % cycle
        signals[light, since < greens[phase] + YELLOW_S] = Signal.YELLOW
        signals[light, since < greens[phase]] = Signal.GREEN
    return signals
