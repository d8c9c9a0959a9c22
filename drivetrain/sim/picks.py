"""Which scenarios worlds may draw, and how much room the largest of them needs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.scenario import ScenarioArrays

Rows = NDArray[np.int64]


class Room(NamedTuple):
    """What fits into a world.  slots: agents, the ego included.  frames: of an episode."""

    slots: int
    frames: int


def checked_picks(picks: Rows | None, scenarios: int) -> Rows:
    """Rows of that many scenarios, by default all of them.

    Raises:
        ValueError: there are none, or others.
    """
    rows = np.arange(scenarios) if picks is None else np.asarray(picks)
    rows = np.ascontiguousarray(rows, np.int64).copy()
    if len(rows) == 0 or rows.min() < 0 or rows.max() >= scenarios:
        raise ValueError(f"picks must be rows of the {scenarios} scenarios, at least one")
    return rows


def room_for(scenarios: ScenarioArrays, rows: Rows, horizon: int) -> Room:
    """What the largest and the longest of these scenarios take.  horizon: steps."""
    agents = scenarios.first_agent[rows + 1] - scenarios.first_agent[rows]
    longest = int(scenarios.steps[rows].max())
    return Room(int(agents.max()), 1 + min(horizon, max(longest - 1, 1)))
