"""Lays any scenario out as a nuPlan database: tables, rows at 20 Hz, frames of axes."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivetrain.data.lines import turned
from drivetrain.sim.scenario import Category, Scenario, Signal, Tracks
from tests.data.nuplan_builder_graph import Graph

Floats = NDArray[np.float64]

REAR_TO_CENTRE_M = 1.461
FIRST_ROW_US = 1_620_000_000_000_000
ROW_US = 50_000
ANCHOR = 60
"""The row that carries the tag: a scenario begins 3 s before it."""
CENTRE_SCENE = 2

SCHEMA = """
CREATE TABLE log (token BLOB NOT NULL, vehicle_name VARCHAR(64), date VARCHAR(64),
  timestamp INTEGER, logfile VARCHAR(64), location VARCHAR(64), map_version VARCHAR(64),
  PRIMARY KEY (token));
CREATE TABLE ego_pose (token BLOB NOT NULL, timestamp INTEGER, x FLOAT, y FLOAT, z FLOAT,
  qw FLOAT, qx FLOAT, qy FLOAT, qz FLOAT, vx FLOAT, vy FLOAT, vz FLOAT,
  acceleration_x FLOAT, acceleration_y FLOAT, acceleration_z FLOAT, angular_rate_x FLOAT,
  angular_rate_y FLOAT, angular_rate_z FLOAT, epsg INTEGER, log_token BLOB NOT NULL,
  PRIMARY KEY (token));
CREATE TABLE camera (token BLOB NOT NULL, log_token BLOB NOT NULL, channel VARCHAR(64),
  model VARCHAR(64), translation BLOB, rotation BLOB, intrinsic BLOB, distortion BLOB,
  width INTEGER, height INTEGER, PRIMARY KEY (token));
CREATE TABLE image (token BLOB NOT NULL, next_token BLOB, prev_token BLOB,
  ego_pose_token BLOB NOT NULL, camera_token BLOB NOT NULL, filename_jpg VARCHAR(128),
  timestamp INTEGER, PRIMARY KEY (token));
CREATE TABLE lidar (token BLOB NOT NULL, log_token BLOB NOT NULL, channel VARCHAR(64),
  model VARCHAR(64), translation BLOB, rotation BLOB, PRIMARY KEY (token));
CREATE TABLE lidar_pc (token BLOB NOT NULL, next_token BLOB, prev_token BLOB,
  ego_pose_token BLOB NOT NULL, lidar_token BLOB NOT NULL, scene_token BLOB,
  filename VARCHAR(128), timestamp INTEGER, PRIMARY KEY (token));
CREATE TABLE lidar_box (token BLOB NOT NULL, lidar_pc_token BLOB NOT NULL,
  track_token BLOB NOT NULL, next_token BLOB, prev_token BLOB, x FLOAT, y FLOAT, z FLOAT,
  width FLOAT, length FLOAT, height FLOAT, vx FLOAT, vy FLOAT, vz FLOAT, yaw FLOAT,
  confidence FLOAT, PRIMARY KEY (token));
CREATE TABLE track (token BLOB NOT NULL, category_token BLOB NOT NULL, width FLOAT,
  length FLOAT, height FLOAT, PRIMARY KEY (token));
CREATE TABLE category (token BLOB NOT NULL, name VARCHAR(64), description TEXT,
  PRIMARY KEY (token));
CREATE TABLE scene (token BLOB NOT NULL, log_token BLOB NOT NULL, name TEXT,
  goal_ego_pose_token BLOB, roadblock_ids TEXT, PRIMARY KEY (token));
CREATE TABLE scenario_tag (token BLOB NOT NULL, lidar_pc_token BLOB NOT NULL, type TEXT,
  agent_track_token BLOB, PRIMARY KEY (token));
CREATE TABLE traffic_light_status (token BLOB NOT NULL, lidar_pc_token BLOB NOT NULL,
  lane_connector_id INTEGER, status VARCHAR(8), PRIMARY KEY (token));
"""

CATEGORIES = (
    "vehicle",
    "bicycle",
    "pedestrian",
    "traffic_cone",
    "barrier",
    "czone_sign",
    "generic_object",
)
_CATEGORY_NAMES = {
    Category.VEHICLE: "vehicle",
    Category.BICYCLE: "bicycle",
    Category.PEDESTRIAN: "pedestrian",
    Category.STATIC: "generic_object",
}

UNOPENABLE = b"cdrivetrain_must_not_open_this\nboom\n."
"""A pickle that fails to load: a class of a module that does not exist."""


@dataclass(frozen=True)
class City:
    """Where on Earth a scene is put.  at_m: UTM metres of the scene's own origin."""

    name: str
    version: str
    epsg: int
    at_m: tuple[float, float]


