"""CommonRoad scenarios (formats 2018b and 2020a) as scenarios with an expert.

The file's planning problem has no ego trajectory: the recorded car behind it was removed. So
every obstacle that is seen all the time and moves becomes the ego of one scenario. Positions
are box centres, velocities scalar speeds along the heading, times integer steps of 0.1 s.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree as SafeTree
import numpy as np
import shapely
from defusedxml import DefusedXmlException
from numpy.typing import NDArray

from drivetrain.data import lane_match, lines, surface
from drivetrain.data.lane_match import Lane
from drivetrain.data.lines import Floats
from drivetrain.errors import NotFoundError
from drivetrain.sim.config import STEP_S
from drivetrain.sim.scenario import Category, Road, Scenario, Tracks
from drivetrain.sim.scenario import Path as DrivingLine

VERSION = 1
SOURCE = "commonroad"
LICENCE = "BSD-3-Clause"

MOVES_M = 5.0
STANDS_M = 0.5
FREE_SPEED_MPS = 10.0
"""What nuPlan's IDM drivers like where no limit is known."""

TURN_RAD = 0.5
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

_RECORDING = re.compile(r"^(?:C-)?([A-Z]{3}_[A-Za-z0-9]+)-\d+_")


class UnfitFileError(Exception):
    """A file that cannot become scenarios; the text is the reason it is counted under."""


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


def files_in(sources: Sequence[Path]) -> list[Path]:
    """The XML files named, and those below the folders named, in order.

    Raises: NotFoundError where there are none.
    """
    found: list[Path] = []
    for source in sources:
        files = sorted(source.rglob("*.xml")) if source.is_dir() else [source]
        if not files or not files[0].is_file():
            raise NotFoundError(
                f"There is no CommonRoad file at `{source}`; name `.xml` files or folders that "
                f"hold some: `/train data convert commonroad SOURCE --out DIR`."
            )
        found += files
    return list(dict.fromkeys(found))


def scenarios_of(file: Path) -> Iterator[Scenario | str]:
    """The scenarios of a file, or for each one left out the reason.

    Raises: UnfitFileError where the file as a whole is no use.
    """
    situation = parse(file)
    egos = [at for at in range(len(situation.obstacles)) if _is_expert(situation.tracks, at)]
    lanes = {name: lanelet.lane for name, lanelet in situation.lanelets.items()}
    driven = [_line_of(lanes, situation.tracks, at) for at in range(len(situation.obstacles))]
    road, drivable, agent_path = _road(situation, driven)
    for ego in egos:
        if agent_path[ego] < 0:
            yield "no_route"
        elif not drivable.contains(_place(situation.tracks, ego)):
            yield "starts_off_road"
        else:
            yield _scenario(situation, road, agent_path, ego)


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


