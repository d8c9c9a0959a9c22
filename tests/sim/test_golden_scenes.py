"""nuPlan's metrics on nuPlan's own hand-made scenes: the numbers that its tests expect.

`DRIVETRAIN_GOLDEN_SCENES=FOLDER` runs the same on other scenes of that format.
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivetrain.sim.collide import boxes_touch, collision_reason
from drivetrain.sim.lane_map import lane_map_of
from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.score.association import associate
from drivetrain.sim.score.comfort import (
    ACROSS_MPS2,
    jerk,
    smooth,
    yaw_acceleration,
    yaw_rate,
)
from drivetrain.sim.score.drive import Drive, new_drive
from drivetrain.sim.score.lane_rules import (
    AGAINST_NONE_M,
    direction_score,
    most_against,
    moves_along,
)
from drivetrain.sim.score.meeting import (
    LEAST_TTC_S,
    TTC_STANDS_MPS,
    bearing,
    group_of,
    impact_mps,
    time_to_meet,
)
from drivetrain.sim.score.open_loop import (
    HORIZONS_S,
    MOST_DISTANCE_M,
    MOST_HEADING_RAD,
    MOST_MISSES,
    OpenLoop,
    open_loop,
    wrapped,
)
from drivetrain.sim.score.progress import come_along, progress_score
from drivetrain.sim.score.record import GROUPS
from drivetrain.sim.state import EndReason
from tests.golden_scenes import REAR_TO_CENTRE_M, GoldenScene, golden_folder, read_scene
from tests.scenes import flat_lane, scene

Floats = NDArray[np.float64]
Result = tuple[list[float], Floats | None]
"""The statistics in the order of the expected ones, and the time series."""

SCENES = sorted(golden_folder().rglob("*.json")) if golden_folder().is_dir() else []

TOLERANCE = 0.01 + 1e-9
TEST_JERK_MPS3, TEST_ACROSS_MPS2 = 7.0, 10.0
TEST_ALONG_MPS2, TEST_JERK_ALONG_MPS3 = (0.0, 10.0), 8.0
TEST_YAW_RATE_RADPS, TEST_YAW_ACCELERATION_RADPS2 = 5.0, 3.0
TEST_AGAINST_NONE_M = {"ego_slightly_drives_backward": 15.0}
"""nuPlan's tests use other bounds than its score."""
YAW_ERROR_M = 2.5
HALF_OF_A_LANE_M = 8.0

IN_LANES = {"active_lateral_collision": False, "multiple_collisions": True}
"""What the real map says, where a side collision makes it matter."""
STRAIGHT_LANES = {
    "driving_direction_compliance": -1.5586,
    "ego_is_making_progress": -1.5586,
    "ego_progress_along_expert_route/ego_drives_backward": -1.5586,
}
"""Headings of straight lanes that lie well enough where the real ones do."""
ARTEFACTS = {
    "ego_is_comfortable": "expects what nuPlan's test gives without its six parts; by the "
    "formulas the scene is comfortable"
}
NEEDS_MAP = (
    *("drivable_area_compliance", "driving_direction_compliance", "ego_lane_change"),
    *("ego_is_making_progress", "ego_progress_along_expert_route", "speed_limit_compliance"),
)


def series_result(scene: GoldenScene, values: Floats, bound: float | None = None) -> Result:
    """Largest, smallest and mean value, and whether all lie within a bound."""
    known: dict[str, float] = {
        "MAX": float(values.max()),
        "MIN": float(values.min()),
        "MEAN": float(values.mean()),
        # How nuPlan's own version of NumPy interpolated is not known.
        "P90": math.nan,
    }
    if bound is not None:
        known["BOOLEAN"] = float((np.abs(values) < bound).all())
    return [known[kind] for kind, _ in scene.statistics], values


def smoothed(values: Floats) -> Floats:
    out = np.empty_like(values)
    smooth(np.ascontiguousarray(values), out)
    return out


def slope(scene: GoldenScene, values: Floats) -> Floats:
    out = np.empty_like(values)
    jerk(smoothed(values), scene.step_s, out)
    return out


