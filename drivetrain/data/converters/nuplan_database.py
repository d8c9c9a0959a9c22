"""A nuPlan database (SQLite, one log segment) read in bulk, as it stands.

Only the tables and columns named here are read. The table `lidar` also holds pickles of a
program's own classes: they are never selected. The frames are the rows of `lidar_pc` that
belong to the merged point cloud, 20 a second; their own times count, not those of the poses.
"""

import re
import sqlite3
import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivetrain.data.converters.contract import UnfitFileError
from drivetrain.data.converters.nuplan_columns import columns_of
from drivetrain.sim.scenario import Signal

Floats = NDArray[np.float64]
Tokens = NDArray[np.uint64]

_POSE = ("x", "y", "qw", "qx", "qy", "qz", "vx", "vy", "angular_rate_z", "epsg")
_BOX = ("x", "y", "yaw", "vx", "vy", "length", "width")
NEEDED = {
    "log": ("token", "map_version"),
    "ego_pose": (*_POSE, "token"),
    "lidar": ("token", "channel"),
    "lidar_pc": ("token", "ego_pose_token", "lidar_token", "scene_token", "timestamp"),
    "lidar_box": (*_BOX, "lidar_pc_token", "track_token"),
    "track": ("token", "category_token"),
    "category": ("token", "name"),
    "scene": ("token", "name", "roadblock_ids"),
    "scenario_tag": ("lidar_pc_token", "type"),
    "traffic_light_status": ("lidar_pc_token", "lane_connector_id", "status"),
}
"""What is read, by table; the schema has more."""

_SIGNALS = {
    **{name.lower(): name for name in Signal.__members__},
    **{str(int(code)): name for name, code in Signal.__members__.items()},
}


@dataclass(frozen=True, slots=True)
class Frames:
    """The 20 Hz frames in the order of time; poses are the rear axle's, in UTM.

    token, time_us, scene: [frames]; scene is a row of `Recording.scenes`, -1 for none.
    pose: [frames, 10] as x, y, qw, qx, qy, qz, vx, vy, yaw rate, EPSG code; velocities in the
    car's frame; NaN where the database has nothing.
    """

    token: Tokens
    time_us: NDArray[np.int64]
    scene: NDArray[np.int64]
    pose: Floats


@dataclass(frozen=True, slots=True)
class Boxes:
    """What was detected, as it stands.

    frame, track: [boxes] rows of `Frames` and of `Recording.categories`, -1 for none.
    state: [boxes, 7] as x, y, yaw, vx, vy, length, width of the box's centre, in UTM.
    """

    frame: NDArray[np.int64]
    track: NDArray[np.int64]
    state: Floats


@dataclass(frozen=True, slots=True)
class Tags:
    """Scenario types.  frame: [tags] row of `Frames`, -1 for none.  type: one per tag."""

    frame: NDArray[np.int64]
    type: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lights:
    """What lights showed.

    frame: [statuses] row of `Frames`, -1 for none.  connector: [statuses] lane connectors.
    signal: [statuses] codes of `Signal`.
    """

    frame: NDArray[np.int64]
    connector: NDArray[np.int64]
    signal: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Recording:
    """One database.

    map_name: which map it was driven on.  categories: the name of each track's category.
    scenes: the roadblocks of each scene's route, the scenes in the order of their names.
    """

    name: str
    map_name: str
    frames: Frames
    boxes: Boxes
    categories: tuple[str, ...]
    scenes: tuple[tuple[str, ...], ...]
    tags: Tags
    lights: Lights


def read(file: Path) -> Recording:
    """The whole database.

    Raises: UnfitFileError where it is no nuPlan database, or a damaged one.
    """
    _check_file(file)
    try:
        with closing(_opened(file)) as database:
            _check_schema(database)
            return _recording(database, file.stem)
    except sqlite3.OperationalError as error:
        raise UnfitFileError("cannot_be_opened") from error
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
        raise UnfitFileError("damaged") from error


def _check_file(file: Path) -> None:
    """Raises: UnfitFileError where the file is no SQLite database, or a part of one."""
    try:
        with file.open("rb") as opened:
            header = opened.read(100)
        size = file.stat().st_size
    except OSError as error:
        raise UnfitFileError("cannot_be_opened") from error
    if len(header) < 100 or header[:16] != b"SQLite format 3\0":
        raise UnfitFileError("not_sqlite")
    (page,) = struct.unpack(">H", header[16:18])
    changes, pages = struct.unpack(">II", header[24:32])
    # The number of pages is good where the change counters agree (SQLite's format, 1.3.8).
    is_counted = struct.unpack(">I", header[92:96]) == (changes,)
    if is_counted and size < pages * (65_536 if page == 1 else page):
        raise UnfitFileError("truncated")