def recording_of(name: str) -> str:
    """The recording behind a benchmark id: `USA_US101-4_1_T-1` comes from `USA_US101`.

    Its numbers are a map and a time of the same recording, so they must not be split apart.
    """
    found = _RECORDING.match(name)
    return found.group(1) if found else name


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

    Raises: ValueError where it is missing, or an interval.
    """
    text = element.findtext(path)
    if text is None:
        raise ValueError(f"{element.tag} lacks {path}")
    return float(text)


# Lanelets


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


# Obstacles


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
        if step in states or step < 0:
            raise ValueError(f"step {step} stands twice or before the start")
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


# From a file's situation to scenarios


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


def _driven_m(tracks: Tracks, at: int) -> float:
    seen = tracks.valid[at]
    points = np.stack([tracks.x_m[at, seen], tracks.y_m[at, seen]], axis=1)
    return float(lines.arc_length(points)[-1])


def _is_expert(tracks: Tracks, at: int) -> bool:
    is_vehicle = tracks.category[at] == Category.VEHICLE
    return bool(is_vehicle and tracks.valid[at].all() and _driven_m(tracks, at) > MOVES_M)


def _line_of(lanes: dict[str, Lane], tracks: Tracks, at: int) -> DrivingLine | None:
    """The line a vehicle drove and would go on driving; None for one that stood or strayed."""
    if tracks.category[at] != Category.VEHICLE or _driven_m(tracks, at) < STANDS_M:
        # A car that stands all the time waits for something unseen: it had better replay.
        return None
    seen = tracks.valid[at]
    positions = np.stack([tracks.x_m[at, seen], tracks.y_m[at, seen]], axis=1)
    heading = tracks.heading_rad[at, seen]
    stays = lane_match.match(lanes, positions, heading)
    if not stays:
        return None
    speed = float(np.hypot(tracks.vx_mps[at, seen], tracks.vy_mps[at, seen]).mean())
    line = lane_match.driving_line(lanes, stays, speed)
    return line if lane_match.is_sane(line, positions, heading) else None


def _road(
    situation: Situation, driven: Sequence[DrivingLine | None]
) -> tuple[Road, shapely.Geometry, NDArray[np.int32]]:
    """The road that all scenarios of the file share, its surface, and each agent's line."""
    lanelets = situation.lanelets
    drivable = surface.union(
        [np.concatenate([part.left_m, part.right_m[::-1]]) for part in lanelets.values()]
    )
    open_ends = [end for name in lanelets for end in _open_ends(lanelets, name)]
    agent_path = np.full(len(driven), -1, np.int32)
    agent_path[[line is not None for line in driven]] = np.arange(
        sum(line is not None for line in driven)
    )
    paths = tuple(line for line in driven if line is not None)
    road = Road(situation.name, paths, surface.edges(drivable, open_ends))
    return road, drivable, agent_path


def _open_ends(lanelets: dict[str, Lanelet], name: str) -> Iterator[Floats]:
    """The lines across a lane where the map ends although the lane does not.

    A lane that ends beside one that goes on is a lane drop: there the road really narrows.
    """
    part = lanelets[name]
    beside = [lanelets[other] for other in part.lane.neighbours]
    if not part.lane.successors and not any(other.lane.successors for other in beside):
        yield np.stack([part.left_m[-1], part.right_m[-1]])
    if not part.has_predecessor and not any(other.has_predecessor for other in beside):
        yield np.stack([part.left_m[0], part.right_m[0]])


def _place(tracks: Tracks, ego: int) -> shapely.Point:
    return shapely.Point(tracks.x_m[ego, 0], tracks.y_m[ego, 0])


def _scenario(
    situation: Situation, road: Road, agent_path: NDArray[np.int32], ego: int
) -> Scenario:
    return Scenario(
        id=f"{situation.name}/{situation.obstacles[ego]}",
        source=SOURCE,
        log=situation.name,
        group=recording_of(situation.name),
        type=_type(situation.tracks, road.paths[agent_path[ego]], ego),
        licence=LICENCE,
        origin_m=situation.origin_m,
        road=road,
        tracks=situation.tracks,
        ego=ego,
        route=int(agent_path[ego]),
        agent_path=agent_path,
        desired_mps=_desired(situation.tracks, road, agent_path),
    )


def _desired(tracks: Tracks, road: Road, agent_path: NDArray[np.int32]) -> Floats:
    """[agents] NaN where the line has limits; else what the car drove, or nuPlan's 10 m/s."""
    fastest = np.hypot(tracks.vx_mps, tracks.vy_mps).max(axis=1)
    has_limits = np.array(
        [at < 0 or bool(np.isfinite(road.paths[at].limit_mps).all()) for at in agent_path]
    )
    return np.where(has_limits, math.nan, np.maximum(fastest, FREE_SPEED_MPS))


def _type(tracks: Tracks, route: DrivingLine, ego: int) -> str:
    """What the expert did: `turn_left`, `turn_right`, `lane_keep`."""
    positions = np.stack([tracks.x_m[ego], tracks.y_m[ego]], axis=1)[[0, -1]]
    # The line's heading, not the car's: recorded headings jitter by half a radian.
    _, _, heading = lines.project(route.points_m, positions)
    turn = float(lines.turned(heading[1:] - heading[:1])[0])
    if abs(turn) < TURN_RAD:
        return "lane_keep"
    return "turn_left" if turn > 0 else "turn_right"
