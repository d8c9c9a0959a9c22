"""The lanes and areas of all roads as few columns: small functions get every one of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import compiled
from drivetrain.sim.scenario import ScenarioArrays

Offsets = NDArray[np.int64]
Numbers = NDArray[np.int32]
Codes = NDArray[np.uint8]
Column = NDArray[np.float32]


class Borders(NamedTuple):
    """The borders of all areas; first: [areas + 1]."""

    first: Offsets
    x0: Column
    y0: Column
    x1: Column
    y1: Column


class Baselines(NamedTuple):
    """The centre lines of all lanes, point by point; first: [lanes + 1].  m: arc length."""

    first: Offsets
    x: Column
    y: Column
    m: Column


class Followers(NamedTuple):
    """What lanes lead to; first: [lanes + 1]."""

    first: Offsets
    lane: Numbers


class Ground(NamedTuple):
    """The areas of all roads, by the cells of a grid."""

    grid_x: Column
    grid_y: Column
    grid_columns: Numbers
    grid_rows: Numbers
    first_cell: Offsets
    first_listed: Offsets
    listed: Numbers
    kind: Codes
    lane: Numbers
    borders: Borders


class LaneMap(NamedTuple):
    """Lanes and areas.  area, block, is_connector, rule_mps: [lanes].  first_*: [roads + 1]."""

    first_lane: Offsets
    first_area: Offsets
    first_edge: Offsets
    area: Numbers
    block: Numbers
    is_connector: Codes
    rule_mps: Column
    baselines: Baselines
    followers: Followers
    ground: Ground


@compiled
def lane_map_of(arrays: ScenarioArrays) -> LaneMap:
    """The lanes and areas of a set of scenarios."""
    borders = Borders(
        arrays.first_border,
        arrays.border_x0,
        arrays.border_y0,
        arrays.border_x1,
        arrays.border_y1,
    )
    ground = Ground(
        arrays.grid_x,
        arrays.grid_y,
        arrays.grid_columns,
        arrays.grid_rows,
        arrays.first_cell,
        arrays.first_ground,
        arrays.ground,
        arrays.area_kind,
        arrays.area_lane,
        borders,
    )
    return LaneMap(
        arrays.first_lane,
        arrays.first_area,
        arrays.first_edge,
        arrays.lane_area,
        arrays.lane_block,
        arrays.lane_is_connector,
        arrays.lane_rule_mps,
        Baselines(arrays.first_base, arrays.base_x, arrays.base_y, arrays.base_m),
        Followers(arrays.first_next, arrays.next_lane),
        ground,
    )
