"""A CommonRoad file as arrays: formats 2018b and 2020a read alike.

They differ in names: `obstacle` with a role, or `dynamicObstacle`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import lines
from drivetrain.data.converters.commonroad_lights import lights_of, signals_of
from drivetrain.data.converters.commonroad_map import crossings_of, lanes_of
from drivetrain.data.converters.commonroad_xml import number, root_of
from drivetrain.data.converters.contract import UnfitFileError
from drivetrain.data.lane_map import MapLane
from drivetrain.sim.config import STEP_S
from drivetrain.sim.scenario import Area, Category, Tracks

_CATEGORIES = {
    "pedestrian": Category.PEDESTRIAN,
    "bicycle": Category.BICYCLE,
    "roadBoundary": Category.STATIC,
    "constructionZone": Category.STATIC,
    "building": Category.STATIC,
    "pillar": Category.STATIC,
    "median_strip": Category.STATIC,
}
"""Everything else drives: cars, trucks, buses, motorcycles, priority and parked vehicles."""


MOST_STEPS = 36_000
"""An hour: a file that goes on for longer is damaged, and would fill the memory."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One file, parsed: who was there, and on which lanes.

    signals: [lights, steps], None for a file without lights.
    """

    name: str
    lanes: dict[str, MapLane]
    crossings: tuple[Area, ...]
    obstacles: list[str]
    tracks: Tracks
    signals: NDArray[np.uint8] | None
    origin_m: tuple[float, float] = (0.0, 0.0)


def parse(file: Path) -> Situation:
    """The file's lanelets, lights and obstacles, in a frame with its own origin.

    Raises: UnfitFileError.
    """
    root = root_of(file)
    if not _is_at_10_hz(root.get("timeStepSize", "")):
        raise UnfitFileError("other_time_step")
    try:
        lanes = lanes_of(root, lights_of(root))
        crossings = tuple(crossings_of(root))
        obstacles = _obstacles(root)
        tracks = _tracks(obstacles)
        signals = signals_of(root, tracks.valid.shape[1])
    except (AttributeError, TypeError, ValueError, KeyError, IndexError) as error:
        raise UnfitFileError("unreadable") from error
    if not lanes or not obstacles:
        raise UnfitFileError("no_cars_or_no_lanes")
    name = root.get("benchmarkID") or file.stem
    names = [obstacle.get("id", "") for obstacle in obstacles]
    return _centred(Situation(name, lanes, crossings, names, tracks, signals))


def _centred(situation: Situation) -> Situation:
    """The same situation around the middle of its map, to whole metres, for float32's sake."""
    bounds = np.concatenate(
        [np.concatenate([part.left_m, part.right_m]) for part in situation.lanes.values()]
    )
    origin = np.round(0.5 * (bounds.min(axis=0) + bounds.max(axis=0)))
    tracks, seen = situation.tracks, situation.tracks.valid
    return replace(
        situation,
        lanes={name: part.moved(-origin) for name, part in situation.lanes.items()},
        crossings=tuple(
            replace(area, rings_m=tuple(ring - origin for ring in area.rings_m))
            for area in situation.crossings
        ),
        tracks=replace(
            tracks,
            x_m=np.where(seen, tracks.x_m - origin[0], 0.0),
            y_m=np.where(seen, tracks.y_m - origin[1], 0.0),
        ),
        origin_m=(float(origin[0]), float(origin[1])),
    )


def _is_at_10_hz(text: str) -> bool:
    try:
        return abs(float(text) - STEP_S) <= 0.02 * STEP_S
    except ValueError:
        return False


def _obstacles(root: Element) -> list[Element]:
    found = [*root.findall("obstacle"), *root.findall("dynamicObstacle")]
    return [*found, *root.findall("staticObstacle")]


def _tracks(obstacles: Sequence[Element]) -> Tracks:
    states = [_states(obstacle) for obstacle in obstacles]
    steps = 1 + max((max(track) for track in states), default=0)
    rows = np.zeros((5, len(obstacles), steps))
    valid = np.zeros((len(obstacles), steps), bool)
    for at, (obstacle, track) in enumerate(zip(obstacles, states, strict=True)):
        seen = np.arange(steps) if _is_static(obstacle) else np.array(sorted(track))
        rows[:, at, seen] = np.array([track[min(step, max(track))] for step in seen]).T
        valid[at, seen] = True
    sizes = np.array([_size(obstacle) for obstacle in obstacles]).reshape(-1, 2)
    category = np.array([_category(obstacle) for obstacle in obstacles], np.uint8)
    x_m, y_m, heading, vx, vy = rows
    return Tracks(x_m, y_m, heading, vx, vy, valid, sizes[:, 0], sizes[:, 1], category)


def _is_static(obstacle: Element) -> bool:
    return obstacle.tag == "staticObstacle" or obstacle.findtext("role") == "static"


def _states(obstacle: Element) -> dict[int, tuple[float, ...]]:
    """By step: x, y, heading, vx, vy."""
    elements = [*obstacle.findall("initialState"), *obstacle.findall("trajectory/state")]
    states: dict[int, tuple[float, ...]] = {}
    for state in elements:
        step = int(number(state, "time/exact"))
        if step in states or not 0 <= step < MOST_STEPS:
            raise ValueError(f"step {step} stands twice, before the start or far beyond it")
        heading = number(state, "orientation/exact")
        speed = 0.0 if _is_static(obstacle) else number(state, "velocity/exact")
        states[step] = (
            number(state, "position/point/x"),
            number(state, "position/point/y"),
            float(lines.turned(np.array(heading))),
            speed * math.cos(heading),
            speed * math.sin(heading),
        )
    return states


def _size(obstacle: Element) -> tuple[float, float]:
    shape = obstacle.find("shape")
    if shape is None:
        raise ValueError("an obstacle has no shape")
    if shape.find("circle") is not None:
        across = 2 * number(shape, "circle/radius")
        return across, across
    return number(shape, "rectangle/length"), number(shape, "rectangle/width")


def _category(obstacle: Element) -> Category:
    return _CATEGORIES.get(obstacle.findtext("type") or "", Category.VEHICLE)