def _opened(file: Path) -> sqlite3.Connection:
    # Immutable: no lock, no journal, nothing is written beside the data.
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)


def _check_schema(database: sqlite3.Connection) -> None:
    found = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    if not found & set(NEEDED):
        raise UnfitFileError("not_nuplan")
    for table, needed in NEEDED.items():
        if table not in found:
            raise UnfitFileError(f"no_table_{table}")
        columns = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
        for column in needed:
            if column not in columns:
                raise UnfitFileError(f"no_column_{table}.{column}")


def _recording(database: sqlite3.Connection, name: str) -> Recording:
    maps = database.execute("SELECT map_version FROM log").fetchall()
    if len(maps) != 1:
        raise UnfitFileError("not_one_log")
    scene_tokens, scenes = _scenes(database)
    frames = _frames(database, scene_tokens)
    track_tokens, categories = _categories(database)
    return Recording(
        name=name,
        map_name=str(maps[0][0]).removesuffix(".gpkg"),
        frames=frames,
        boxes=_boxes(database, frames.token, track_tokens),
        categories=categories,
        scenes=scenes,
        tags=_tags(database, frames.token),
        lights=_lights(database, frames.token),
    )


def _scenes(database: sqlite3.Connection) -> tuple[Tokens, tuple[tuple[str, ...], ...]]:
    tokens, routes = columns_of(
        database, "SELECT token, roadblock_ids FROM scene ORDER BY name, token", "tv"
    )
    return tokens, tuple(_roadblocks(route) for route in routes)


def _roadblocks(text: object) -> tuple[str, ...]:
    """The ids of a route; spaces stand between them, in the format's description commas."""
    ids = re.split(r"[\s,]+", "" if text is None else str(text))
    return tuple(one for one in ids if one not in ("", "None", "nan"))


def _frames(database: sqlite3.Connection, scenes: Tokens) -> Frames:
    token, scene, time_us, *pose = columns_of(
        database,
        "SELECT f.token, f.scene_token, f.timestamp, p.x, p.y, p.qw, p.qx, p.qy, p.qz, p.vx, "
        "p.vy, p.angular_rate_z, p.epsg FROM lidar_pc f JOIN lidar l ON f.lidar_token = "
        "l.token LEFT JOIN ego_pose p ON f.ego_pose_token = p.token WHERE l.channel = "
        "'MergedPointCloud' ORDER BY f.timestamp, f.token",
        "tti" + len(_POSE) * "f",
    )
    if not len(token):
        raise UnfitFileError("no_frames")
    if len(np.unique(token)) < len(token):
        raise UnfitFileError("duplicate_tokens")
    return Frames(token, time_us, _rows(scenes, scene), np.stack(pose, axis=1))


def _categories(database: sqlite3.Connection) -> tuple[Tokens, tuple[str, ...]]:
    tokens, names = columns_of(
        database,
        "SELECT t.token, c.name FROM track t LEFT JOIN category c ON t.category_token = "
        "c.token ORDER BY t.token",
        "tv",
    )
    if len(np.unique(tokens)) < len(tokens):
        raise UnfitFileError("duplicate_tokens")
    return tokens, tuple(str(name) for name in names)


def _boxes(database: sqlite3.Connection, frames: Tokens, tracks: Tokens) -> Boxes:
    frame, track, *state = columns_of(
        database,
        "SELECT lidar_pc_token, track_token, x, y, yaw, vx, vy, length, width FROM lidar_box",
        "tt" + len(_BOX) * "f",
    )
    return Boxes(_rows(frames, frame), _rows(tracks, track), np.stack(state, axis=1))


def _tags(database: sqlite3.Connection, frames: Tokens) -> Tags:
    token, types = columns_of(database, "SELECT lidar_pc_token, type FROM scenario_tag", "tv")
    return Tags(_rows(frames, token), tuple(str(type_) for type_ in types))


def _lights(database: sqlite3.Connection, frames: Tokens) -> Lights:
    token, connector, status = columns_of(
        database,
        "SELECT lidar_pc_token, lane_connector_id, status FROM traffic_light_status",
        "tiv",
    )
    names = [_SIGNALS.get(str(text).strip().lower(), "UNKNOWN") for text in status]
    signal = np.array([Signal[name] for name in names], np.uint8)
    return Lights(_rows(frames, token), connector, signal)


def _rows(known: Tokens, wanted: Tokens) -> NDArray[np.int64]:
    """[wanted] where each token is among the known ones, -1 where it is not."""
    if not len(known):
        return np.full(len(wanted), -1)
    order = np.argsort(known)
    at = np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)
    return np.where(known[order][at] == wanted, order[at], -1)
