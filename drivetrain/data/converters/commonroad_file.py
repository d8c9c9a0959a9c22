"""A CommonRoad file as arrays: formats 2018b and 2020a read alike.

They differ in names (`obstacle` with a role, `dynamicObstacle`) and in where limits stand (a
number of the lanelet, a sign it refers to).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree as SafeTree
import numpy as np
from defusedxml import DefusedXmlException

from drivetrain.data import lines
from drivetrain.data.converters.contract import UnfitFileError
from drivetrain.data.lane_match import Lane
from drivetrain.data.lines import Floats
from drivetrain.sim.config import STEP_S
from drivetrain.sim.scenario import Category, Tracks

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
class Lanelet:
    """A lane piece as the file has it: bounds [points, 2] and its place in the network."""

    lane: Lane
    left_m: Floats
    right_m: Floats
    has_predecessor: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """One file, parsed: who was there, and on which lanes."""

    name: str
    lanelets: dict[str, Lanelet]
    obstacles: list[str]
    tracks: Tracks
    origin_m: tuple[float, float]


def parse(file: Path) -> Situation:
    """The file's lanelets and obstacles, in a frame with its own origin.

    Raises: UnfitFileError.
    """
    root = _root(file)
    if not _is_at_10_hz(root.get("timeStepSize", "")):
        raise UnfitFileError("other_time_step")
    try:
        lanelets = _lanelets(root)
        obstacles = _obstacles(root)
        tracks = _tracks(obstacles)
    except (AttributeError, TypeError, ValueError, KeyError, IndexError) as error:
        raise UnfitFileError("unreadable") from error
    if not lanelets or not obstacles:
        raise UnfitFileError("no_cars_or_no_lanes")
    name = root.get("benchmarkID") or file.stem
    return _centred(
        Situation(name, lanelets, [o.get("id", "") for o in obstacles], tracks, (0.0, 0.0))
    )


def _centred(situation: Situation) -> Situation:
    """The same situation around the middle of its map, to whole metres, for float32's sake."""
    bounds = np.concatenate(
        [np.concatenate([part.left_m, part.right_m]) for part in situation.lanelets.values()]
    )
    origin = np.round(0.5 * (bounds.min(axis=0) + bounds.max(axis=0)))
    tracks, seen = situation.tracks, situation.tracks.valid
    return replace(
        situation,
        lanelets={
            name: Lanelet(
                replace(part.lane, centre_m=part.lane.centre_m - origin),
                part.left_m - origin,
                part.right_m - origin,
                part.has_predecessor,
            )
            for name, part in situation.lanelets.items()
        },
        tracks=replace(
            tracks,
            x_m=np.where(seen, tracks.x_m - origin[0], 0.0),
            y_m=np.where(seen, tracks.y_m - origin[1], 0.0),
        ),
        origin_m=(float(origin[0]), float(origin[1])),
    )


def _root(file: Path) -> Element:
    try:
        # Entities and DTDs are refused: a scenario never needs them, an attack does.
        root: Element = SafeTree.parse(file, forbid_dtd=True).getroot()
    except (ParseError, DefusedXmlException, UnicodeDecodeError) as error:
        raise UnfitFileError("unreadable") from error
    if root.tag != "commonRoad":
        raise UnfitFileError("not_commonroad")
    return root


def _is_at_10_hz(text: str) -> bool:
    try:
        return abs(float(text) - STEP_S) <= 0.02 * STEP_S
    except ValueError:
        return False


def _number(element: Element, path: str) -> float:
    """The exact number below an element.

    Raises: ValueError where it is missing, an interval, or no number of this world.
    """
    text = element.findtext(path)
    if text is None:
        raise ValueError(f"{element.tag} lacks {path}")
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{path} is {number}")
    return number


def _lanelets(root: Element) -> dict[str, Lanelet]:
    signs = _sign_limits(root)
    elements = {str(e.get("id")): e for e in root.findall("lanelet")}
    return {name: _lanelet(name, e, elements, signs) for name, e in elements.items()}


def _lanelet(
    name: str, element: Element, known: dict[str, Element], signs: dict[str, float]
) -> Lanelet:
    left, right = _points(element, "leftBound"), _points(element, "rightBound")
    if len(left) != len(right):
        count = max(len(left), len(right))
        left, right = (_evenly(bound, count) for bound in (left, right))
    centre = 0.5 * (left + right)
    new = lines.without_repeats(centre)
    neighbours = [
        str(beside.get("ref"))
        for beside in (*element.findall("adjacentLeft"), *element.findall("adjacentRight"))
        if beside.get("drivingDir") == "same"
    ]
    onward = [str(after.get("ref")) for after in element.findall("successor")]
    lane = Lane(
        id=name,
        centre_m=centre[new],
        half_width_m=0.5 * np.hypot(*(left - right)[new].T),
        successors=tuple(ref for ref in onward if ref in known),
        neighbours=tuple(ref for ref in neighbours if ref in known),
        limit_mps=_limit(element, signs),
    )
    return Lanelet(lane, left, right, element.find("predecessor") is not None)


def _points(element: Element, bound: str) -> Floats:
    points = [(_number(p, "x"), _number(p, "y")) for p in element.findall(f"{bound}/point")]
    return np.array(points, dtype=np.float64).reshape(-1, 2)


def _evenly(bound: Floats, count: int) -> Floats:
    return lines.at(bound, np.linspace(0.0, lines.arc_length(bound)[-1], count))


def _limit(element: Element, signs: dict[str, float]) -> float:
    """The lanelet's limit in m/s: a number (2018b), a sign (2020a), or NaN for none."""
    if element.find("speedLimit") is not None:
        return _number(element, "speedLimit")
    refs = [str(sign.get("ref")) for sign in element.findall("trafficSignRef")]
    return min((signs[ref] for ref in refs if ref in signs), default=math.nan)


def _sign_limits(root: Element) -> dict[str, float]:
    """Speed limits by sign: R2-1 in the USA, 274 in Germany and its kin, already in m/s."""
    limits = {}
    for sign in root.findall("trafficSign"):
        for part in sign.findall("trafficSignElement"):
            if part.findtext("trafficSignID") in ("R2-1", "274"):
                limits[str(sign.get("id"))] = _number(part, "additionalValue")
    return limits


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
        step = int(_number(state, "time/exact"))
        if step in states or not 0 <= step < MOST_STEPS:
            raise ValueError(f"step {step} stands twice, before the start or far beyond it")
        heading = _number(state, "orientation/exact")
        speed = 0.0 if _is_static(obstacle) else _number(state, "velocity/exact")
        states[step] = (
            _number(state, "position/point/x"),
            _number(state, "position/point/y"),
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
        across = 2 * _number(shape, "circle/radius")
        return across, across
    return _number(shape, "rectangle/length"), _number(shape, "rectangle/width")


def _category(obstacle: Element) -> Category:
    return _CATEGORIES.get(obstacle.findtext("type") or "", Category.VEHICLE)