def size(scene: GoldenScene) -> Floats:
    return np.asarray(np.hypot(scene.motion[:, 5], scene.motion[:, 6]))


def acceleration(scene: GoldenScene) -> Result:
    return series_result(scene, smoothed(size(scene)))


def jerk_size(scene: GoldenScene) -> Result:
    return series_result(scene, slope(scene, size(scene)), TEST_JERK_MPS3)


def along(scene: GoldenScene) -> Result:
    values, (low, high) = smoothed(scene.motion[:, 5]), TEST_ALONG_MPS2
    numbers, _ = series_result(scene, values, high)
    is_kept = float(((low < values) & (values < high)).all())
    kinds = [kind for kind, _ in scene.statistics]
    pairs = zip(kinds, numbers, strict=True)
    return [is_kept if kind == "BOOLEAN" else number for kind, number in pairs], values


def along_jerk(scene: GoldenScene) -> Result:
    return series_result(scene, slope(scene, scene.motion[:, 5]), TEST_JERK_ALONG_MPS3)


def across(scene: GoldenScene) -> Result:
    return series_result(scene, smoothed(scene.motion[:, 6]), TEST_ACROSS_MPS2)


def across_jerk(scene: GoldenScene) -> Result:
    return series_result(scene, slope(scene, scene.motion[:, 6]), ACROSS_MPS2)


def turning(scene: GoldenScene) -> Result:
    out = np.empty(len(scene.motion))
    yaw_rate(np.ascontiguousarray(scene.motion[:, 2]), scene.step_s, out)
    return series_result(scene, out, TEST_YAW_RATE_RADPS)


def turning_change(scene: GoldenScene) -> Result:
    out = np.empty(len(scene.motion))
    yaw_acceleration(np.ascontiguousarray(scene.motion[:, 2]), scene.step_s, out)
    return series_result(scene, out, TEST_YAW_ACCELERATION_RADPS2)


def mean_speed(scene: GoldenScene) -> Result:
    return [float(scene.speed.mean())], scene.speed


def l2_error(scene: GoldenScene) -> Result:
    return series_result(scene, _distances(scene))


def l2_error_with_yaw(scene: GoldenScene) -> Result:
    turned = np.abs(wrapped(scene.motion[:, 2] - scene.expert[: len(scene.motion), 2]))
    return series_result(scene, _distances(scene) + YAW_ERROR_M * turned)


def _distances(scene: GoldenScene) -> Floats:
    ego, expert = scene.centres(scene.motion), scene.centres(scene.expert)
    return np.asarray(np.linalg.norm((ego - expert[: len(ego)])[:, :2], axis=1), np.float64)


def plans(scene: GoldenScene) -> OpenLoop:
    """The test's planner: straight on, but never above 5 m/s for long."""
    frames = len(scene.motion)
    rows = np.arange(frames)[:, None] + 1 + np.arange(HORIZONS_S[-1])
    rolled = np.empty((frames, HORIZONS_S[-1], 8))
    for frame, state in enumerate(scene.motion):
        x, y, heading, speed = state[0], state[1], state[2], state[3]
        sideways, accelerates = state[4], 0.0
        for second in range(HORIZONS_S[-1]):
            if math.hypot(speed, sideways) > 5.0:
                accelerates = 5.0 - math.hypot(speed, sideways)
            x, y = x + speed * math.cos(heading), y + speed * math.sin(heading)
            speed, sideways = speed + accelerates, 0.0
            rolled[frame, second] = (x, y, heading, 0, 0, 0, 0, 0)
    planned = np.stack([scene.centres(each) for each in rolled])
    return open_loop(planned, scene.centres(scene.expert)[rows])


def within(errors: Floats, most: float) -> Result:
    mean = float(errors.mean())
    return [*errors.tolist(), float(mean <= most), mean], None