LAS_VEGAS = City("us-nv-las-vegas-strip", "9.15.1915", 32611, (664_430.0, 3_997_905.0))
BOSTON = City("us-ma-boston", "9.12.1817", 32619, (331_204.0, 4_690_611.0))
SINGAPORE = City("sg-one-north", "9.17.1964", 32648, (365_017.0, 143_518.0))
CITIES = (LAS_VEGAS, BOSTON, SINGAPORE)


@dataclass(frozen=True)
class Layout:
    """How a scenario is told.

    roadblocks: of the scene; None for NULL.  tags: of the anchor's row.
    """

    city: City = LAS_VEGAS
    roadblocks: str | None = ""
    tags: tuple[str, ...] = ("on_intersection",)
    z_m: float = 610.25
    tags_by_row: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


LOG_NAME = "2021.05.12.22.00.38_veh-35_01008_01518"


def time_us(row: int) -> int:
    """When a frame was seen; the pose's own time is a little off, as in the recordings."""
    return FIRST_ROW_US + ROW_US * row


def token(table: int, row: int) -> bytes:
    """A token of 8 bytes, another one for every table and row."""
    return (((table * 2_654_435_761) % 2**31) << 32 | row * 7 + 1).to_bytes(8, "big")


def write_database(
    folder: Path, scenario: Scenario, layout: Layout | None = None, name: str = LOG_NAME
) -> Path:
    """A database that a scenario could have been converted from."""
    layout = layout or Layout()
    file = folder / f"{name}.db"
    folder.mkdir(parents=True, exist_ok=True)
    dense = at_20_hz(long_enough(scenario))
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript(SCHEMA)
        _write_frames(database, dense, layout, name)
        _write_boxes(database, dense, layout)
        _write_lights(database, dense)
    return file


def long_enough(scenario: Scenario, steps: int = 151) -> Scenario:
    """The scenario lengthened to 15 s: the ego stands where it was, the others vanish."""
    tracks, missing = scenario.tracks, steps - scenario.tracks.x_m.shape[1]
    if missing <= 0:
        return scenario
    ego = scenario.ego

    def longer(rows: Floats, *, stays: bool = True) -> Floats:
        more = np.zeros((len(rows), missing))
        more[ego] = rows[ego, -1] * stays
        return np.hstack([rows, more])

    valid = np.hstack([tracks.valid, np.zeros((len(tracks.valid), missing), bool)])
    valid[ego] = True
    signals = scenario.signals
    if signals is not None:
        signals = np.hstack([signals, np.repeat(signals[:, -1:], missing, axis=1)])
    return replace(
        scenario,
        signals=signals,
        tracks=replace(
            tracks,
            x_m=longer(tracks.x_m),
            y_m=longer(tracks.y_m),
            heading_rad=longer(tracks.heading_rad),
            vx_mps=longer(tracks.vx_mps, stays=False),
            vy_mps=longer(tracks.vy_mps, stays=False),
            valid=valid,
        ),
    )


def at_20_hz(scenario: Scenario) -> Scenario:
    """The scenario with a state halfway between any two."""
    tracks = scenario.tracks
    steps = 2 * tracks.x_m.shape[1] - 1

    def dense(rows: Floats, *, turn: bool = False) -> Floats:
        half = np.zeros((len(rows), steps))
        half[:, ::2] = rows
        change = np.diff(rows, axis=1)
        half[:, 1::2] = rows[:, :-1] + 0.5 * (turned(change) if turn else change)
        return half

    valid = np.zeros((len(tracks.valid), steps), bool)
    valid[:, ::2] = tracks.valid
    valid[:, 1::2] = tracks.valid[:, 1:] & tracks.valid[:, :-1]
    signals = scenario.signals
    if signals is not None:
        signals = np.repeat(signals, 2, axis=1)[:, :steps]
    return replace(
        scenario,
        signals=signals,
        tracks=Tracks(
            dense(tracks.x_m),
            dense(tracks.y_m),
            dense(tracks.heading_rad, turn=True),
            dense(tracks.vx_mps),
            dense(tracks.vy_mps),
            valid,
            tracks.length_m,
            tracks.width_m,
            tracks.category,
        ),
    )


def ego_poses(tracks: Tracks, ego: int, city: City) -> Floats:
    """[rows, 9] rear axles: x, y, quaternion (w first), forward and left speed, yaw rate."""
    heading = tracks.heading_rad[ego]
    rate = np.gradient(np.unwrap(heading), ROW_US * 1e-6)
    cos, sin = np.cos(heading), np.sin(heading)
    vx, vy = tracks.vx_mps[ego], tracks.vy_mps[ego]
    zero = np.zeros_like(heading)
    return np.stack(
        [
            tracks.x_m[ego] - REAR_TO_CENTRE_M * cos + city.at_m[0],
            tracks.y_m[ego] - REAR_TO_CENTRE_M * sin + city.at_m[1],
            np.cos(heading / 2),
            zero,
            zero,
            np.sin(heading / 2),
            cos * vx + sin * vy,
            cos * vy - sin * vx - rate * REAR_TO_CENTRE_M,
            rate,
        ],
        axis=1,
    )


