"""Who drives in self-play: which vehicles of a scenario have a seat, and how many there are.

The worlds of self-play come in groups of as many seats; a group drives one scenario, each of
its worlds as another vehicle. Seat 0 is the scenario's ego; then come, in the order of their
tracks, the vehicles with a path that drive at all. Who stands all the time, like a parked car,
goes on standing as its log has it, and so does whoever is left over.
"""

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import compiled
from drivetrain.sim.scenario import Category, ScenarioArrays

LEAST_DRIVE_M = 2.0
"""Below this, nuPlan does not tell one progress from another."""

_VEHICLE = int(Category.VEHICLE)


@compiled
def is_driven(scenarios: ScenarioArrays, scenario: int, agent: int) -> bool:
    """Whether an agent of a scenario may have a seat."""
    if agent == scenarios.ego[scenario]:
        return True
    is_vehicle = scenarios.category[agent] == _VEHICLE and scenarios.agent_path[agent] >= 0
    return bool(is_vehicle and scenarios.driven_m[agent] >= LEAST_DRIVE_M)


@compiled
def agent_in_seat(scenarios: ScenarioArrays, scenario: int, seat: int) -> int:
    """The row of the agent in a seat, -1 where the scenario has none for it."""
    ego, taken = scenarios.ego[scenario], 0
    if seat == 0:
        return int(ego)
    for agent in range(scenarios.first_agent[scenario], scenarios.first_agent[scenario + 1]):
        if agent != ego and is_driven(scenarios, scenario, agent):
            taken += 1
            if taken == seat:
                return int(agent)
    return -1


@compiled
def most_seats(scenarios: ScenarioArrays, picks: NDArray[np.int64]) -> int:
    """The most vehicles to drive in any of the scenarios `picks`, at least 1."""
    most = 1
    for pick in picks:
        first, last = scenarios.first_agent[pick], scenarios.first_agent[pick + 1]
        count = 0
        for agent in range(first, last):
            count += is_driven(scenarios, pick, agent)
        most = max(most, count)
    return most
