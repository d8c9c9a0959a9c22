"""Lays a road out as a nuPlan map: a GeoPackage in longitude and latitude."""

import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely

from drivetrain.data import lines
from drivetrain.sim.scenario import AreaKind, Lane, Road
from tests.data.nuplan_builder import LAS_VEGAS, City
from tests.data.nuplan_builder_graph import Gap, Graph

FIRST_GROUP = 20_001
FIRST_CONNECTOR_GROUP = 30_001
GAP_M = 0.004

# Geometry column first; `fid` is added to each.
LAYERS: dict[str, str] = {
    "lanes_polygons": "geom, lane_fid INTEGER, lane_group_fid REAL, lane_index INTEGER, "
    "left_boundary_fid INTEGER, right_boundary_fid INTEGER, speed_limit_mps REAL, "
    "lane_type_fid INTEGER, left_has_reflectors INTEGER, right_has_reflectors INTEGER, "
    "from_edge_fid INTEGER, to_edge_fid INTEGER, creator_id INTEGER",
    "lane_connectors": "geom, exit_lane_fid REAL, entry_lane_fid REAL, "
    "lane_group_connector_fid REAL, traffic_light_stop_line_fids TEXT, "
    "speed_limit_mps REAL, intersection_fid REAL, has_traffic_light INTEGER",
    "gen_lane_connectors_scaled_width_polygons": "geom, lane_connector_fid REAL, "
    "left_boundary_fid REAL, right_boundary_fid REAL, lane_group_connector_fid REAL",
    "baseline_paths": "geom, lane_fid REAL, lane_connector_fid REAL",
    "boundaries": "geom, boundary_type_fid INTEGER, has_reflectors INTEGER",
    "lane_groups_polygons": "geom, left_boundary_fid INTEGER, right_boundary_fid INTEGER",
    "lane_group_connectors": "geom, from_lane_group_fid REAL, to_lane_group_fid REAL, "
    "intersection_fid REAL, left_boundary_fid INTEGER, right_boundary_fid INTEGER",
    "intersections": "geom, intersection_type_fid INTEGER, is_mini INTEGER",
    "road_segments": "geom",
    "generic_drivable_areas": "geom",
    "carpark_areas": "geom, heading REAL",
    "stop_polygons": "geom, stop_polygon_type_fid INTEGER, lane_fids TEXT",
    "crosswalks": "geom, intersection_fids TEXT, lane_fids TEXT",
    "walkways": "geom",
    "traffic_lights": "geom, traffic_light_type_fid INTEGER",
    "dubins_nodes": "geom",
}

Rows = dict[str, list[tuple[Any, ...]]]


def write_map(
    folder: Path,
    road: Road,
    city: City = LAS_VEGAS,
    *,
    version: str | None = None,
    stored_epsg: int = 4326,
) -> Path:
    """The map of a road; coordinates stand in the system `stored_epsg`."""
    file = folder / city.name / (version or city.version) / "map.gpkg"
    file.parent.mkdir(parents=True)
    rows = _Layers(road).rows
    to = pyproj.Transformer.from_crs(city.epsg, stored_epsg, always_xy=True)
    with closing(sqlite3.connect(file)) as database, database:
        _create(database, city, stored_epsg)
        for layer, values in rows.items():
            for fid, shape, *rest in values:
                blob = None if shape is None else _blob(shape, city, to, stored_epsg, fid)
                marks = ", ".join("?" * (len(rest) + 2))
                query = f"INSERT INTO {layer} VALUES ({marks})"  # noqa: S608
                database.execute(query, (fid, blob, *rest))
    return file


def _create(database: sqlite3.Connection, city: City, srs: int) -> None:
    database.executescript(
        """
        CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY,
          organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL,
          definition TEXT NOT NULL, description TEXT);
        CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL,
          identifier TEXT, description TEXT, last_change DATETIME, min_x DOUBLE, min_y DOUBLE,
          max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
        CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT
          NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT
          NULL, m TINYINT NOT NULL);
        CREATE TABLE meta (fid INTEGER PRIMARY KEY, key TEXT, value TEXT);
        """
    )
    definition = pyproj.CRS.from_epsg(srs).to_wkt()
    database.execute(
        "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)",
        ("system", srs, "EPSG", srs, definition, None),
    )
    database.executemany(
        "INSERT INTO meta (key, value) VALUES (?, ?)",
        [("projectedCoordSystem", f"EPSG:{city.epsg}"), ("mapName", city.name)],
    )
    for layer, columns in LAYERS.items():
        database.execute(f"CREATE TABLE {layer} (fid INTEGER PRIMARY KEY, {columns})")
        database.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'GEOMETRY', ?, 0, 0)",
            (layer, srs),
        )
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, srs_id) VALUES (?, ?, ?)",
            (layer, "features", srs),
        )


def _blob(
    shape: shapely.Geometry, city: City, to: pyproj.Transformer, srs: int, fid: int
) -> bytes:
    """A geometry behind its header; the envelope's kind changes from row to row."""
    at = shapely.get_coordinates(shape) + np.asarray(city.at_m)
    shape = shapely.set_coordinates(shape, np.stack(to.transform(at[:, 0], at[:, 1]), axis=1))
    kind = fid % 3
    x0, y0, x1, y1 = shapely.bounds(shape)
    envelope = (x0, x1, y0, y1, 0.0, 0.0)[: (0, 4, 6)[kind]]
    header = struct.pack("<2sBBi", b"GP", 0, 1 | kind << 1, srs)
    return header + struct.pack(f"<{len(envelope)}d", *envelope) + bytes(shapely.to_wkb(shape))


