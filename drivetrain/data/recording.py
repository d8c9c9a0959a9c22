"""What somebody recorded, cut into scenarios: who is the expert, when, and on which line."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from drivetrain.data import lane_map, lane_match, lines, smoothing
from drivetrain.data.lane_map import MapLane
from drivetrain.data.lines import Floats
from drivetrain.sim.scenario import Area, Category, Path, Road, Scenario, Tracks

MOVES_M = 5.0
STANDS_M = 0.5
FREE_SPEED_MPS = 10.0
"""What nuPlan's IDM drivers like where no limit is known."""

TURN_RAD = 0.5


@dataclass(frozen=True, slots=True)
class Recording:
    """Everybody's tracks on one map, around an origin of its own.

    objects: [agents] their names.  drivable: the ground; edges_m: [edges, 4] its boundary.
    more_areas: besides the ground and the intersections.
    signals: [lights, steps], None without lights.
    """

    name: str
    group: str
    source: str
    licence: str
    objects: Sequence[str]
    tracks: Tracks
    lanes: Mapping[str, MapLane]
    drivable: shapely.Geometry
    edges_m: Floats
    origin_m: tuple[float, float]
    more_areas: tuple[Area, ...] = ()
    signals: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Windows:
    """How long the scenarios of a recording are, and how far apart they begin, in steps.

    shortest: where the recording itself is shorter, all of it.
    """

    shortest: int
    longest: int = 151
    apart: int = 75

    def of(self, seen: slice, steps: int) -> Iterator[slice]:
        """The windows of the time that an expert is seen.  steps: of the recording."""
        for begin in range(seen.start, seen.stop, self.apart):
            window = slice(begin, min(begin + self.longest, seen.stop))
            if window.stop - window.start >= min(self.shortest, steps):
                yield window


def scenarios_of(recording: Recording, windows: Windows) -> Iterator[Scenario | str]:
    """A scenario per window of every moving vehicle, or the reason why not."""
    lines_of = [_line_of(recording, at) for at in range(len(recording.objects))]
    road = _road(recording, [line for line in lines_of if line is not None])
    agent_path = _numbered(lines_of)
    drivers = (agent_path, _desired(recording.tracks, road, agent_path))
    for ego in range(len(recording.objects)):
        for window in _experts_windows(recording.tracks, ego, windows):
            yield _scenario(recording, road, drivers, ego, window)


def _experts_windows(tracks: Tracks, ego: int, windows: Windows) -> Iterator[slice]:
    if tracks.category[ego] != Category.VEHICLE:
        return
    for seen in smoothing.runs(tracks.valid[ego]):
        for window in windows.of(seen, tracks.valid.shape[1]):
            if _driven_m(tracks, ego, window) > MOVES_M:
                yield window


def _driven_m(tracks: Tracks, at: int, window: slice) -> float:
    seen = tracks.valid[at, window]
    points = np.stack([tracks.x_m[at, window], tracks.y_m[at, window]], axis=1)[seen]
    return float(lines.arc_length(points)[-1]) if len(points) else 0.0


def _line_of(recording: Recording, at: int) -> Path | None:
    """The line a vehicle drove and would go on driving; None for one that stood or strayed."""
    tracks = recording.tracks
    whole = slice(0, tracks.valid.shape[1])
    if tracks.category[at] != Category.VEHICLE or _driven_m(tracks, at, whole) < STANDS_M:
        # A car that stands all the time waits for something unseen: it had better replay.
        return None
    lanes = {name: part.lane for name, part in recording.lanes.items()}
    seen = tracks.valid[at]
    positions = np.stack([tracks.x_m[at, seen], tracks.y_m[at, seen]], axis=1)
    heading = tracks.heading_rad[at, seen]
    stays = lane_match.match(lanes, positions, heading)
    if not stays:
        return None
    speed = float(np.hypot(tracks.vx_mps[at, seen], tracks.vy_mps[at, seen]).mean())
    line = lane_match.driving_line(lanes, stays, speed)
    return line if lane_match.is_sane(line, positions, heading) else None


def _road(recording: Recording, paths: Sequence[Path]) -> Road:
    """The road that all scenarios of the recording share."""
    return Road(
        recording.name,
        tuple(paths),
        recording.edges_m,
        lane_map.road_lanes(recording.lanes),
        (*lane_map.areas(recording.lanes, recording.drivable), *recording.more_areas),
        0 if recording.signals is None else len(recording.signals),
    )


def _numbered(lines_of: Sequence[Path | None]) -> NDArray[np.int32]:
    """[agents] the row of each agent's line among those that there are, else -1."""
    has_line = np.array([line is not None for line in lines_of], bool)
    return np.where(has_line, np.cumsum(has_line) - 1, -1).astype(np.int32)


def _scenario(
    recording: Recording,
    road: Road,
    drivers: tuple[NDArray[np.int32], Floats],
    ego: int,
    window: slice,
) -> Scenario | str:
    agent_path, desired_mps = drivers
    tracks = recording.tracks
    if agent_path[ego] < 0:
        return "no_route"
    if not recording.drivable.contains(
        shapely.Point(tracks.x_m[ego, window.start], tracks.y_m[ego, window.start])
    ):
        return "starts_off_road"
    present = np.asarray(tracks.valid[:, window].any(axis=1))
    begins = f"@{window.start}" if window.start else ""
    signals = recording.signals
    return Scenario(
        id=f"{recording.name}/{recording.objects[ego]}{begins}",
        source=recording.source,
        log=recording.name,
        group=recording.group,
        type=_type(tracks, road.paths[agent_path[ego]], ego, window),
        licence=recording.licence,
        origin_m=recording.origin_m,
        road=road,
        tracks=_cut(tracks, present, window),
        ego=int(present[:ego].sum()),
        route=int(agent_path[ego]),
        agent_path=agent_path[present],
        desired_mps=desired_mps[present],
        signals=None if signals is None else signals[:, window],
    )


def _cut(tracks: Tracks, present: NDArray[np.bool_], window: slice) -> Tracks:
    """The tracks of those who are there during a window."""
    per_agent = {
        name: getattr(tracks, name)[present] for name in ("length_m", "width_m", "category")
    }
    per_step = {
        name: getattr(tracks, name)[present, window]
        for name in ("x_m", "y_m", "heading_rad", "vx_mps", "vy_mps", "valid")
    }
    return replace(tracks, **per_agent, **per_step)


def _desired(tracks: Tracks, road: Road, agent_path: NDArray[np.int32]) -> Floats:
    """[agents] NaN where the line has limits; else what the car drove, or nuPlan's 10 m/s."""
    fastest = np.hypot(tracks.vx_mps, tracks.vy_mps).max(axis=1)
    has_limits = np.array(
        [at < 0 or bool(np.isfinite(road.paths[at].limit_mps).all()) for at in agent_path]
    )
    return np.where(has_limits, math.nan, np.maximum(fastest, FREE_SPEED_MPS))


def _type(tracks: Tracks, route: Path, ego: int, window: slice) -> str:
    """What the expert did: `turn_left`, `turn_right`, `lane_keep`."""
    positions = np.stack([tracks.x_m[ego, window], tracks.y_m[ego, window]], axis=1)[[0, -1]]
    # The line's heading, not the car's: recorded headings jitter by half a radian.
    _, _, heading = lines.project(route.points_m, positions)
    turn = float(lines.turned(heading[1:] - heading[:1])[0])
    if abs(turn) < TURN_RAD:
        return "lane_keep"
    return "turn_left" if turn > 0 else "turn_right"
