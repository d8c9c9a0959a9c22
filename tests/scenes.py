"""Small traffic scenes, built by hand, for any test that needs something to drive."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.scenario import Area, AreaKind, Category, Lane, Path, Road, Scenario, Tracks

Floats = NDArray[np.float64]

LANE_M = 3.6
EGO_LENGTH_M, EGO_WIDTH_M = 5.176, 2.297


def line(points_m: Floats, limit_mps: float = 15.0, half_width_m: float = LANE_M / 2) -> Path:
    """A path with one width and one limit."""
    count = len(points_m)
    return Path(
        np.asarray(points_m, np.float64),
        np.full(count, half_width_m),
        np.full(count, limit_mps),
    )


def arc(radius_m: float, length_m: float, aside_m: float = 0.0) -> Floats:
    """Points of a left turn that starts at the origin towards +x, shifted to its left.

    An infinite radius is a straight line.  Returns [points, 2].
    """
    along = np.linspace(0.0, length_m, max(int(length_m), 2) + 1)
    if np.isinf(radius_m):
        return np.column_stack([along, np.full_like(along, aside_m)])
    angle = along / radius_m
    radius = radius_m - aside_m
    return np.column_stack([radius * np.sin(angle), radius_m - radius * np.cos(angle)])


def edges_along(points_m: Floats) -> Floats:
    """A chain of road edges through points.  [points, 2] -> [points - 1, 4]."""
    return np.column_stack([points_m[:-1], points_m[1:]])


def road(radius_m: float = np.inf, length_m: float = 200.0, lanes: int = 3) -> Road:
    """Lanes side by side, lane 0 rightmost along the origin, with an edge on both sides."""
    paths = tuple(line(arc(radius_m, length_m, lane * LANE_M)) for lane in range(lanes))
    right = arc(radius_m, length_m, -LANE_M / 2)
    left = arc(radius_m, length_m, (lanes - 0.5) * LANE_M)
    edges = np.concatenate([edges_along(right), edges_along(left)])
    return Road(
        f"road-{radius_m}-{length_m}-{lanes}",
        paths,
        edges,
        lanes=tuple(lane(radius_m, length_m, number) for number in range(lanes)),
        areas=(Area(AreaKind.DRIVABLE, (np.concatenate([right, left[::-1]]),)),),
    )


def lane(radius_m: float, length_m: float, number: int) -> Lane:
    """Lane `number` of such a road, as its map has it."""
    right = arc(radius_m, length_m, (number - 0.5) * LANE_M)
    left = arc(radius_m, length_m, (number + 0.5) * LANE_M)
    return Lane(
        outline_m=np.concatenate([right, left[::-1]]),
        baseline_m=arc(radius_m, length_m, number * LANE_M),
        limit_mps=15.0,
        block=0,
        is_connector=False,
    )


def flat_lane(begin_m: Floats, end_m: Floats, half_width_m: float) -> Road:
    """A road of one straight lane from point to point, without an edge."""
    ahead = (end_m - begin_m) / np.linalg.norm(end_m - begin_m)
    aside = half_width_m * np.array([-ahead[1], ahead[0]])
    corners = np.stack([begin_m + aside, end_m + aside, end_m - aside, begin_m - aside])
    middle = np.stack([begin_m, end_m])
    alone = Lane(corners, middle, 15.0, block=0, is_connector=False)
    path = line(middle, half_width_m=half_width_m)
    return Road(
        "flat", (path,), np.empty((0, 4)), (alone,), (Area(AreaKind.DRIVABLE, (corners,)),)
    )


def track_on(path: Path, start_m: float, speed_mps: float, steps: int) -> Floats:
    """x, y, heading, vx, vy of a drive at constant speed along a path.  [5, steps]."""
    points = path.points_m
    arc_m = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = start_m + speed_mps * 0.1 * np.arange(steps)
    x, y = (np.interp(at, arc_m, points[:, axis]) for axis in (0, 1))
    ahead = [np.interp(at + 0.5, arc_m, points[:, axis]) for axis in (0, 1)]
    behind = [np.interp(at - 0.5, arc_m, points[:, axis]) for axis in (0, 1)]
    heading = np.arctan2(ahead[1] - behind[1], ahead[0] - behind[0])
    return np.stack([x, y, heading, speed_mps * np.cos(heading), speed_mps * np.sin(heading)])


def scene(
    on: Road,
    drives: list[tuple[int, float, float]],
    *,
    steps: int = 151,
    name: str = "scene",
    desired_mps: float = np.nan,
) -> Scenario:
    """A scenario of drives (lane, start in m, speed in m/s); the first is the ego.

    Who stands in the log desires to stand; everybody else drives as desired_mps says.
    """
    rows = np.stack([track_on(on.paths[lane], at, v, steps) for lane, at, v in drives], axis=1)
    count = len(drives)
    tracks = Tracks(
        x_m=rows[0],
        y_m=rows[1],
        heading_rad=rows[2],
        vx_mps=rows[3],
        vy_mps=rows[4],
        valid=np.ones((count, steps), np.bool_),
        length_m=np.array([EGO_LENGTH_M] + [4.6] * (count - 1)),
        width_m=np.array([EGO_WIDTH_M] + [1.9] * (count - 1)),
        category=np.full(count, Category.VEHICLE, np.uint8),
    )
    return Scenario(
        id=name,
        source="hand",
        log="hand",
        group="hand",
        type="hand",
        licence="generated",
        origin_m=(0.0, 0.0),
        road=on,
        tracks=tracks,
        ego=0,
        route=drives[0][0],
        agent_path=np.array([lane for lane, _, _ in drives], np.int32),
        desired_mps=np.array([desired_mps if v > 0 else 0.0 for _, _, v in drives]),
    )


def moved(scenario: Scenario, angle_rad: float, by_m: tuple[float, float]) -> Scenario:
    """The same scene somewhere else: turned around the origin, then shifted."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    turn = np.array([[cos, sin], [-sin, cos]])

    def place(points: Floats) -> Floats:
        return np.asarray(points @ turn + np.asarray(by_m), np.float64)

    paths = tuple(replace(path, points_m=place(path.points_m)) for path in scenario.road.paths)
    lanes = tuple(
        replace(lane, outline_m=place(lane.outline_m), baseline_m=place(lane.baseline_m))
        for lane in scenario.road.lanes
    )
    areas = tuple(
        replace(area, rings_m=tuple(place(ring) for ring in area.rings_m))
        for area in scenario.road.areas
    )
    edges = scenario.road.edges_m
    edges = np.column_stack([place(edges[:, :2]), place(edges[:, 2:])])
    tracks = scenario.tracks
    xy = place(np.stack([tracks.x_m, tracks.y_m], axis=-1))
    velocity = np.stack([tracks.vx_mps, tracks.vy_mps], axis=-1) @ turn
    return replace(
        scenario,
        road=replace(scenario.road, paths=paths, edges_m=edges, lanes=lanes, areas=areas),
        tracks=replace(
            tracks,
            x_m=xy[..., 0],
            y_m=xy[..., 1],
            heading_rad=tracks.heading_rad + angle_rad,
            vx_mps=velocity[..., 0],
            vy_mps=velocity[..., 1],
        ),
    )
