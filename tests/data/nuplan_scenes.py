"""Small scenes for nuPlan's formats: a lit crossing of two straight lanes."""

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from drivetrain.data.place_map import lane_along
from drivetrain.sim.scenario import Area, AreaKind, Lane, Road, Scenario
from tests import scenes

STOP_M, BEYOND_M, END_M = 100.0, 120.0, 300.0
"""Where the crossing's connectors begin, where they end, and where the road does."""


def lit_road() -> Road:
    """Two lanes to the east; each crosses by a connector of its own with a light of its own."""
    lanes: list[Lane] = []
    for row in range(2):
        first, aside_m = 3 * row, scenes.LANE_M * row
        spans = ((0.0, STOP_M), (STOP_M, BEYOND_M), (BEYOND_M, END_M))
        for part, (begin, end) in enumerate(spans):
            way = np.linspace(begin, end, 12)
            lane = lane_along(
                np.stack([way, np.full_like(way, aside_m)], axis=1),
                scenes.LANE_M,
                13.0 if part == 0 else 11.0,
                part,
                successors=(first + part + 1,) if part < 2 else (),
                is_connector=part == 1,
            )
            lanes.append(replace(lane, light=row if part == 1 else -1))
    ground = shapely.box(0.0, -scenes.LANE_M, END_M, 2 * scenes.LANE_M)
    crossing = shapely.box(STOP_M, -scenes.LANE_M, BEYOND_M, 2 * scenes.LANE_M)
    walk = shapely.box(STOP_M + 1, -scenes.LANE_M, STOP_M + 4, 2 * scenes.LANE_M)
    areas = tuple(
        Area(kind, (shapely.get_coordinates(shape),))
        for kind, shape in (
            (AreaKind.DRIVABLE, ground),
            (AreaKind.INTERSECTION, crossing),
            (AreaKind.CROSSWALK, walk),
        )
    )
    way = np.linspace(0.0, END_M, 301)
    paths = tuple(
        scenes.line(np.stack([way, np.full_like(way, aside)], axis=1))
        for aside in (0.0, scenes.LANE_M)
    )
    return Road("lit", paths, np.zeros((0, 4)), tuple(lanes), areas, lights=2)


def lit_scene(signals: NDArray[np.uint8]) -> Scenario:
    """Four cars before and on the crossing.  signals: [2, 151]."""
    drives = [(0, 40.0, 8.0), (0, 60.0, 7.0), (1, 30.0, 9.0), (1, 150.0, 0.0)]
    return replace(scenes.scene(lit_road(), drives), signals=signals)
