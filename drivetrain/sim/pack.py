"""Scenarios as the flat columns of `ScenarioArrays`: resampled, trimmed, cut and indexed.

- Paths get points PATH_SPACING_M apart. A last piece shorter than that is dropped; a path
  shorter than one spacing is lengthened to it.
- Tracks keep their frames from the first valid one to the last.
- Edges are cut into pieces of at most EDGE_PIECE_M, and every road gets its grid of cells.
- Lanes and areas keep their corners, but for those on the straight line between others.
- Scenarios that share a `Road` object share its rows.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import compiled
from drivetrain.sim.grid import areas_in, cut_edges, edges_near, grid_over
from drivetrain.sim.pace import easy_speeds
from drivetrain.sim.pack_experts import expert_columns
from drivetrain.sim.pack_map import add_map
from drivetrain.sim.road import Paths, paths_of, project_anywhere, project_near
from drivetrain.sim.scenario import (
    COLUMNS,
    PATH_SPACING_M,
    Path,
    Road,
    Scenario,
    ScenarioArrays,
    Signal,
    Table,
    Tracks,
    as_arrays,
)

Floats = NDArray[np.float64]


class _Columns:
    """Columns that grow by pieces. A start column begins with its 0."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[NDArray[Any]]] = {name: [] for name in COLUMNS}
        self._rows = {spec.table: 0 for spec in COLUMNS.values()}

    def rows(self, table: Table) -> int:
        return self._rows[table]

    def add(self, table: Table, **columns: Any) -> None:
        """Add rows to a table: every value column of it, each of the same length."""
        lengths = {len(np.atleast_1d(column)) for column in columns.values()}
        for name, column in columns.items():
            self._pieces[name].append(np.atleast_1d(column))
        self._rows[table] += lengths.pop()

    def arrays(self) -> ScenarioArrays:
        return as_arrays({name: self._joined(name) for name in COLUMNS})

    def _joined(self, name: str) -> NDArray[Any]:
        spec = COLUMNS[name]
        start = [np.zeros(1, spec.dtype)] if spec.kind == "start" else []
        pieces = [piece.astype(spec.dtype) for piece in self._pieces[name]]
        return np.concatenate([np.empty(0, spec.dtype), *start, *pieces])


def pack(scenarios: Sequence[Scenario]) -> ScenarioArrays:
    """All scenarios as flat columns.

    Raises: ValueError naming the scenario that cannot be driven.
    """
    columns = _Columns()
    roads: dict[int, tuple[int, int]] = {}
    for scenario in scenarios:
        _check(scenario)
        key = id(scenario.road)
        if key not in roads:
            roads[key] = (columns.rows("roads"), columns.rows("paths"))
            _add_road(columns, scenario.road)
        _add_scenario(columns, scenario, *roads[key])
    return _with_places(columns.arrays())


def _check(scenario: Scenario) -> None:
    """Only what would make the simulator read out of bounds or start nowhere."""
    agents, paths = len(scenario.tracks.length_m), len(scenario.road.paths)
    if not 0 <= scenario.ego < agents or not scenario.tracks.valid[scenario.ego, 0]:
        raise ValueError(f"scenario {scenario.id}: the ego must be seen at step 0")
    if not 0 <= scenario.route < paths:
        raise ValueError(f"scenario {scenario.id}: route {scenario.route} is no path")
    if np.any(scenario.agent_path < -1) or np.any(scenario.agent_path >= paths):
        raise ValueError(f"scenario {scenario.id}: an agent's path does not exist")
    shown = (scenario.road.lights, scenario.tracks.valid.shape[1])
    if scenario.signals is not None and scenario.signals.shape != shown:
        raise ValueError(f"scenario {scenario.id}: signals must be {shown} of lights and steps")


