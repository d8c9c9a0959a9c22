"""Pure pursuit: the curvature that leads back to a line (Coulter 1992)."""

import math

from drivetrain.sim.compiled import compiled
from drivetrain.sim.road import Paths, point_at

PURSUIT_S = 0.5
LEAST_PURSUIT_M = 4.0


@compiled
def pursuit_curvature(
    paths: Paths,
    route: tuple[int, int, float],
    offset_m: float,
    rear: tuple[float, float, float],
    speed_mps: float,
    rear_to_centre_m: float,
) -> float:
    """The curvature towards a line that lies offset_m to the left of a path, in 1/m.

    route: (start, points, along_m of the body's middle).  rear: x, y, heading of the rear axle,
    which is what turns about the curve's centre.
    """
    reach = max(LEAST_PURSUIT_M, rear_to_centre_m + PURSUIT_S * speed_mps)
    start, points, along = route
    x, y, cos, sin = point_at(paths, start, points, along - rear_to_centre_m + reach)
    dx, dy = x - offset_m * sin - rear[0], y + offset_m * cos - rear[1]
    # The circle along the heading through the point: 2 y / (x^2 + y^2).
    aside = dy * math.cos(rear[2]) - dx * math.sin(rear[2])
    return 2.0 * aside / max(dx * dx + dy * dy, 1.0)
