"""What looks at a scene before a policy thinks: each agent and each edge by itself.

An observation is a row of numbers in which agents and edges stand in an order that means
nothing. `SceneEncoder` sees them as sets: the same small network looks at each, rows that show
nobody are masked, and of what is seen the strongest remains (Zaheer et al. 2017; Qi et al.
2017). The ego, its lights and its route are in an order that does mean something, and are
handed on as they are.

A metre matters most close by, where it is a fiftieth of the scale that positions have: they are
seen a second time on one that is finest there.
"""

import torch
from gymnasium import Space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn
from typing_extensions import override

from drivetrain.sim.config import Observation
from drivetrain.sim.layout import LAYOUTS, SPEED_MPS, EgoColumn, ObservationLayout
from drivetrain.sim.traffic import LOOK_AHEAD_M, PLANNER

SEEN = 32
"""Numbers that remain of a whole set."""
NEVER_STRONGEST = -1e9
NEAR = 0.1
"""The share of an observation's scale that counts as close by: 5 m of 50."""
DISTANCES = 3
"""Numbers that `_distances` adds."""


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
        return torch.cat([ego, light, route, _distances(ego, light), *sets], dim=1)


class SetEncoder(nn.Module):
    """[batch, rows, numbers] to [batch, SEEN], whatever the order of the rows.

    The first two numbers of a row are a place; the last is 0 where it shows nothing.
    """

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.each = nn.Sequential(
            nn.Linear(numbers + 2, SEEN), nn.ReLU(), nn.Linear(SEEN, SEEN)
        )

    @override
    def forward(self, rows: Tensor) -> Tensor:
        """The strongest of what the rows show; 0 where there is none."""
        # Added instead of filled in: what is added needs no pass of its own for gradients.
        nobody = (rows[:, :, -1:] <= 0.0) * NEVER_STRONGEST
        rows = torch.cat([rows, _close_by(rows[:, :, :2])], dim=2)
        strongest: Tensor = (self.each(rows) + nobody).amax(dim=1)
        # Below 0 nothing is told, so that nobody counts like an empty row.
        return strongest.relu()


def _close_by(distance: Tensor) -> Tensor:
    """The same between -1 and 1, half of it within NEAR."""
    return distance / (distance.abs() + NEAR)


def _distances(ego: Tensor, light: Tensor) -> Tensor:
    """To what to stop behind and to the next stop line, close by, and the first's time gap.

    The time gap is the share of the distance in it and the distance IDM keeps together.
    [batch, DISTANCES].
    """
    gap, line = ego[:, EgoColumn.LEAD_GAP, None], light[:, :1]
    driven_m = ego[:, EgoColumn.SPEED, None].abs() * SPEED_MPS * PLANNER.headway_s
    kept = (PLANNER.standstill_m + driven_m) / LOOK_AHEAD_M
    return torch.cat([_close_by(gap), _close_by(line), gap / (gap.abs() + kept)], dim=1)


def _features(layout: ObservationLayout) -> int:
    """How many numbers `SceneEncoder` hands on."""
    ordered = layout.size - layout.agents * layout.per_agent
    ordered -= layout.boundary * layout.per_boundary
    return ordered + DISTANCES + 2 * SEEN