class _Layers:
    """The rows of all layers: fid, geometry, and the columns of `LAYERS`."""

    def __init__(self, road: Road) -> None:
        self.rows: Rows = {layer: [] for layer in LAYERS}
        self._road = road
        self._graph = Graph(road)
        for at in range(len(road.lanes)):
            self._add_lane(at)
        for gap in self._graph.gaps:
            self._add_gap(gap)
        told = zip(road.lanes, self._graph.is_connector, strict=True)
        for block, is_connector in {(lane.block, kind) for lane, kind in told}:
            self._add_block(block, is_connector=is_connector)
        layers = {
            AreaKind.DRIVABLE: ("road_segments", "generic_drivable_areas", "carpark_areas"),
            AreaKind.INTERSECTION: ("intersections",),
            AreaKind.CROSSWALK: ("crosswalks",),
        }
        for at, area in enumerate(road.areas):
            names = layers[area.kind]
            name = names[at % len(names)]
            shape = shapely.Polygon(area.rings_m[0], area.rings_m[1:])
            blanks = LAYERS[name].count(",")
            self.rows[name].append((len(self.rows[name]) + 1, shape, *blanks * [None]))

    def _add_lane(self, at: int) -> None:
        lane = self._road.lanes[at]
        shape, line = shapely.Polygon(lane.outline_m), shapely.LineString(lane.baseline_m)
        sides = self._sides(shape, line)
        number = self._graph.number(at)
        if self._graph.is_connector[at]:
            self._add_connector(number, shape, line, lane.block, sides)
        else:
            group = FIRST_GROUP + lane.block
            self._add_plain(number, shape, line, (group, self._index(at)), sides, lane)

    def _add_plain(
        self,
        fid: int,
        shape: shapely.Polygon,
        line: shapely.LineString,
        place: tuple[int, int],
        sides: tuple[int, int],
        lane: Lane,
    ) -> None:
        limit = None if np.isnan(lane.limit_mps) else lane.limit_mps
        self.rows["lanes_polygons"].append(
            (fid, shape, fid, float(place[0]), place[1], *sides, limit, 0, 0, 0, 1, 2, 3)
        )
        self._add_baseline(line, float(fid), None)

    def _add_connector(
        self,
        fid: int,
        shape: shapely.Polygon,
        line: shapely.LineString,
        block: int,
        sides: tuple[int, int],
    ) -> None:
        group = float(FIRST_CONNECTOR_GROUP + block)
        before, after = self._graph.links.get(fid, (None, None))
        self.rows["lane_connectors"].append((fid, None, before, after, group, "", 3.0, None, 0))
        table = self.rows["gen_lane_connectors_scaled_width_polygons"]
        table.append((len(table) + 1, shape, float(fid), *map(float, sides), group))
        self._add_baseline(line, None, float(fid))

    def _add_baseline(
        self, line: shapely.LineString, lane: float | None, connector: float | None
    ) -> None:
        table = self.rows["baseline_paths"]
        table.append((len(table) + 1, line, lane, connector))

    def _sides(self, shape: shapely.Polygon, line: shapely.LineString) -> tuple[int, int]:
        """The boundaries left and right, the right one told backwards."""
        middle = line.interpolate(0.5, normalized=True)
        half = max(shapely.distance(middle, shape.exterior), 0.1)
        table = self.rows["boundaries"]
        for side in (half, -half):
            offset = shapely.offset_curve(line, side)
            offset = offset if side > 0 else shapely.reverse(offset)
            table.append((len(table) + 1, offset, 2, 0))
        return len(table) - 1, len(table)

    def _add_gap(self, gap: Gap) -> None:
        lane = self._road.lanes[gap.before]
        end, direction = lane.baseline_m[-1], lines.headings(lane.baseline_m)[-1]
        along = GAP_M * np.array([np.cos(direction), np.sin(direction)])
        aside = np.array([-np.sin(direction), np.cos(direction)])
        line = shapely.LineString([end - along, end])
        ring = [end - along - aside, end - aside, end + aside, end - along + aside]
        shape = shapely.Polygon(ring)
        sides = self._sides(shape, line)
        if gap.is_connector:
            self._add_connector(gap.number, shape, line, gap.number, sides)
        else:
            self._add_plain(gap.number, shape, line, (gap.number, 0), sides, lane)

    def _index(self, at: int) -> int:
        """How many lanes of the block lie to the left."""
        lanes = self._road.lanes
        own = lanes[at].baseline_m
        heading = lines.headings(own)[0]
        left = np.array([-np.sin(heading), np.cos(heading)])
        beside = [
            float((other.baseline_m[0] - own[0]) @ left)
            for row, other in enumerate(lanes)
            if other.block == lanes[at].block and not self._graph.is_connector[row]
        ]
        return sum(aside > 0.5 for aside in beside)

    def _add_block(self, block: int, *, is_connector: bool) -> None:
        shapes = [
            shapely.Polygon(lane.outline_m) for lane in self._road.lanes if lane.block == block
        ]
        shape = shapely.convex_hull(shapely.union_all(shapes))
        if is_connector:
            fid = FIRST_CONNECTOR_GROUP + block
            self.rows["lane_group_connectors"].append((fid, shape, None, None, None, 1, 2))
        else:
            self.rows["lane_groups_polygons"].append((FIRST_GROUP + block, shape, 1, 2))