def _add_scenario(columns: _Columns, scenario: Scenario, road: int, first_path: int) -> None:
    own = scenario.agent_path.astype(np.int64)
    first_agent = columns.rows("agents")
    _add_tracks(
        columns,
        scenario.tracks,
        agent_path=np.where(own < 0, -1, own + first_path),
        desired_mps=scenario.desired_mps,
    )
    steps, lights = scenario.tracks.valid.shape[1], scenario.road.lights
    signals = scenario.signals
    if signals is None:
        signals = np.full((lights, steps), Signal.UNKNOWN, np.uint8)
    if lights:
        columns.add("signals", signal=signals.ravel())
    columns.add(
        "scenarios",
        steps=steps,
        road=road,
        route=first_path + scenario.route,
        ego=first_agent + scenario.ego,
        expert_m=0.0,
        first_agent=columns.rows("agents"),
        first_signal=columns.rows("signals"),
    )


def _add_tracks(columns: _Columns, tracks: Tracks, **drivers: NDArray[Any]) -> None:
    """Agents with their frames, from the first valid one to the last."""
    agents, steps = tracks.valid.shape
    seen = tracks.valid.any(axis=1)
    first = np.where(seen, tracks.valid.argmax(axis=1), 0)
    last = np.where(seen, steps - tracks.valid[:, ::-1].argmax(axis=1), 0)
    kept = (np.arange(steps) >= first[:, None]) & (np.arange(steps) < last[:, None])
    starts = columns.rows("frames") + np.cumsum(last - first)
    columns.add(
        "frames",
        x=tracks.x_m[kept],
        y=tracks.y_m[kept],
        heading=_wrapped(tracks.heading_rad[kept]),
        vx=tracks.vx_mps[kept],
        vy=tracks.vy_mps[kept],
        valid=tracks.valid[kept],
    )
    columns.add(
        "agents",
        length=tracks.length_m,
        width=tracks.width_m,
        category=tracks.category,
        entry_m=np.zeros(agents),
        driven_m=np.zeros(agents),
        start_step=first,
        first_frame=starts,
        **drivers,
    )


def _wrapped(heading_rad: Floats) -> Floats:
    """The same headings between -pi and pi."""
    return np.remainder(heading_rad + np.pi, 2 * np.pi) - np.pi


def _add_road(columns: _Columns, road: Road) -> None:
    for path in road.paths:
        _add_path(columns, path)
    first_edge, first_area = columns.rows("edges"), columns.rows("areas")
    first_entry, first_ground = columns.rows("entries"), columns.rows("grounds")
    shapes = add_map(columns, road)
    edges = np.asarray(road.edges_m, np.float64).reshape(-1, 4)
    # Before they are cut: an edge to a far-off point would be millions of pieces.
    grid = grid_over(edges, shapes)
    edges = cut_edges(edges)
    near, under = edges_near(grid, edges), areas_in(grid, shapes)
    columns.add("entries", entry=near.members + first_edge)
    columns.add("grounds", ground=under.members + first_area)
    columns.add(
        "cells",
        first_entry=first_entry + np.cumsum(near.counts),
        first_ground=first_ground + np.cumsum(under.counts),
    )
    columns.add(
        "edges",
        edge_x0=edges[:, 0],
        edge_y0=edges[:, 1],
        edge_x1=edges[:, 2],
        edge_y1=edges[:, 3],
    )
    columns.add(
        "roads",
        grid_x=grid.corner_m[0],
        grid_y=grid.corner_m[1],
        grid_columns=grid.columns,
        grid_rows=grid.rows,
        first_edge=columns.rows("edges"),
        first_cell=columns.rows("cells"),
        lights=road.lights,
        first_lane=columns.rows("lanes"),
        first_area=columns.rows("areas"),
    )


def _add_path(columns: _Columns, path: Path) -> None:
    points, half_width, limit = resample(path)
    # The chord through both neighbours is the tangent of a circle through the three.
    chords = np.empty_like(points)
    chords[1:-1] = points[2:] - points[:-2]
    chords[0], chords[-1] = points[1] - points[0], points[-1] - points[-2]
    chords /= np.maximum(np.linalg.norm(chords, axis=1, keepdims=True), 1e-9)
    columns.add(
        "points",
        path_x=points[:, 0],
        path_y=points[:, 1],
        path_cos=chords[:, 0],
        path_sin=chords[:, 1],
        half_width=half_width,
        limit_mps=limit,
        pace_mps=easy_speeds(chords, limit),
    )
    if path.stops:
        along, lights = zip(*path.stops, strict=True)
        columns.add("stops", stop_m=np.array(along), stop_light=np.array(lights))
    columns.add("paths", first_point=columns.rows("points"), first_stop=columns.rows("stops"))


