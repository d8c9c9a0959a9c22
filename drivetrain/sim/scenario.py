"""A traffic situation, ragged as converters hand it over, and flat as kernels read it.

`Scenario` is one situation in readable pieces. `ScenarioArrays` holds any number of them as
flat columns, the same in memory, on disk (memory-mapped) and inside a kernel. `COLUMNS` is the
only place that says which columns exist, how long they are, and what they point to.

Frame: each scenario has its own origin, subtracted in float64 before anything is stored as
float32. Units: m, rad, s, m/s. Headings are counter-clockwise from +x.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

PATH_SPACING_M = 1.0
EDGE_PIECE_M = 5.0
"""Edges are stored in pieces no longer than this, so that the nearest ones are near."""
EDGE_RADIUS_M = 20.0
"""One cell's list holds every piece whose middle lies this near to any point of the cell."""
CELL_M = 8.0


class Category(IntEnum):
    """What kind of object a track is; the codes are stored in scenario sets."""

    VEHICLE = 0
    PEDESTRIAN = 1
    BICYCLE = 2
    STATIC = 3


class Signal(IntEnum):
    """What a traffic light shows; the first four are nuPlan's codes, NONE is an absent one."""

    GREEN = 0
    YELLOW = 1
    RED = 2
    UNKNOWN = 3
    NONE = 4


class AreaKind(IntEnum):
    """What a piece of ground is; a road with no DRIVABLE area does not know where it ends."""

    LANE = 0
    INTERSECTION = 1
    DRIVABLE = 2
    CROSSWALK = 3


class Stop(NamedTuple):
    """Where a path meets a stop line: its arc length, and the light (of the road) it obeys."""

    along_m: float
    light: int


@dataclass(frozen=True, slots=True)
class Path:
    """A driving line: what a route or an IDM driver follows.

    points_m: [points, 2] in driving direction, spacing free (it is resampled when stored).
    half_width_m: [points] from the line to the nearer lane boundary.
    limit_mps: [points], NaN where the source states no speed limit.
    stops: the stop lines it meets, in driving direction.
    """

    points_m: NDArray[np.float64]
    half_width_m: NDArray[np.float64]
    limit_mps: NDArray[np.float64]
    stops: tuple[Stop, ...] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane, or a connector of two lanes through an intersection (nuPlan tells them apart).

    outline_m: [corners, 2], either way round.  baseline_m: [points, 2] in driving direction.
    limit_mps: NaN where unknown.  block: the number of its roadblock, shared by the lanes
    beside it that lead the same way.  successors: indices into `Road.lanes`.
    light: the light (of the road) that says whether it may be entered, -1 for none.
    """

    outline_m: NDArray[np.float64]
    baseline_m: NDArray[np.float64]
    limit_mps: float
    block: int
    is_connector: bool
    successors: tuple[int, ...] = ()
    light: int = -1


@dataclass(frozen=True, slots=True)
class Area:
    """A piece of ground that is no lane.

    rings_m: each [corners, 2]; the outline first, then the holes.
    """

    kind: AreaKind
    rings_m: tuple[NDArray[np.float64], ...]


@dataclass(frozen=True, slots=True)
class Road:
    """Where one may drive. Scenarios that share the object share its storage.

    edges_m: [edges, 4] as x0, y0, x1, y1: the boundary of the drivable area. Crossing one
    with any side of the ego's box is driving off the road.
    lanes, areas: the map that closed-loop scores are read from; a road without lanes leaves
    out the scores that need them.  lights: how many traffic lights it has.
    """

    id: str
    paths: tuple[Path, ...]
    edges_m: NDArray[np.float64]
    lanes: tuple[Lane, ...] = ()
    areas: tuple[Area, ...] = ()
    lights: int = 0


@dataclass(frozen=True, slots=True)
class Tracks:
    """What everybody did, at 10 Hz: the centres of their boxes.

    x_m, y_m, heading_rad, vx_mps, vy_mps: [agents, steps]; velocities in the scenario's frame.
    valid: [agents, steps]; False where the agent was not seen (its numbers are then 0).
    length_m, width_m: [agents].  category: [agents], codes of `Category`.
    """

    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    heading_rad: NDArray[np.float64]
    vx_mps: NDArray[np.float64]
    vy_mps: NDArray[np.float64]
    valid: NDArray[np.bool_]
    length_m: NDArray[np.float64]
    width_m: NDArray[np.float64]
    category: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One traffic situation with its expert, its road, and where it comes from.

    ego: the row of `tracks` that the learner takes over; its track is the expert's.
    route: index into `road.paths` of the line the ego should follow.
    agent_path: [agents] index into `road.paths`, -1 for agents that only replay.
    desired_mps: [agents] speed an IDM driver would like, NaN for the path's limit.
    signals: [lights of the road, steps], codes of `Signal`; None where all are unknown.
    """

    id: str
    source: str
    log: str
    group: str
    type: str
    licence: str
    origin_m: tuple[float, float]
    road: Road
    tracks: Tracks
    ego: int
    route: int
    agent_path: NDArray[np.int32]
    desired_mps: NDArray[np.float64]
    signals: NDArray[np.uint8] | None = None


