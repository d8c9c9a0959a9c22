"""Small Argoverse 2 logs, laid out as the real ones are."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from pyarrow import feather

ORIGIN_M = (2000.0, 300.0)
"""Where the small city lies: its streets are around here."""

Drive = Callable[[float], tuple[float, float, float]]
"""x, y and heading in the city's frame, after some seconds."""


def straight(x_m: float, y_m: float, speed_mps: float, heading_rad: float = 0.0) -> Drive:
    """A drive at a constant speed, from a place given from the origin on."""

    def at(seconds: float) -> tuple[float, float, float]:
        way_m = speed_mps * seconds
        return (
            ORIGIN_M[0] + x_m + way_m * math.cos(heading_rad),
            ORIGIN_M[1] + y_m + way_m * math.sin(heading_rad),
            heading_rad,
        )

    return at


@dataclass(frozen=True)
class Thing:
    """An object: its drive, and the frames in which it is seen (by default all)."""

    name: str
    drive: Drive
    category: str = "REGULAR_VEHICLE"
    size_m: tuple[float, float] = (4.5, 1.9)
    frames: range | None = None
    jitter_m: float = 0.0


def line(*points: tuple[float, float]) -> list[dict[str, float]]:
    """Points as a map stores them, given from the origin on."""
    return [{"x": ORIGIN_M[0] + x, "y": ORIGIN_M[1] + y, "z": -23.0} for x, y in points]


def lane(
    number: int, left: list[dict[str, float]], right: list[dict[str, float]], **more: Any
) -> dict[str, Any]:
    """A lane segment as a map stores it."""
    stored = {
        "id": number,
        "is_intersection": False,
        "lane_type": "VEHICLE",
        "left_lane_boundary": left,
        "right_lane_boundary": right,
        "successors": [],
        "predecessors": [],
        "left_neighbor_id": None,
        "right_neighbor_id": None,
    }
    return stored | more


def two_streets() -> dict[str, Any]:
    """A street to the east (1, then 2 in an intersection, then 3), one back (4), a bike lane.

    Bounds have different point counts; 3 leads to a lane outside the map; 4 is the neighbour
    of 1 the other way.
    """
    lanes = [
        lane(
            1,
            line((-60, 0), (20, 0)),
            line((-60, -3.5), (-30, -3.5), (0, -3.5), (20, -3.5)),
            successors=[2],
            left_neighbor_id=4,
            right_neighbor_id=5,
        ),
        lane(
            2,
            line((20, 0), (40, 0)),
            line((20, -3.5), (40, -3.5)),
            successors=[3],
            is_intersection=True,
        ),
        lane(3, line((40, 0), (90, 0)), line((40, -3.5), (90, -3.5)), successors=[777]),
        lane(
            4,
            line((20, 0), (-60, 0)),
            line((20, 3.5), (-60, 3.5)),
            successors=[888],
            left_neighbor_id=1,
        ),
        lane(
            5,
            line((-60, -3.5), (20, -3.5)),
            line((-60, -5.0), (20, -5.0)),
            lane_type="BIKE",
            left_neighbor_id=1,
        ),
    ]
    # Its east side lies on the border of a tile (2100 = 70 * 30): there only the map ends.
    ground = line((-70, -6), (100, -6), (100, 5), (-70, 5))
    crossing = {"id": 9, "edge1": line((20, -4), (20, 4)), "edge2": line((23, -4), (23, 4))}
    return {
        "lane_segments": {str(each["id"]): each for each in lanes},
        "drivable_areas": {"8": {"id": 8, "area_boundary": ground}},
        "pedestrian_crossings": {"9": crossing},
    }


