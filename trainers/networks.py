"""What looks at a scene before a policy thinks: each agent and each edge by itself.

An observation is a row of numbers in which agents and edges stand in an order that means
nothing. `SceneEncoder` sees them as sets: the same small network looks at each, rows that show
nobody are masked, and of what is seen the strongest remains (Zaheer et al. 2017; Qi et al.
2017). The ego, its lights and its route are in an order that does mean something, and are
handed on as they are.
"""

import torch
from gymnasium import Space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn
from typing_extensions import override

from drivetrain.sim.config import Observation
from drivetrain.sim.layout import LAYOUTS, ObservationLayout

SEEN = 32
"""Numbers that remain of a whole set."""
NEVER_STRONGEST = -1e9


class SceneEncoder(BaseFeaturesExtractor):
    """[batch, numbers of the layout] to [batch, features]."""

    def __init__(self, observation_space: Space[object], observation: Observation) -> None:
        layout = LAYOUTS[observation]
        super().__init__(observation_space, _features(layout))
        self.layout = layout
        self.agents = SetEncoder(layout.per_agent)
        self.boundary = SetEncoder(layout.per_boundary)

    @override
    def forward(self, seen: Tensor) -> Tensor:
        """What the policy and the value look at."""
        at = self.layout
        ego, agents = seen[:, : at.ego], seen[:, at.agents_at : at.route_at]
        route = seen[:, at.route_at : at.boundary_at]
        boundary, light = seen[:, at.boundary_at : at.light_at], seen[:, at.light_at :]
        sets = [
            self.agents(agents.reshape(-1, at.agents, at.per_agent)),
            self.boundary(boundary.reshape(-1, at.boundary, at.per_boundary)),
        ]
        return torch.cat([ego, light, route, *sets], dim=1)


class SetEncoder(nn.Module):
    """[batch, rows, numbers] to [batch, SEEN], whatever the order of the rows.

    The last number of a row is 0 where it shows nothing.
    """

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.each = nn.Sequential(nn.Linear(numbers, SEEN), nn.ReLU(), nn.Linear(SEEN, SEEN))

    @override
    def forward(self, rows: Tensor) -> Tensor:
        """The strongest of what the rows show; 0 where there is none."""
        # Added instead of filled in: what is added needs no pass of its own for gradients.
        nobody = (rows[:, :, -1:] <= 0.0) * NEVER_STRONGEST
        strongest: Tensor = (self.each(rows) + nobody).amax(dim=1)
        # Below 0 nothing is told, so that nobody counts like an empty row.
        return strongest.relu()


def _features(layout: ObservationLayout) -> int:
    ordered = layout.size - layout.agents * layout.per_agent
    return ordered - layout.boundary * layout.per_boundary + 2 * SEEN
