"""Whether a scenario may enter a set: rejected with a reason, never repaired in silence."""

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import boxes
from drivetrain.sim import grid
from drivetrain.sim.config import STEP_S
from drivetrain.sim.scenario import Road, Scenario, Tracks

MAX_SPEED_MPS = 70.0
MAX_SIZE_M = 30.0
MAX_JUMP_M = 2.0
"""How far beyond speed times time an object may move in one step."""


def fault(scenario: Scenario) -> str | None:
    """The first reason to leave a scenario out, or None for a good one."""
    for reason, is_bad in _CHECKS.items():
        if is_bad(scenario):
            return reason
    return None


def _is_misshapen(scenario: Scenario) -> bool:
    tracks = scenario.tracks
    shape = tracks.x_m.shape
    same = all(
        part.shape == shape
        for part in (tracks.y_m, tracks.heading_rad, tracks.vx_mps, tracks.vy_mps, tracks.valid)
    )
    agents = (tracks.length_m, tracks.width_m, tracks.category)
    driven = (scenario.agent_path, scenario.desired_mps)
    return not (
        same
        and len(shape) == 2
        and shape[1] >= 2
        and all(part.shape == shape[:1] for part in (*agents, *driven))
    )


def _points_nowhere(scenario: Scenario) -> bool:
    paths = len(scenario.road.paths)
    agents = len(scenario.tracks.x_m)
    return not (
        0 <= scenario.ego < agents
        and 0 <= scenario.route < paths
        and bool((scenario.agent_path >= -1).all())
        and bool((scenario.agent_path < paths).all())
    )


def _is_not_finite(scenario: Scenario) -> bool:
    t = scenario.tracks
    numbers = [t.x_m, t.y_m, t.heading_rad, t.vx_mps, t.vy_mps, t.length_m, t.width_m]
    numbers.append(np.array(scenario.origin_m))
    numbers += [*_points(scenario.road), *(path.half_width_m for path in scenario.road.paths)]
    may_be_nan = [scenario.desired_mps, *(path.limit_mps for path in scenario.road.paths)]
    may_be_nan.append(np.array([lane.limit_mps for lane in scenario.road.lanes]))
    # A road has hundreds of paths: one look at all numbers is much sooner than one at each.
    return bool(
        not np.isfinite(np.concatenate([part.ravel() for part in numbers])).all()
        or np.isinf(np.concatenate(may_be_nan)).any()
    )


def _has_a_path_without_length(scenario: Scenario) -> bool:
    return any(
        len(path.points_m) < 2 or bool((path.points_m == path.points_m[0]).all())
        for path in scenario.road.paths
    )


def _has_too_large_a_road(scenario: Scenario) -> bool:
    # One point at the end of the world: its road would fill the memory.
    points = [part.reshape(-1, 2) for part in _points(scenario.road)]
    return not grid.fits(np.concatenate(points))


def _points(road: Road) -> list[NDArray[np.float64]]:
    """Whatever a road has of points, each [numbers] or [points, 2]."""
    points = [road.edges_m.ravel(), *(path.points_m for path in road.paths)]
    for lane in road.lanes:
        points += [lane.outline_m, lane.baseline_m]
    return points + [ring for area in road.areas for ring in area.rings_m]


def _has_a_bad_size(scenario: Scenario) -> bool:
    sizes = np.concatenate([scenario.tracks.length_m, scenario.tracks.width_m])
    return bool(((sizes <= 0) | (sizes >= MAX_SIZE_M)).any())


def _is_too_fast(scenario: Scenario) -> bool:
    return bool((_speed(scenario.tracks) > MAX_SPEED_MPS).any())


def _jumps(scenario: Scenario) -> bool:
    tracks = scenario.tracks
    moved = np.hypot(np.diff(tracks.x_m, axis=1), np.diff(tracks.y_m, axis=1))
    speed = _speed(tracks)
    explained = np.maximum(speed[:, 1:], speed[:, :-1]) * STEP_S + MAX_JUMP_M
    both_seen = tracks.valid[:, 1:] & tracks.valid[:, :-1]
    return bool((both_seen & (moved > explained)).any())


def _loses_its_ego(scenario: Scenario) -> bool:
    return not bool(scenario.tracks.valid[scenario.ego].all())


def _overlaps_at_the_start(scenario: Scenario) -> bool:
    others = scenario.tracks.valid[:, 0].copy()
    others[scenario.ego] = False
    corners = boxes.corners(scenario.tracks, 0)
    return bool(boxes.overlap(corners[scenario.ego], corners[others]).any())


def _starts_off_road(scenario: Scenario) -> bool:
    ego = boxes.corners(scenario.tracks, 0)[scenario.ego]
    return boxes.crosses(ego, scenario.road.edges_m)


def _speed(tracks: Tracks) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(np.hypot(tracks.vx_mps, tracks.vy_mps))


# In this order: each check may rely on those before it.
_CHECKS = {
    "misshapen": _is_misshapen,
    "index_out_of_range": _points_nowhere,
    "not_finite": _is_not_finite,
    "road_too_large": _has_too_large_a_road,
    "empty_path": _has_a_path_without_length,
    "bad_size": _has_a_bad_size,
    "too_fast": _is_too_fast,
    "jump": _jumps,
    "ego_not_always_seen": _loses_its_ego,
    "initial_overlap": _overlaps_at_the_start,
    "starts_off_road": _starts_off_road,
}