def resample(path: Path) -> tuple[Floats, Floats, Floats]:
    """Points, half widths and limits, PATH_SPACING_M of arc length apart.

    Returns [points, 2], [points], [points]; at least two points.
    Raises: ValueError where the path has no length.
    """
    steps = np.linalg.norm(np.diff(path.points_m, axis=0), axis=1)
    kept = np.concatenate([[True], steps > 1e-6])
    points = np.asarray(path.points_m, np.float64)[kept]
    if len(points) < 2:
        raise ValueError("a path needs two different points")
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    if arc[-1] < PATH_SPACING_M:
        points[-1] = points[-2] + (points[-1] - points[-2]) * (PATH_SPACING_M / arc[-1] + 1.0)
        arc[-1] = arc[-2] + float(np.linalg.norm(points[-1] - points[-2]))
    count = int(arc[-1] / PATH_SPACING_M + 1e-6) + 1
    at = np.minimum(np.arange(count) * PATH_SPACING_M, arc[-1])
    x, y = (np.interp(at, arc, points[:, axis]) for axis in (0, 1))
    half_width = np.interp(at, arc, path.half_width_m[kept])
    # A limit holds from its point on; between two of them nothing is in between.
    limit = path.limit_mps[kept][np.searchsorted(arc, at + 1e-6, side="right") - 1]
    return np.column_stack([x, y]), half_width, limit


def _with_places(arrays: ScenarioArrays) -> ScenarioArrays:
    """The same arrays with what is measured along paths and lanes."""
    entry = np.zeros(len(arrays.agent_path), np.float32)
    driven = np.zeros(len(arrays.agent_path), np.float32)
    path = arrays.agent_path.copy()
    # What the ego follows is the scenario's route, whatever its row says.
    path[arrays.ego] = arrays.route
    _measure_entries(paths_of(arrays), arrays, path, entry)
    _measure_drives(paths_of(arrays), arrays, path, entry, driven)
    measured = {"entry_m": entry, "driven_m": driven, "expert_m": driven[arrays.ego]}
    measured |= expert_columns(arrays)
    return as_arrays({**arrays._asdict(), **measured})


@compiled
def _measure_entries(
    paths: Paths, arrays: ScenarioArrays, path: NDArray[np.int32], out: NDArray[np.float32]
) -> None:
    """Where each agent's first frame is along its path, in m; 0 without path or frames.

    path, out: [agents].
    """
    for agent in range(len(path)):
        frame, route = arrays.first_frame[agent], path[agent]
        out[agent] = 0.0
        if route >= 0 and frame < arrays.first_frame[agent + 1]:
            start = arrays.first_point[route]
            points = arrays.first_point[route + 1] - start
            heading = np.float64(arrays.heading[frame])
            where = (np.float64(arrays.x[frame]), np.float64(arrays.y[frame]))
            facing = (math.cos(heading), math.sin(heading))
            along, _ = project_anywhere(paths, start, points, where, facing)
            out[agent] = along


@compiled
def _measure_drives(
    paths: Paths,
    arrays: ScenarioArrays,
    path: NDArray[np.int32],
    entry: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """How far each agent's own track goes along its path, 0 without one.

    path, entry, out: [agents].
    """
    for agent in range(len(path)):
        route = path[agent]
        begin = np.float64(entry[agent])
        along: float = begin
        if route >= 0:
            start = arrays.first_point[route]
            points = arrays.first_point[route + 1] - start
            for frame in range(arrays.first_frame[agent], arrays.first_frame[agent + 1]):
                if arrays.valid[frame]:
                    where = (np.float64(arrays.x[frame]), np.float64(arrays.y[frame]))
                    along, _ = project_near(paths, start, points, along, where)
        out[agent] = max(0.0, along - begin)