Table = Literal[
    "scenarios",
    "blocks",
    "experts",
    "signals",
    "agents",
    "frames",
    "paths",
    "points",
    "stops",
    "roads",
    "edges",
    "cells",
    "entries",
    "lanes",
    "bases",
    "nexts",
    "areas",
    "borders",
    "grounds",
]


@dataclass(frozen=True, slots=True)
class Column:
    """One flat array: a value per row of its table.

    kind `start`: rows + 1 offsets into `target` (CSR).  kind `index`: a row of `target`.
    kind `value`: plain numbers.
    may_be_none: whether an index may be -1.  below: values are codes from 0 up to this one.
    """

    table: Table
    dtype: str
    kind: Literal["value", "index", "start"] = "value"
    target: Table | None = None
    may_be_none: bool = False
    below: int | None = None


COLUMNS: dict[str, Column] = {
    # One row per scenario.
    "steps": Column("scenarios", "int32"),
    "road": Column("scenarios", "int32", "index", "roads"),
    "route": Column("scenarios", "int32", "index", "paths"),
    "ego": Column("scenarios", "int64", "index", "agents"),
    "expert_m": Column("scenarios", "float32"),
    "first_agent": Column("scenarios", "int64", "start", "agents"),
    # The roadblocks that the expert drove through, each by the lane of it that it drove first.
    "first_block": Column("scenarios", "int64", "start", "blocks"),
    "block_lane": Column("blocks", "int32", "index", "lanes"),
    # How far along them the expert had come at every step; no rows where it was on no lane.
    "first_expert": Column("scenarios", "int64", "start", "experts"),
    "expert_along_m": Column("experts", "float32"),
    # What light `l` shows at a step lies at first_signal + l * steps + step.
    "first_signal": Column("scenarios", "int64", "start", "signals"),
    "signal": Column("signals", "uint8", below=len(Signal)),
    # One row per agent. Its frames begin at step `start_step` of the scenario.
    "length": Column("agents", "float32"),
    "width": Column("agents", "float32"),
    "category": Column("agents", "uint8", below=len(Category)),
    "agent_path": Column("agents", "int32", "index", "paths", may_be_none=True),
    "desired_mps": Column("agents", "float32"),
    # Arc length of an agent's first frame on its path (of the ego's: on the route), else 0.
    "entry_m": Column("agents", "float32"),
    # How far its own track goes along that path, never below 0.
    "driven_m": Column("agents", "float32"),
    "start_step": Column("agents", "int32"),
    "first_frame": Column("agents", "int64", "start", "frames"),
    # One row per agent and frame.
    "x": Column("frames", "float32"),
    "y": Column("frames", "float32"),
    "heading": Column("frames", "float32"),
    "vx": Column("frames", "float32"),
    "vy": Column("frames", "float32"),
    "valid": Column("frames", "uint8", below=2),
    # One row per path; its points stand PATH_SPACING_M apart.
    "first_point": Column("paths", "int64", "start", "points"),
    "first_stop": Column("paths", "int64", "start", "stops"),
    "stop_m": Column("stops", "float32"),
    "stop_light": Column("stops", "int32"),
    "path_x": Column("points", "float32"),
    "path_y": Column("points", "float32"),
    # The direction of travel as a unit vector, which spares the kernels their trigonometry.
    "path_cos": Column("points", "float32"),
    "path_sin": Column("points", "float32"),
    "half_width": Column("points", "float32"),
    "limit_mps": Column("points", "float32"),
    "pace_mps": Column("points", "float32"),
    # One row per road. Square cells of CELL_M from the corner (grid_x, grid_y), row by row,
    # list every edge whose middle may lie within EDGE_RADIUS_M of some point in the cell, the
    # nearest to the cell's middle first, and every area that reaches into it.
    "grid_x": Column("roads", "float32"),
    "grid_y": Column("roads", "float32"),
    "grid_columns": Column("roads", "int32"),
    "grid_rows": Column("roads", "int32"),
    "first_edge": Column("roads", "int64", "start", "edges"),
    "first_cell": Column("roads", "int64", "start", "cells"),
    "edge_x0": Column("edges", "float32"),
    "edge_y0": Column("edges", "float32"),
    "edge_x1": Column("edges", "float32"),
    "edge_y1": Column("edges", "float32"),
    "first_entry": Column("cells", "int64", "start", "entries"),
    "entry": Column("entries", "int32", "index", "edges"),
    "first_ground": Column("cells", "int64", "start", "grounds"),
    "ground": Column("grounds", "int32", "index", "areas"),
    # One row per lane; its outline is an area. Its baseline is kept point by point, with the
    # arc length of each.
    "lights": Column("roads", "int32"),
    "first_lane": Column("roads", "int64", "start", "lanes"),
    "lane_area": Column("lanes", "int32", "index", "areas"),
    "lane_limit_mps": Column("lanes", "float32"),
    # What a score holds against who drives faster: of a connector, the highest limit of the
    # lanes that it joins, as nuPlan has it; NaN if one of them is unknown.
    "lane_rule_mps": Column("lanes", "float32"),
    "lane_block": Column("lanes", "int32"),
    "lane_light": Column("lanes", "int32"),
    "lane_is_connector": Column("lanes", "uint8", below=2),
    "first_base": Column("lanes", "int64", "start", "bases"),
    "base_x": Column("bases", "float32"),
    "base_y": Column("bases", "float32"),
    "base_m": Column("bases", "float32"),
    "first_next": Column("lanes", "int64", "start", "nexts"),
    "next_lane": Column("nexts", "int32", "index", "lanes"),
    # One row per area; inside is what an odd number of its borders lies beside.
    "first_area": Column("roads", "int64", "start", "areas"),
    "area_kind": Column("areas", "uint8", below=len(AreaKind)),
    "area_lane": Column("areas", "int32", "index", "lanes", may_be_none=True),
    "first_border": Column("areas", "int64", "start", "borders"),
    "border_x0": Column("borders", "float32"),
    "border_y0": Column("borders", "float32"),
    "border_x1": Column("borders", "float32"),
    "border_y1": Column("borders", "float32"),
}


