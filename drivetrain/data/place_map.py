"""The maps of made-up places: lanes as strips along lines, and the ground they lie on."""

import shapely

from drivetrain.data.lines import Floats
from drivetrain.data.places import strip
from drivetrain.sim.scenario import Area, AreaKind, Lane


def lane_along(
    line_m: Floats,
    width_m: float,
    limit_mps: float,
    block: int,
    *,
    successors: tuple[int, ...] = (),
    is_connector: bool = False,
) -> Lane:
    """The lane of one width along a line.  line_m: [points, 2] in driving direction."""
    return Lane(
        outline_m=strip(line_m, 0.5 * width_m, -0.5 * width_m),
        baseline_m=line_m,
        limit_mps=limit_mps,
        block=block,
        is_connector=is_connector,
        successors=successors,
    )


def areas_of(surface: shapely.Geometry, kind: AreaKind = AreaKind.DRIVABLE) -> tuple[Area, ...]:
    """A surface as areas, one per connected part."""
    parts = [part for part in shapely.get_parts(surface) if isinstance(part, shapely.Polygon)]
    return tuple(
        Area(kind, tuple(shapely.get_coordinates(r) for r in (part.exterior, *part.interiors)))
        for part in parts
    )
