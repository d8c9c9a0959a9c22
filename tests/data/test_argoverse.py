"""Argoverse 2 logs become scenarios, whatever their frames, clocks and maps do."""

import math
from pathlib import Path

import numpy as np
import pytest
import shapely

from drivetrain.data import lines, validate
from drivetrain.data.converters import argoverse
from drivetrain.data.converters.argoverse_boxes import CATEGORIES, EGO_CENTRE_M
from drivetrain.data.converters.contract import Repair, UnfitFileError
from drivetrain.errors import NotFoundError
from drivetrain.sim.scenario import AreaKind, Category, Scenario
from tests.data import replays
from tests.data.argoverse_builder import ORIGIN_M, Log, Thing, lane, line, straight, two_streets

AHEAD = Thing("ahead", straight(0.0, -1.75, 5.0))
ONCOMING = Thing("oncoming", straight(15.0, 1.75, 6.0, math.pi))
PARKED = Thing("parked", straight(60.0, 4.0, 0.0), jitter_m=0.15)
WALKER = Thing("walker", straight(25.0, -8.0, 1.2, math.pi / 2), "PEDESTRIAN", (0.7, 0.7))
THINGS = (AHEAD, ONCOMING, PARKED, WALKER)


def found_in(folder: Path, log: Log) -> list[Scenario | Repair | str]:
    return list(argoverse.scenarios_of(log.write(folder / "a-log")))


def converted(folder: Path, log: Log) -> dict[str, Scenario]:
    found = found_in(folder, log)
    return {one.id.split("/")[1]: one for one in found if isinstance(one, Scenario)}


def track_of(found: Scenario, row: int) -> np.ndarray:
    """[steps, 2] in the city's frame, from its origin on."""
    tracks = found.tracks
    at = np.stack([tracks.x_m[row], tracks.y_m[row]], axis=1)[tracks.valid[row]]
    return np.asarray(at + found.origin_m - np.array(ORIGIN_M))


def test_the_ego_and_whoever_moves_long_enough_are_experts(tmp_path: Path) -> None:
    found = converted(tmp_path, Log(THINGS))
    assert sorted(found) == ["ahead", "ego", "oncoming"]
    for one in found.values():
        assert validate.fault(one) is None
        assert (one.source, one.group, one.log) == ("argoverse", "a-log", "a-log")
        assert one.licence == "CC-BY-NC-SA-4.0"
        assert one.tracks.x_m.shape == (5, 101)


def test_boxes_leave_the_leaning_egos_frame_for_the_citys(tmp_path: Path) -> None:
    # The ego turns while it drives, so a box seen by another pose lands decimetres away.
    def bend(seconds: float) -> tuple[float, float, float]:
        heading = 0.1 * math.sin(seconds)
        return ORIGIN_M[0] - 20 + 6 * seconds, ORIGIN_M[1] - 1.75, heading

    found = converted(tmp_path, Log(THINGS, ego=bend))["ego"]
    seconds = 0.1 * np.arange(101)
    for name, x_m, y_m, speed in (("ahead", 0.0, -1.75, 5.0), ("oncoming", 15.0, 1.75, -6.0)):
        row = {"ahead": 1, "oncoming": 2}[name]
        expected = np.stack([x_m + speed * seconds, np.full(101, y_m)], axis=1)
        np.testing.assert_allclose(track_of(found, row), expected, atol=0.02)
        np.testing.assert_allclose(found.tracks.vx_mps[row], speed, atol=0.05)
    np.testing.assert_allclose(np.abs(found.tracks.heading_rad[2]), math.pi, atol=0.01)


@pytest.mark.parametrize("with_ego_boxes", [True, False])
def test_the_ego_is_its_poses_moved_from_the_rear_axle_to_the_middle(
    tmp_path: Path, *, with_ego_boxes: bool
) -> None:
    found = converted(tmp_path, Log(THINGS, with_ego_boxes=with_ego_boxes))["ego"]
    seconds = 0.1 * np.arange(101)
    assert found.ego == 0
    assert found.tracks.length_m[0] == pytest.approx(4.877)
    np.testing.assert_allclose(
        track_of(found, 0)[:, 0], -20.0 + EGO_CENTRE_M + 6.0 * seconds, atol=0.01
    )


def test_what_is_parked_stands_though_its_boxes_wander(tmp_path: Path) -> None:
    found = found_in(tmp_path, Log(THINGS))
    assert Repair("held_standing_track", 1) in found
    one = next(each for each in found if isinstance(each, Scenario))
    assert np.ptp(one.tracks.x_m[3]) == 0.0
    assert not one.tracks.vx_mps[3].any()
    assert (one.agent_path >= 0).tolist() == [True, True, True, False, False]


def test_the_pedestrian_walks_and_is_one(tmp_path: Path) -> None:
    found = converted(tmp_path, Log(THINGS))["ego"]
    assert found.tracks.category[4] == Category.PEDESTRIAN
    np.testing.assert_allclose(found.tracks.vy_mps[4], 1.2, atol=0.02)