@dataclass
class Log:
    """A log under construction; `write` makes its folder."""

    things: Sequence[Thing] = ()
    ego: Drive = field(default_factory=lambda: straight(-20.0, -1.75, 6.0))
    frames: int = 101
    with_ego_boxes: bool = True
    boxes: list[dict[str, Any]] = field(default_factory=list)
    poses: list[dict[str, Any]] = field(default_factory=list)
    map: dict[str, Any] = field(default_factory=two_streets)

    def write(self, folder: Path) -> Path:
        """The log's folder."""
        self.fill()
        return self.store(folder)

    def fill(self) -> None:
        """Lets everybody drive and be seen, at stamps as irregular as real ones."""
        random = np.random.default_rng(0)
        first_ns = 315_966_070_000_000_000
        stamps = first_ns + np.arange(self.frames) * 100_200_000
        stamps[1:] += random.integers(-2_000_000, 2_000_000, self.frames - 1)
        for frame, stamp in enumerate(stamps):
            self._frame(frame, int(stamp), 1e-9 * float(stamp - first_ns), random)

    def store(self, folder: Path) -> Path:
        """Writes what was filled in."""
        (folder / "map").mkdir(parents=True)
        name = "annotations_with_ego" if self.with_ego_boxes else "annotations"
        _write(folder / f"{name}.feather", self.boxes)
        _write(folder / "city_SE3_egovehicle.feather", self.poses)
        text = json.dumps(self.map)
        (folder / "map" / "log_map_archive_small____MIA_city_1.json").write_text(text)
        return folder

    def _frame(
        self, frame: int, stamp: int, seconds: float, random: np.random.Generator
    ) -> None:
        x_m, y_m, heading = self.ego(seconds)
        # The car leans, as real ones do: its own level is not the city's.
        tilt = 0.02
        pose = {"timestamp_ns": stamp, **_turn(heading, tilt)}
        self.poses.append({**pose, "tx_m": x_m, "ty_m": y_m, "tz_m": -23.0})
        # Some poses follow each other by a nanosecond.
        self.poses.append({**pose, "timestamp_ns": stamp + 1, "tx_m": x_m + 0.01})
        self.poses[-1] |= {"ty_m": y_m, "tz_m": -23.0}
        if self.with_ego_boxes:
            ego = {**_turn(0.0, 0.0), "tx_m": 0.0, "ty_m": 0.0, "tz_m": 0.0}
            self.boxes.append(
                {"timestamp_ns": stamp, "track_uuid": "the-ego", "category": "EGO_VEHICLE"}
                | _size((4.877, 2.0))
                | ego
            )
        for thing in self.things:
            if thing.frames is None or frame in thing.frames:
                off_m = random.normal(0.0, thing.jitter_m, 2) if thing.jitter_m else np.zeros(2)
                there = thing.drive(seconds)
                self.boxes.append(
                    {
                        "timestamp_ns": stamp,
                        "track_uuid": thing.name,
                        "category": thing.category,
                        **_size(thing.size_m),
                        **_seen_from((x_m, y_m, heading), tilt, there, off_m),
                    }
                )


def _seen_from(
    ego: tuple[float, float, float],
    tilt: float,
    there: tuple[float, float, float],
    off_m: np.ndarray,
) -> dict[str, float]:
    """A box in the frame of a leaning ego."""
    gap = np.array([there[0] + off_m[0] - ego[0], there[1] + off_m[1] - ego[1], 0.5])
    ahead = np.array([math.cos(there[2]), math.sin(there[2]), 0.0])
    inverse = _rotation(ego[2], tilt).T
    position, direction = inverse @ gap, inverse @ ahead
    yaw = math.atan2(direction[1], direction[0])
    return {
        "qw": math.cos(0.5 * yaw),
        "qx": 0.0,
        "qy": 0.0,
        "qz": math.sin(0.5 * yaw),
        "tx_m": float(position[0]),
        "ty_m": float(position[1]),
        "tz_m": float(position[2]),
    }


def _rotation(yaw: float, pitch: float) -> np.ndarray:
    c, s, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    return np.array([[c * cp, -s, c * sp], [s * cp, c, s * sp], [-sp, 0.0, cp]])


def _turn(yaw: float, pitch: float) -> dict[str, float]:
    """The quaternion of a yaw after a pitch."""
    cy, sy = math.cos(0.5 * yaw), math.sin(0.5 * yaw)
    cp, sp = math.cos(0.5 * pitch), math.sin(0.5 * pitch)
    return {"qw": cy * cp, "qx": -sy * sp, "qy": cy * sp, "qz": sy * cp}


def _size(size_m: tuple[float, float]) -> dict[str, float]:
    return {"length_m": size_m[0], "width_m": size_m[1], "height_m": 1.5, "num_interior_pts": 9}


def _write(file: Path, rows: list[dict[str, Any]]) -> None:
    table = pyarrow.table({name: [row[name] for row in rows] for name in rows[0]})
    feather.write_feather(table, str(file))
