"""What somebody recorded, cut into scenarios: who is the expert, when, and on which line."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from drivetrain.data import lane_map, lane_match, lines, smoothing
from drivetrain.data.driving_line import DrivingLine
from drivetrain.data.lane_map import MapLane
from drivetrain.data.lines import Floats
from drivetrain.sim.scenario import Area, Category, Path, Road, Scenario, Tracks

MOVES_M = 5.0
STANDS_M = 0.5
FREE_SPEED_MPS = 10.0
"""What nuPlan's IDM drivers like where no limit is known."""

TURN_RAD = 0.5
NEAR_LANES_M = 1.5
"""Cars cut corners and pass others; farther from every lane they park, or leave the map."""


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
    A window that shows fewer than `apart` steps which the one before did not is left out: it
    would be the same drive once more, and count as evidence of its own.
    """

    shortest: int
    longest: int = 151
    apart: int = 75

    def of(self, seen: slice, steps: int) -> Iterator[slice]:
        """The windows of the time that an expert is seen.  steps: of the recording."""
        shown = seen.start
        for begin in range(seen.start, seen.stop, self.apart):
            window = slice(begin, min(begin + self.longest, seen.stop))
            is_long = window.stop - window.start >= min(self.shortest, steps)
            if is_long and (shown == seen.start or window.stop - shown >= self.apart):
                shown = window.stop
                yield window


@dataclass(frozen=True, slots=True)
class _Drive:
    """The part of a vehicle's track that lies on lanes, and the line through them.

    steps: of the longest such part.  line: None where none fits.
    """

    steps: slice
    line: DrivingLine | None


def scenarios_of(recording: Recording, windows: Windows) -> Iterator[Scenario | str]:
    """A scenario per window of every moving vehicle, or the reason why not."""
    drives = _drives(recording)
    found = [
        (ego, window)
        for ego, drive in enumerate(drives)
        for window in (
            windows.of(drive.steps, recording.tracks.valid.shape[1]) if drive else ()
        )
        if _driven_m(recording.tracks, ego, window) > MOVES_M
    ]
    lines_driven = [drive.line.path for drive in drives if drive and drive.line]
    routes = _routes(recording.tracks, drives, {ego for ego, _ in found})
    road = _road(recording, [*lines_driven, *routes.values()])
    route_at = {ego: len(lines_driven) + at for at, ego in enumerate(routes)}
    agent_path = _numbered(drives)
    desired_mps = _desired(recording.tracks, road, agent_path)
    for ego, window in found:
        if ego not in route_at:
            yield "no_route"
            continue
        paths = _paths_in(recording.tracks, drives, agent_path, window)
        paths[ego] = route_at[ego]
        yield _scenario(recording, road, (paths, desired_mps), ego, window)


def _routes(tracks: Tracks, drives: Sequence[_Drive | None], egos: set[int]) -> dict[int, Path]:
    """The route of every ego that has a line, which its windows share."""
    routes = {}
    for ego in sorted(egos):
        drive = drives[ego]
        if drive and drive.line:
            routes[ego] = drive.line.as_route(_places(tracks, ego, drive.steps))
    return routes


def _drives(recording: Recording) -> list[_Drive | None]:
    """[agents] None for what is no vehicle, never moves, or is never on a lane."""
    outlines = [shapely.Polygon(part.outline_m) for part in recording.lanes.values()]
    on_lanes = shapely.buffer(shapely.union_all(shapely.make_valid(outlines)), NEAR_LANES_M)
    shapely.prepare(on_lanes)
    return [_drive(recording, at, on_lanes) for at in range(len(recording.objects))]


def _drive(recording: Recording, at: int, on_lanes: shapely.Geometry) -> _Drive | None:
    tracks = recording.tracks
    if tracks.category[at] != Category.VEHICLE or not tracks.valid[at].any():
        return None
    near = tracks.valid[at] & shapely.contains_xy(on_lanes, tracks.x_m[at], tracks.y_m[at])
    parts = list(smoothing.runs(near))
    if not parts:
        # No lane explains it; as an expert it counts as one without a route.
        parts = list(smoothing.runs(tracks.valid[at]))
    longest = max(parts, key=lambda part: part.stop - part.start)
    if _driven_m(tracks, at, longest) < STANDS_M:
        # A car that stands all the time waits for something unseen: it had better replay.
        return None
    return _Drive(longest, _line_of(recording, at, longest))


def _paths_in(
    tracks: Tracks,
    drives: Sequence[_Drive | None],
    agent_path: NDArray[np.int32],
    window: slice,
) -> NDArray[np.int32]:
    """[agents] each agent's path, but -1 for those that a window first shows off theirs."""
    first = window.start + tracks.valid[:, window].argmax(axis=1)
    is_on = [
        drive is not None and drive.steps.start <= step < drive.steps.stop
        for drive, step in zip(drives, first, strict=True)
    ]
    return np.where(is_on, agent_path, -1).astype(np.int32)


def _driven_m(tracks: Tracks, at: int, window: slice) -> float:
    seen = tracks.valid[at, window]
    points = _places(tracks, at, window)[seen]
    return float(lines.arc_length(points)[-1]) if len(points) else 0.0


def _places(tracks: Tracks, at: int, steps: slice) -> Floats:
    """[steps, 2] where somebody was."""
    return np.stack([tracks.x_m[at, steps], tracks.y_m[at, steps]], axis=1)


def _line_of(recording: Recording, at: int, steps: slice) -> DrivingLine | None:
    """The line a vehicle drove and would go on driving; None for one that strayed."""
    tracks = recording.tracks
    lanes = {name: part.lane for name, part in recording.lanes.items()}
    positions = _places(tracks, at, steps)
    heading = tracks.heading_rad[at, steps]
    stays = lane_match.match(lanes, positions, heading)
    speed = float(np.hypot(tracks.vx_mps[at, steps], tracks.vy_mps[at, steps]).mean())
    # Not all change lanes as slowly as the rule says: the shortest change may fit as well.
    for pace in (speed, 0.0) if stays else ():
        line = lane_match.driving_line(lanes, stays, pace)
        if lane_match.is_sane(line.path, positions, heading):
            return line
    return None


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


def _numbered(drives: Sequence[_Drive | None]) -> NDArray[np.int32]:
    """[agents] the row of each agent's line among those that there are, else -1."""
    has_line = np.array([drive is not None and drive.line is not None for drive in drives])
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
    positions = _places(tracks, ego, window)[[0, -1]]
    # The line's heading, not the car's: recorded headings jitter by half a radian.
    _, _, heading = lines.project(route.points_m, positions)
    turn = float(lines.turned(heading[1:] - heading[:1])[0])
    if abs(turn) < TURN_RAD:
        return "lane_keep"
    return "turn_left" if turn > 0 else "turn_right"