OPEN_LOOP: dict[str, Callable[[OpenLoop], Result]] = {
    "planner_expert_average_l2_error_within_bound": lambda found: within(
        found.average_m, MOST_DISTANCE_M
    ),
    "planner_expert_final_l2_error_within_bound": lambda found: within(
        found.final_m, MOST_DISTANCE_M
    ),
    "planner_expert_average_heading_error_within_bound": lambda found: within(
        found.average_rad, MOST_HEADING_RAD
    ),
    "planner_expert_final_heading_error_within_bound": lambda found: within(
        found.final_rad, MOST_HEADING_RAD
    ),
    "planner_miss_rate_within_bound": lambda found: (
        [*found.misses.tolist(), float((found.misses <= MOST_MISSES).all())],
        None,
    ),
}


def collisions(scene: GoldenScene) -> Result:
    """Counts of collisions at fault, in all and by group; then the impacts of each group."""
    sure, at_the_side = _hits(scene)
    if at_the_side and scene.name not in IN_LANES:
        pytest.skip("whose fault a side collision is depends on the real map")
    keeps_to_lanes = IN_LANES.get(scene.name, True)
    hits = sure if keeps_to_lanes else sure + at_the_side
    impacts = [[impact for group, impact in hits if group == each] for each in range(GROUPS)]
    numbers = [float(not hits), float(len(hits)), *(float(len(each)) for each in impacts)]
    for each in impacts:
        numbers += [max(each), min(each), sum(each) / len(each)] if each else []
    return numbers, None


def _hits(scene: GoldenScene) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """(group, impact) of the collisions at fault, and of those that are only between lanes."""
    met: set[int] = set()
    sure: list[tuple[int, float]] = []
    at_the_side: list[tuple[int, float]] = []
    for frame, others in enumerate(scene.others):
        ego = scene.ego(frame)
        for other in others:
            if other.id in met or not boxes_touch(ego, other.body):
                continue
            met.add(other.id)
            reason, is_own = collision_reason(
                ego, REAR_TO_CENTRE_M, other.body, int(other.category), -1.0
            )
            turned = math.atan2(ego.sin, ego.cos) - math.atan2(other.body.sin, other.body.cos)
            speed = math.hypot(other.body.vx, other.body.vy)
            impact = impact_mps(float(scene.speed[frame]), speed, turned)
            if is_own:
                is_open = reason == EndReason.COLLISION_SIDE
                (at_the_side if is_open else sure).append((group_of(other.category), impact))
    return sure, at_the_side


def time_to_collision(scene: GoldenScene) -> Result:
    last = round(scene.parameters.get("time_horizon", 3.0) / 0.1) - 1
    least = scene.parameters.get("least_min_ttc", LEAST_TTC_S)
    found = {
        counts_beside: _times(scene, last, counts_beside=counts_beside)
        for counts_beside in (False, True)
    }
    if not np.array_equal(found[False], found[True]):
        pytest.skip("whether those beside the ego count depends on the real map")
    times = found[False]
    return [float(times.min()), float(times.min() > least)], times


def _times(scene: GoldenScene, last: int, *, counts_beside: bool) -> Floats:
    met: set[int] = set()
    times = np.full(len(scene.others), math.inf)
    sure, at_the_side = _hits(scene)
    for frame, others in enumerate(scene.others):
        ego = scene.ego(frame)
        new = {o.id for o in others if o.id not in met and boxes_touch(ego, o.body)}
        met |= new
        if new and (sure or (at_the_side and counts_beside)):
            times[frame] = 0.0
        if scene.speed[frame] <= TTC_STANDS_MPS or times[frame] == 0.0:
            continue
        for other in others:
            ahead, behind = bearing(ego, REAR_TO_CENTRE_M, other.body)
            if other.id not in met and (ahead or (counts_beside and not behind)):
                times[frame] = min(times[frame], time_to_meet(ego, other.body, last))
    return times


def direction(golden: GoldenScene) -> Result:
    road, drive = _on_a_straight_lane(golden, golden.motion)
    moves = np.empty(len(drive.x))
    moves_along(lane_map_of(road), drive, True, moves)  # noqa: FBT003
    against = most_against(moves, max(int(1.0 / golden.step_s), 1))
    scale = AGAINST_NONE_M / TEST_AGAINST_NONE_M.get(golden.name, AGAINST_NONE_M)
    return [direction_score(against * scale), -against], None