def test_a_missing_frame_is_bridged_and_a_longer_gap_is_not(tmp_path: Path) -> None:
    frames = [*range(20), *range(21, 60), *range(70, 101)]
    seen = Thing("ahead", AHEAD.drive, frames=frames)  # type: ignore[arg-type]
    found = converted(tmp_path, Log((seen, ONCOMING)))["ego"]
    valid = found.tracks.valid[1]
    assert valid[:59].all()
    assert not valid[61:69].any()
    assert valid[71:].all()


def test_an_object_seen_for_a_glimpse_is_dropped_and_counted(tmp_path: Path) -> None:
    glimpse = Thing("glimpse", AHEAD.drive, frames=range(31, 32))
    found = found_in(tmp_path, Log((glimpse, ONCOMING)))
    assert Repair("dropped_glimpse", 1) in found


def test_an_object_that_jumps_is_dropped_and_counted(tmp_path: Path) -> None:
    def leap(seconds: float) -> tuple[float, float, float]:
        return ORIGIN_M[0] + 5 * seconds + 30 * (seconds > 4), ORIGIN_M[1] - 1.75, 0.0

    found = found_in(tmp_path, Log((Thing("leap", leap), ONCOMING)))
    assert Repair("dropped_jumping_track", 1) in found
    assert not any(isinstance(one, Scenario) and "leap" in one.id for one in found)


def test_a_log_with_a_broken_clock_is_too_long(tmp_path: Path) -> None:
    log = Log((AHEAD,), frames=3)
    log.fill()
    late = {"timestamp_ns": 2**60}
    log.boxes.append(log.boxes[-1] | late)
    log.poses.append(log.poses[-1] | late)
    with pytest.raises(UnfitFileError, match=r"^too_long$"):
        list(argoverse.scenarios_of(log.store(tmp_path / "log")))


def test_drives_longer_than_a_window_give_several(tmp_path: Path) -> None:
    slow = straight(-50.0, -1.75, 3.0)
    found = converted(tmp_path, Log((ONCOMING,), ego=slow, frames=301))
    steps = {name: one.tracks.x_m.shape[1] for name, one in found.items() if "ego" in name}
    assert steps == {"ego": 151, "ego@75": 151, "ego@150": 151}
    late = found["ego@75"]
    np.testing.assert_allclose(track_of(late, late.ego)[0, 0], -50 + 7.5 * 3 + 1.4, atol=0.02)


@pytest.mark.parametrize(("frames", "windows"), [(151, 1), (157, 1), (225, 1), (226, 2)])
def test_a_window_that_hardly_goes_on_from_the_last_is_none(
    tmp_path: Path, frames: int, windows: int
) -> None:
    slow = straight(-50.0, -1.75, 3.0)
    found = converted(tmp_path, Log((PARKED,), ego=slow, frames=frames))
    assert len(found) == windows


def test_lanes_have_their_middle_though_bounds_differ_in_points(tmp_path: Path) -> None:
    road = converted(tmp_path, Log(THINGS))["ego"].road
    assert len(road.lanes) == 4  # the bike lane is none
    first, crossing, last, back = road.lanes
    shift = np.array(ORIGIN_M) - converted(tmp_path / "b", Log(THINGS))["ego"].origin_m
    np.testing.assert_allclose((first.baseline_m - shift)[:, 1], -1.75)
    np.testing.assert_allclose((first.baseline_m - shift)[[0, -1], 0], [-60.0, 20.0])
    assert [one.is_connector for one in road.lanes] == [False, True, False, False]
    assert first.successors == (1,)
    assert crossing.successors == (2,)
    assert last.successors == ()  # it leads out of the map
    assert first.block != back.block  # beside each other, but opposite
    assert all(math.isnan(one.limit_mps) and one.light == -1 for one in road.lanes)
    assert road.lights == 0


def test_the_route_is_the_lanes_that_were_driven(tmp_path: Path) -> None:
    found = converted(tmp_path, Log(THINGS))["ego"]
    route = found.road.paths[found.route]
    away = lines.project(route.points_m, track_of(found, 0) - found.origin_m + ORIGIN_M)[1]
    assert away.max() < 0.1
    assert np.isnan(route.limit_mps).all()
    np.testing.assert_array_equal(found.desired_mps[found.agent_path >= 0], 10.0)


def test_ground_crossings_and_intersections_are_areas(tmp_path: Path) -> None:
    road = converted(tmp_path, Log(THINGS))["ego"].road
    kinds = [area.kind for area in road.areas]
    assert kinds.count(AreaKind.CROSSWALK) == kinds.count(AreaKind.INTERSECTION) == 1
    assert kinds.count(AreaKind.DRIVABLE) == 2  # the second goes on beyond the map's border
    crossing = next(area for area in road.areas if area.kind == AreaKind.CROSSWALK)
    assert shapely.Polygon(crossing.rings_m[0]).area == pytest.approx(3.0 * 8.0)