class ScenarioArrays(NamedTuple):
    """All scenarios of a set as flat, read-only columns; `COLUMNS` has lengths and types."""

    steps: NDArray[np.int32]
    road: NDArray[np.int32]
    route: NDArray[np.int32]
    ego: NDArray[np.int64]
    expert_m: NDArray[np.float32]
    first_agent: NDArray[np.int64]
    first_block: NDArray[np.int64]
    block_lane: NDArray[np.int32]
    first_expert: NDArray[np.int64]
    expert_along_m: NDArray[np.float32]
    first_signal: NDArray[np.int64]
    signal: NDArray[np.uint8]
    length: NDArray[np.float32]
    width: NDArray[np.float32]
    category: NDArray[np.uint8]
    agent_path: NDArray[np.int32]
    desired_mps: NDArray[np.float32]
    entry_m: NDArray[np.float32]
    driven_m: NDArray[np.float32]
    start_step: NDArray[np.int32]
    first_frame: NDArray[np.int64]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    heading: NDArray[np.float32]
    vx: NDArray[np.float32]
    vy: NDArray[np.float32]
    valid: NDArray[np.uint8]
    first_point: NDArray[np.int64]
    first_stop: NDArray[np.int64]
    stop_m: NDArray[np.float32]
    stop_light: NDArray[np.int32]
    path_x: NDArray[np.float32]
    path_y: NDArray[np.float32]
    path_cos: NDArray[np.float32]
    path_sin: NDArray[np.float32]
    half_width: NDArray[np.float32]
    limit_mps: NDArray[np.float32]
    pace_mps: NDArray[np.float32]
    grid_x: NDArray[np.float32]
    grid_y: NDArray[np.float32]
    grid_columns: NDArray[np.int32]
    grid_rows: NDArray[np.int32]
    first_edge: NDArray[np.int64]
    first_cell: NDArray[np.int64]
    edge_x0: NDArray[np.float32]
    edge_y0: NDArray[np.float32]
    edge_x1: NDArray[np.float32]
    edge_y1: NDArray[np.float32]
    first_entry: NDArray[np.int64]
    entry: NDArray[np.int32]
    first_ground: NDArray[np.int64]
    ground: NDArray[np.int32]
    lights: NDArray[np.int32]
    first_lane: NDArray[np.int64]
    lane_area: NDArray[np.int32]
    lane_limit_mps: NDArray[np.float32]
    lane_rule_mps: NDArray[np.float32]
    lane_block: NDArray[np.int32]
    lane_light: NDArray[np.int32]
    lane_is_connector: NDArray[np.uint8]
    first_base: NDArray[np.int64]
    base_x: NDArray[np.float32]
    base_y: NDArray[np.float32]
    base_m: NDArray[np.float32]
    first_next: NDArray[np.int64]
    next_lane: NDArray[np.int32]
    first_area: NDArray[np.int64]
    area_kind: NDArray[np.uint8]
    area_lane: NDArray[np.int32]
    first_border: NDArray[np.int64]
    border_x0: NDArray[np.float32]
    border_y0: NDArray[np.float32]
    border_x1: NDArray[np.float32]
    border_y1: NDArray[np.float32]


def as_arrays(columns: dict[str, NDArray[Any]]) -> ScenarioArrays:
    """The columns as kernels want them: typed, contiguous and read-only."""
    typed = {
        name: np.ascontiguousarray(columns[name], spec.dtype) for name, spec in COLUMNS.items()
    }
    for column in typed.values():
        column.setflags(write=False)
    return ScenarioArrays(**typed)