def progress(golden: GoldenScene) -> Result:
    expert_m, ego_m = _progress(golden)
    return [expert_m, ego_m, max(0.0, min(1.0, ego_m / max(expert_m, 0.1)))], None


def makes_progress(golden: GoldenScene) -> Result:
    expert_m, ego_m = _progress(golden)
    return [float(progress_score(ego_m, expert_m) >= 0.2)], None


def _progress(golden: GoldenScene) -> tuple[float, float]:
    metres = []
    for motion in (golden.expert, golden.motion):
        road, drive = _on_a_straight_lane(golden, motion)
        along = np.empty(len(drive.x))
        come_along(lane_map_of(road), 0, np.zeros(1, np.int32), drive, along)
        metres.append(float(along[-1]))
    return metres[0], metres[1]


def _on_a_straight_lane(golden: GoldenScene, motion: Floats) -> tuple[ScenarioArrays, Drive]:
    """A road under the ego's first pose, and a drive along it."""
    heading = STRAIGHT_LANES.get(f"{golden.metric}/{golden.name}")
    if heading is None:
        heading = STRAIGHT_LANES.get(golden.metric)
    if heading is None:
        pytest.skip("needs the real map")
    ahead = np.array([math.cos(heading), math.sin(heading)])
    begin = golden.centres(golden.motion)[0, :2] - 100.0 * ahead
    road = flat_lane(begin, begin + 200.0 * ahead, HALF_OF_A_LANE_M)
    arrays = pack([scene(road, [(0, 100.0, 0.0)], steps=2)])
    x, y = (golden.centres(motion)[:, axis].copy() for axis in (0, 1))
    drive = new_drive(len(x))._replace(x=x, y=y)
    associate(lane_map_of(arrays), 0, drive)
    return arrays, drive


METRICS: dict[str, Callable[[GoldenScene], Result]] = {
    "no_ego_at_fault_collision": collisions,
    "no_ego_at_fault_collisions": collisions,
    "time_to_collision_within_bound": time_to_collision,
    "ego_acceleration": acceleration,
    "ego_jerk": jerk_size,
    "ego_lon_acceleration": along,
    "ego_lon_jerk": along_jerk,
    "ego_lat_acceleration": across,
    "ego_lat_jerk": across_jerk,
    "ego_yaw_rate": turning,
    "ego_yaw_acceleration": turning_change,
    "ego_mean_speed": mean_speed,
    "ego_expert_l2_error": l2_error,
    "ego_expert_l2_error_with_yaw": l2_error_with_yaw,
    "driving_direction_compliance": direction,
    "ego_progress_along_expert_route": progress,
    "ego_is_making_progress": makes_progress,
}


@pytest.mark.skipif(bool(SCENES), reason="there are scenes: each is a test of its own")
def test_golden_scenes_are_looked_for_beside_the_repository() -> None:
    pytest.skip(f"no golden scenes in {golden_folder()}")


def results(golden: GoldenScene) -> Result:
    """What our formulas say; skips what they cannot, with the reason."""
    if golden.metric in ARTEFACTS:
        pytest.skip(ARTEFACTS[golden.metric])
    if golden.metric in OPEN_LOOP:
        return OPEN_LOOP[golden.metric](plans(golden))
    if golden.metric not in METRICS:
        needs_map = golden.metric in NEEDS_MAP
        pytest.skip("needs the real map" if needs_map else f"no metric {golden.metric} here")
    return METRICS[golden.metric](golden)


@pytest.mark.parametrize("path", SCENES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_golden_scene_has_the_numbers_that_nuplan_expects(path: Path) -> None:
    golden = read_scene(path)
    numbers, series = results(golden)
    assert len(numbers) == len(golden.statistics)
    compared = 0
    for (kind, expected), number in zip(golden.statistics, numbers, strict=True):
        if kind != "P90":
            assert number == expected or abs(number - expected) <= TOLERANCE, (kind, number)
            compared += 1
    assert compared
    if golden.series is not None:
        assert series is not None
        np.testing.assert_array_equal(np.round(series, 2) + 0.0, golden.series + 0.0)
