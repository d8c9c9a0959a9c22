"""The boxes of an Argoverse 2 sensor log, brought from the ego's frame into the city's.

- Boxes are stored in the ego's frame of their own time stamp, and every such stamp is a pose's
  too. Poses are irregular, some a nanosecond apart, so only those at box stamps are used.
- The ego's origin is its rear axle. Its box, where it is stored at all, is centred on that, so
  the ego is made from its poses.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from numpy.typing import NDArray
from pyarrow import feather

from drivetrain.data.converters.contract import FARTHEST_M, UnfitFileError
from drivetrain.data.lines import Floats
from drivetrain.sim.scenario import Category

EGO = "EGO_VEHICLE"
EGO_SIZE_M = (4.877, 2.0)
"""Length and width, from the one log at hand that stores the ego's box."""

EGO_CENTRE_M = 1.4
"""From the rear axle forward to the middle of the car. No file says it: an estimate from a
wheel base of 2.85 m (a Ford Fusion's) with overhangs about equal, good to a decimetre."""

_KINDS = {
    Category.VEHICLE: (
        "REGULAR_VEHICLE LARGE_VEHICLE BUS BOX_TRUCK TRUCK TRUCK_CAB VEHICULAR_TRAILER "
        "SCHOOL_BUS ARTICULATED_BUS RAILED_VEHICLE MOTORCYCLE MOTORCYCLIST"
    ),
    Category.PEDESTRIAN: "PEDESTRIAN STROLLER WHEELCHAIR OFFICIAL_SIGNALER DOG ANIMAL",
    Category.BICYCLE: "BICYCLE BICYCLIST WHEELED_DEVICE WHEELED_RIDER",
    Category.STATIC: (
        "BOLLARD CONSTRUCTION_CONE CONSTRUCTION_BARREL STOP_SIGN SIGN "
        "MOBILE_PEDESTRIAN_SIGN MOBILE_PEDESTRIAN_CROSSING_SIGN MESSAGE_BOARD_TRAILER "
        "TRAFFIC_LIGHT_TRAILER"
    ),
}
CATEGORIES = {name: kind for kind, names in _KINDS.items() for name in names.split()}
"""Ours for each of Argoverse's; a box of another kind makes a log unfit, not a guess."""

Rows = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Boxes:
    """One object's boxes in the order of time.

    stamp_ns: [boxes].  position_m: [boxes, 2] of centres.  heading_rad: [boxes].
    """

    name: str
    category: Category
    size_m: tuple[float, float]
    stamp_ns: NDArray[np.int64]
    position_m: Floats
    heading_rad: Floats


def read_boxes(folder: Path) -> tuple[list[Boxes], int]:
    """Every object of a log, the ego first, and how many repeated boxes were dropped.

    Raises: UnfitFileError.
    """
    try:
        rows = _read(folder, "annotations")
        poses = _read(folder, "city_SE3_egovehicle")
        return _objects(rows, poses)
    except (pyarrow.ArrowException, KeyError, TypeError, ValueError, IndexError) as error:
        raise UnfitFileError("unreadable") from error


def _read(folder: Path, name: str) -> Rows:
    found = sorted(folder.glob(f"{name}*.feather"))
    if not found:
        raise UnfitFileError(f"no_{name}")
    table = feather.read_table(found[0])
    # Text by way of a list: pyarrow would load pandas for it.
    return {
        name: np.array(table[name].to_pylist())
        if pyarrow.types.is_string(table[name].type)
        else table[name].to_numpy()
        for name in table.column_names
    }


def _objects(rows: Rows, poses: Rows) -> tuple[list[Boxes], int]:
    others = np.flatnonzero(rows["category"] != EGO)
    stamps = np.unique(rows["timestamp_ns"])
    if not len(others):
        raise UnfitFileError("no_boxes")
    if set(rows["category"][others]) - set(CATEGORIES):
        raise UnfitFileError("unknown_category")
    place, turn = _poses_at(stamps, poses)
    ego = Boxes(
        "ego",
        Category.VEHICLE,
        EGO_SIZE_M,
        stamps,
        place[:, :2] + EGO_CENTRE_M * turn[:, :2, 0],
        np.arctan2(turn[:, 1, 0], turn[:, 0, 0]),
    )
    rows = {name: column[others] for name, column in rows.items()}
    order = np.lexsort((rows["timestamp_ns"], rows["track_uuid"]))
    rows = {name: column[order] for name, column in rows.items()}
    repeated = np.zeros(len(order), bool)
    repeated[1:] = np.diff(rows["timestamp_ns"]) == 0
    repeated[1:] &= rows["track_uuid"][1:] == rows["track_uuid"][:-1]
    rows = {name: column[~repeated] for name, column in rows.items()}
    at = np.searchsorted(stamps, rows["timestamp_ns"])
    position = place[at] + np.einsum("nij,nj->ni", turn[at], _positions(rows))
    ahead = np.einsum("nij,nj->ni", turn[at], _rotations(rows)[:, :, 0])
    heading = np.arctan2(ahead[:, 1], ahead[:, 0])
    return [ego, *_by_object(rows, position[:, :2], heading)], int(repeated.sum())


def _by_object(rows: Rows, position_m: Floats, heading_rad: Floats) -> list[Boxes]:
    names, first = np.unique(rows["track_uuid"], return_index=True)
    parts = zip(names, first, [*first[1:], len(position_m)], strict=True)
    return [
        Boxes(
            str(name),
            CATEGORIES[rows["category"][begin]],
            (
                float(np.median(rows["length_m"][begin:end])),
                float(np.median(rows["width_m"][begin:end])),
            ),
            rows["timestamp_ns"][begin:end].astype(np.int64),
            position_m[begin:end],
            heading_rad[begin:end],
        )
        for name, begin, end in parts
    ]


def _poses_at(stamps: NDArray[np.int64], poses: Rows) -> tuple[Floats, Floats]:
    """[stamps, 3] and [stamps, 3, 3]: where the ego was and how it was turned."""
    known, at = np.unique(poses["timestamp_ns"], return_index=True)
    if not np.isin(stamps, known).all():
        raise UnfitFileError("boxes_without_pose")
    used = at[np.searchsorted(known, stamps)]
    rows = {name: column[used] for name, column in poses.items()}
    return _positions(rows), _rotations(rows)


def _positions(rows: Rows) -> Floats:
    found = np.stack([rows[f"t{axis}_m"] for axis in "xyz"], axis=1).astype(np.float64)
    if not np.isfinite(found).all():
        raise UnfitFileError("not_finite")
    if (np.abs(found) > FARTHEST_M).any():
        raise UnfitFileError("out_of_this_world")
    return found


def _rotations(rows: Rows) -> Floats:
    """[rows, 3, 3] of quaternions, scalar first."""
    q = np.stack([rows[f"q{part}"] for part in "wxyz"], axis=1).astype(np.float64)
    is_small = (np.abs(q) < 2.0).all()  # the squares of others may be too large for numbers
    if not is_small or not (np.abs(np.linalg.norm(q, axis=1) - 1.0) < 1e-3).all():
        raise UnfitFileError("bad_rotation")
    w, x, y, z = q.T
    turned = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(turned), 2, 0)
