"""What stands where in an observation: the only place of its sizes, offsets and scales.

Everything is seen from the ego: x ahead, y to the left, from the middle of its box. Every
number is clipped to [-1, 1]; rows without anything to show are 0.

The numbers are those of the layout `flat`; `wide` has 32 agents, 20 points of the route and 64
pieces of edge.

ego [13]       see `EgoColumn`
agents [16, 9] the nearest others: x, y, cos and sin of the relative heading, relative
               velocity x and y, length, width, category (0 means that there is none)
route [10, 4]  the route 5, 10, ... 50 m ahead: x and y over that distance, cos, sin; held at
               its end. A metre aside must show most where it matters most, close by
boundary [8, 6] the nearest pieces of road edge within EDGE_RADIUS_M: x, y of the middle,
               cos, sin of the direction, half length, kind (1 is an edge, 0 none)
light [4]      the next stop line of the route: its distance over LOOK_AHEAD_M, 1 if there is
               none as near; whether its light is red, yellow, green
"""

import math
from enum import IntEnum
from typing import Final, NamedTuple

from drivetrain.sim.config import Observation

POSITION_M = 50.0
SPEED_MPS = 30.0
"""The fastest speed shown: below it nothing on a road saturates, city or motorway."""
SIZE_M = 10.0
ACCELERATION_MPS2 = 5.0
STEERING_RAD = math.pi / 3
YAW_RATE_RADPS = 1.0
LANE_SCALE_M = 5.0
EDGE_HALF_M = 2.5
CATEGORIES = 4.0
CLOSING_PER_S = 1.0
CLOSING_LEAST_GAP_M = 1.0
ROUTE_SPACING_M = 5.0


class EgoColumn(IntEnum):
    """The numbers about the ego, in their order."""

    SPEED = 0
    ACCELERATION = 1
    STEERING = 2
    YAW_RATE = 3
    OFFSET = 4
    """From the route, to its left, over LANE_SCALE_M."""
    HEADING_COS = 5
    HEADING_SIN = 6
    """Of the angle from the route's direction to the ego's."""
    LIMIT = 7
    """The speed limit, or what IDM drivers assume where none is known."""
    HALF_WIDTH = 8
    """From the route's line to the lane's boundary, over LANE_SCALE_M."""
    LEAD_GAP = 9
    """To what to stop behind first, a body in the route's corridor or a closed stop line, over
    LOOK_AHEAD_M; 1 if nothing."""
    LEAD_SPEED = 10
    """Of the same along the route; 1 if there is nothing."""
    CLOSING = 11
    """The share of that gap that is lost per second, over CLOSING_PER_S; 0 if nothing."""
    PACE = 12
    """The speed from which the curves and limits of the route ahead can still be met."""


LIGHT = 4
"""Numbers about the next traffic light."""


class ObservationLayout(NamedTuple):
    """Sizes and offsets inside one observation, in float32s."""

    ego: int
    agents: int
    per_agent: int
    route: int
    per_route: int
    boundary: int
    per_boundary: int
    agents_at: int
    route_at: int
    boundary_at: int
    light_at: int
    size: int

    @classmethod
    def of(cls, agents: int, route: int, boundary: int) -> "ObservationLayout":
        """The layout with that many rows of each kind."""
        ego, per_agent, per_route, per_boundary = len(EgoColumn), 9, 4, 6
        route_at = ego + agents * per_agent
        boundary_at = route_at + route * per_route
        light_at = boundary_at + boundary * per_boundary
        return cls(
            ego=ego,
            agents=agents,
            per_agent=per_agent,
            route=route,
            per_route=per_route,
            boundary=boundary,
            per_boundary=per_boundary,
            agents_at=ego,
            route_at=route_at,
            boundary_at=boundary_at,
            light_at=light_at,
            size=light_at + LIGHT,
        )


FLAT = ObservationLayout.of(agents=16, route=10, boundary=8)
WIDE = ObservationLayout.of(agents=32, route=20, boundary=64)
LAYOUTS: Final[dict[Observation, ObservationLayout]] = {"flat": FLAT, "wide": WIDE}
