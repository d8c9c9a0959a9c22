"""CommonRoad scenarios (formats 2018b and 2020a) as scenarios with an expert.

The file's planning problem has no ego trajectory: the recorded car behind it was removed. So
every obstacle that is seen all the time and moves becomes the ego of one scenario. Positions
are box centres, velocities scalar speeds along the heading, times integer steps of 0.1 s.
"""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from drivetrain.data import lane_match, lines, surface
from drivetrain.data.converters.commonroad_file import Lanelet, Situation, parse
from drivetrain.data.converters.contract import Options, UnfitFileError
from drivetrain.data.lane_match import Lane
from drivetrain.data.lines import Floats
from drivetrain.errors import NotFoundError
from drivetrain.sim.scenario import Category, Road, Scenario, Tracks
from drivetrain.sim.scenario import Path as DrivingLine
from drivetrain.text import quote

__all__ = ["UnfitFileError", "files_in", "recording_of", "scenarios_of"]

VERSION = 1
SOURCE = "commonroad"
LICENCE = "BSD-3-Clause"

MOVES_M = 5.0
STANDS_M = 0.5
FREE_SPEED_MPS = 10.0
"""What nuPlan's IDM drivers like where no limit is known."""

TURN_RAD = 0.5

_RECORDING = re.compile(r"^(?:C-)?([A-Z]{3}_[A-Za-z0-9]+)-\d+_")


def files_in(sources: Sequence[Path]) -> list[Path]:
    """The XML files named, and those below the folders named, in order.

    Raises: NotFoundError where there are none.
    """
    found: list[Path] = []
    for source in sources:
        named = sorted(source.rglob("*.xml")) if source.is_dir() else [source]
        # Reading a pipe would wait for ever.
        files = [file for file in named if file.is_file()]
        if not files:
            raise NotFoundError(
                f"There is no CommonRoad file at {quote(str(source), 200)}; name `.xml` files "
                f"or folders that hold some: `/train data convert commonroad SOURCE --out DIR`."
            )
        found += files
    return list(dict.fromkeys(found))


def scenarios_of(file: Path, options: Options | None = None) -> Iterator[Scenario | str]:
    """The scenarios of a file, or for each one left out the reason.

    Raises: UnfitFileError where the file as a whole is no use.
    """
    del options  # there is nothing to choose
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


def recording_of(name: str) -> str:
    """The recording behind a benchmark id: `USA_US101-4_1_T-1` comes from `USA_US101`.

    Its numbers are a map and a time of the same recording, so they must not be split apart.
    """
    found = _RECORDING.match(name)
    return found.group(1) if found else name


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