def test_the_road_is_open_only_where_a_tile_ends(tmp_path: Path) -> None:
    found = converted(tmp_path, Log(THINGS))["ego"]
    edges = found.road.edges_m + np.tile(np.array(found.origin_m) - ORIGIN_M, 2)
    upright = np.abs(edges[:, 0] - edges[:, 2]) < 0.1
    assert set(np.round(edges[upright, 0])) == {-70.0}


def test_edges_of_a_crossing_may_be_drawn_either_way(tmp_path: Path) -> None:
    city = two_streets()
    crossing = city["pedestrian_crossings"]["9"]
    crossing["edge2"] = crossing["edge2"][::-1]
    road = converted(tmp_path, Log(THINGS, map=city))["ego"].road
    area = next(area for area in road.areas if area.kind == AreaKind.CROSSWALK)
    assert shapely.Polygon(area.rings_m[0]).area == pytest.approx(3.0 * 8.0)


def test_neighbours_the_same_way_share_a_block(tmp_path: Path) -> None:
    city = two_streets()
    beside = lane(6, line((-60, 3.5), (20, 3.5)), line((-60, 0), (20, 0)), right_neighbor_id=1)
    city["lane_segments"]["6"] = beside
    city["lane_segments"]["1"]["left_neighbor_id"] = 6
    road = converted(tmp_path, Log(THINGS, map=city))["ego"].road
    assert road.lanes[0].block == road.lanes[4].block


def test_a_replayed_log_touches_nothing(tmp_path: Path) -> None:
    for one in converted(tmp_path, Log((AHEAD, ONCOMING, PARKED))).values():
        assert replays.floor(one) == (0, 0)


def test_every_category_becomes_one_of_ours(tmp_path: Path) -> None:
    rows = [
        Thing(name, straight(50.0 + 2 * at, 20.0, 0.0), name, (0.5, 0.5))
        for at, name in enumerate(sorted(CATEGORIES))
    ]
    found = converted(tmp_path, Log(rows))["ego"]
    assert len(found.tracks.category) == 1 + len(CATEGORIES)


def test_a_car_that_never_nears_a_lane_has_no_route(tmp_path: Path) -> None:
    lost = Thing("lost", straight(0.0, 60.0, 5.0))
    assert "no_route" in found_in(tmp_path, Log((lost, ONCOMING)))


def test_repeated_boxes_are_dropped_and_counted(tmp_path: Path) -> None:
    twice = Thing("ahead", straight(0.0, -1.8, 5.0), frames=range(3))
    found = found_in(tmp_path, Log((AHEAD, twice, ONCOMING)))
    assert Repair("dropped_repeated_box", 3) in found


def test_logs_are_found_below_the_folders_named(tmp_path: Path) -> None:
    for name in ("b", "a"):
        Log((AHEAD,), frames=3).write(tmp_path / "val" / name)
    found = argoverse.files_in([tmp_path, tmp_path / "val" / "a"])
    assert [folder.name for folder in found] == ["a", "b"]


def test_a_source_without_logs_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no Argoverse 2 log"):
        argoverse.files_in([tmp_path])


def spoilt(folder: Path, spoil: str) -> Path:
    log = Log((Thing("x", AHEAD.drive, "UFO" if spoil == "unknown_category" else "BUS"),))
    if spoil == "empty_map":
        log.map["lane_segments"] = {}
    if spoil == "unreadable_map":
        del log.map["drivable_areas"]
    log.fill()
    changes: dict[str, dict[str, float]] = {
        "bad_rotation": {"qw": 3.0},
        "not_finite": {"tx_m": math.nan},
        "boxes_without_pose": {"timestamp_ns": 5},
    }
    log.poses[0] |= changes.get(spoil, {})
    if spoil == "ego_jumps":
        for pose in log.poses[50:]:
            pose["tx_m"] += 40.0
    made = log.store(folder / "log")
    if spoil == "no_annotations":
        (made / "annotations_with_ego.feather").unlink()
    if spoil == "no_map":
        next((made / "map").glob("*.json")).unlink()
    if spoil == "unreadable":
        (made / "annotations_with_ego.feather").write_bytes(b"ARROW1 but no more")
    return made


@pytest.mark.parametrize(
    "reason",
    [
        "no_annotations",
        "unreadable",
        "unknown_category",
        "bad_rotation",
        "not_finite",
        "boxes_without_pose",
        "ego_jumps",
        "no_map",
        "unreadable_map",
        "empty_map",
    ],
)
def test_an_unfit_log_is_named_by_its_reason(tmp_path: Path, reason: str) -> None:
    folder = spoilt(tmp_path, reason)
    with pytest.raises(UnfitFileError, match=f"^{reason}$"):
        list(argoverse.scenarios_of(folder))