def _insert(database: sqlite3.Connection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608


def _write_frames(
    database: sqlite3.Connection, dense: Scenario, layout: Layout, name: str
) -> None:
    city, log = layout.city, token(1, 0)
    poses = ego_poses(dense.tracks, dense.ego, city).tolist()
    day = "2021-05-12"
    _insert(
        database,
        "log",
        [(log, "veh-35", day, FIRST_ROW_US, name, city.name, f"{city.name}.gpkg")],
    )
    _insert(
        database,
        "ego_pose",
        [
            (token(2, row), time_us(row) + 333, x, y, layout.z_m, *turn, *rest, city.epsg, log)
            for row, (x, y, turn, rest) in enumerate(_told(pose) for pose in poses)
        ],
    )
    _insert(
        database,
        "lidar",
        [
            (token(3, at), log, channel, "model", UNOPENABLE, UNOPENABLE)
            for at, channel in enumerate(("MergedPointCloud", "TopPointCloud"))
        ],
    )
    _insert(
        database,
        "camera",
        [(token(12, 0), log, "CAM_F0", "model", *4 * [UNOPENABLE], 1920, 1080)],
    )
    rows = range(len(poses))
    _insert(
        database,
        "lidar_pc",
        [
            (token(4, row), *_beside(row, rows), *links, f"{row}.pcd", time_us(row))
            for row, links in ((row, _links(row)) for row in rows)
        ],
    )
    _insert(
        database,
        "scene",
        [
            (token(5, at), log, f"scene-{at:03d}", token(2, rows[-1]), layout.roadblocks)
            for at in range(6)
        ],
    )
    tagged = {ANCHOR: layout.tags, **layout.tags_by_row}
    tags = [(row, type_) for row, types in tagged.items() for type_ in types]
    _insert(
        database,
        "scenario_tag",
        [(token(6, at), token(4, row), type_, None) for at, (row, type_) in enumerate(tags)],
    )


def _told(pose: list[float]) -> tuple[float, float, list[float], list[float]]:
    """Place, quaternion, and velocity, acceleration and turn rates of a pose."""
    x, y, *turn, forward, left, rate = pose
    return x, y, turn, [forward, left, 0.0, 0.0, 0.0, 9.8, 0.0, 0.0, rate]


def _beside(row: int, rows: range) -> tuple[bytes | None, ...]:
    """The tokens of the frames after and before."""
    return tuple(token(4, other) if other in rows else None for other in (row + 1, row - 1))


def _links(row: int) -> tuple[bytes, ...]:
    """The pose, the sensor and the scene of a frame."""
    return token(2, row), token(3, 0), token(5, CENTRE_SCENE)


def _write_boxes(database: sqlite3.Connection, dense: Scenario, layout: Layout) -> None:
    tracks, (x0, y0) = dense.tracks, layout.city.at_m
    _insert(
        database,
        "category",
        [(token(7, at), name, "") for at, name in enumerate(CATEGORIES)],
    )
    others = [at for at in range(len(tracks.length_m)) if at != dense.ego]
    size = np.stack([tracks.width_m, tracks.length_m], axis=1)
    kinds = [_CATEGORY_NAMES[Category(int(code))] for code in tracks.category]
    _insert(
        database,
        "track",
        [
            # The track's own size is not the boxes'.
            (token(8, at), token(7, CATEGORIES.index(kinds[at])), *(0.9 * size[at]), 1.5)
            for at in others
        ],
    )
    columns = (tracks.x_m + x0, tracks.y_m + y0, tracks.vx_mps, tracks.vy_mps)
    boxes: list[tuple[Any, ...]] = []
    for at in others:
        for row in np.flatnonzero(tracks.valid[at]).tolist():
            x, y, vx, vy = (float(column[at, row]) for column in columns)
            own = (token(9, len(boxes)), token(4, row), token(8, at), None, None)
            yaw = float(tracks.heading_rad[at, row])
            boxes.append((*own, x, y, layout.z_m, *size[at], 1.5, vx, vy, 0.0, yaw, 0.99))
    _insert(database, "lidar_box", boxes)


def _write_lights(database: sqlite3.Connection, dense: Scenario) -> None:
    if dense.signals is None:
        return
    rows: list[tuple[Any, ...]] = []
    for connector, light in Graph(dense.road).lit(dense.road).items():
        for row, shown in enumerate(dense.signals[light].tolist()):
            if shown != Signal.NONE:
                status = Signal(shown).name.lower()
                rows.append((token(11, len(rows)), token(4, row), connector, status))
    _insert(database, "traffic_light_status", rows)
