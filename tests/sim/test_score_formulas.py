"""The pieces of the score against plain arithmetic, SciPy and shapely."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from drivetrain.sim.collide import boxes_touch
from drivetrain.sim.lane_map import LaneMap, lane_map_of
from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import Area, AreaKind, Lane, Road
from drivetrain.sim.score.association import associate
from drivetrain.sim.score.corners import keeps_to_lanes, new_corners
from drivetrain.sim.score.drive import Drive, new_drive
from drivetrain.sim.score.ground import along_baseline, distance_to, is_inside
from drivetrain.sim.score.lane_rules import most_against, moves_along
from drivetrain.sim.score.meeting import TTC_STEP_S, bearing, time_to_meet
from drivetrain.sim.score.open_loop import open_loop
from drivetrain.sim.score.progress import blocks_of, come_along, progress_score
from drivetrain.sim.score.smoothing import BEND, SLOPE, SMOOTH, filtered
from drivetrain.sim.state import Body
from tests.scenes import line, scene

Floats = NDArray[np.float64]
EVERYTHING = settings(max_examples=60, deadline=None)


@EVERYTHING
@given(seed=st.integers(0, 2**32 - 1), samples=st.integers(4, 60), step=st.floats(0.05, 1.0))
def test_filters_are_those_of_scipy(seed: int, samples: int, step: float) -> None:
    series, out = np.random.default_rng(seed).normal(size=samples), np.empty(samples)
    for table, order, derivative, most in (
        (SMOOTH, 2, 0, 8),
        (SLOPE, 2, 1, 15),
        (SLOPE, 2, 1, 5),
        (BEND, 3, 2, 5),
    ):
        window = min(most, samples)
        if window <= order:
            continue
        filtered(table, window, step**-derivative, series, out)
        expected = savgol_filter(
            series, window, order, deriv=derivative, delta=step, mode="interp"
        )
        np.testing.assert_allclose(out, expected, atol=1e-9 * step**-derivative)


def body(random: np.random.Generator) -> Body:
    heading, speed = random.uniform(-np.pi, np.pi), random.uniform(0, 15)
    cos, sin = math.cos(heading), math.sin(heading)
    x, y = random.uniform(-15, 15, 2)
    size = random.uniform(0.3, 3.0, 2)
    return Body(x, y, cos, sin, speed * cos, speed * sin, size[0], size[1])


@EVERYTHING
@given(seed=st.integers(0, 2**32 - 1))
def test_the_time_to_a_collision_is_the_first_sample_at_which_boxes_touch(seed: int) -> None:
    random = np.random.default_rng(seed)
    ego, other = body(random), body(random)
    expected = math.inf
    for sample in range(29, 0, -1):
        time = sample * TTC_STEP_S
        then = [b._replace(x=b.x + b.vx * time, y=b.y + b.vy * time) for b in (ego, other)]
        if boxes_touch(then[0], then[1]):
            expected = time
    assert time_to_meet(ego, other, 29) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [(0, "ahead"), (29, "ahead"), (-31, "beside"), (149, "beside"), (-151, "behind")],
)
def test_who_is_ahead_is_seen_from_the_rear_axle(degrees: float, expected: str) -> None:
    ego = Body(1.5, 0.0, 1.0, 0.0, 5.0, 0.0, 2.5, 1.0)
    angle = math.radians(degrees)
    other = ego._replace(x=20 * math.cos(angle), y=20 * math.sin(angle))
    ahead, behind = bearing(ego, 1.5, other)
    assert ("ahead" if ahead else "behind" if behind else "beside") == expected


@EVERYTHING
@given(seed=st.integers(0, 2**32 - 1))
def test_areas_and_baselines_agree_with_shapely(seed: int) -> None:
    random = np.random.default_rng(seed)
    angles = (np.arange(9) + random.uniform(0, 0.8, 9)) * 2 * np.pi / 9
    radii = random.uniform(5, 20, 9)
    outline = np.column_stack([radii * np.cos(angles), radii * np.sin(angles)])
    hole = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    points = random.uniform(-10, 10, (5, 2))
    lane = Lane(outline, points, 10.0, 0, is_connector=False)
    area = Area(AreaKind.DRIVABLE, (outline * 2, hole))
    roads = packed((lane,), (area,))
    ring, shape = shapely.Polygon(outline), shapely.Polygon(outline * 2, [hole])
    middle = shapely.LineString(points)
    for x, y in random.uniform(-25, 25, (30, 2)):
        where = shapely.Point(x, y)
        for number, expected in enumerate((ring, shape)):
            borders = roads.ground.borders
            # What is stored is true to 2 mm.
            if expected.boundary.distance(where) > 0.005:
                assert is_inside(borders, number, x, y) == expected.contains(where)
            assert distance_to(borders, number, x, y) == pytest.approx(
                expected.distance(where), abs=0.003
            )
        along = along_baseline(roads.baselines, 0, x, y)
        near = middle.interpolate(along).distance(where)
        assert near == pytest.approx(middle.distance(where), abs=0.003)


def packed(lanes: tuple[Lane, ...], areas: tuple[Area, ...] = ()) -> LaneMap:
    path = line(np.array([[0.0, 0.0], [50.0, 0.0]]))
    road = Road("made", (path,), np.empty((0, 4)), lanes, areas)
    return lane_map_of(pack([scene(road, [(0, 1.0, 0.0)], steps=2)]))


def strip(begin: float, end: float, low: float, high: float) -> Floats:
    return np.array([[begin, low], [end, low], [end, high], [begin, high]])


def lane(
    begin: float,
    end: float,
    block: int,
    *,
    aside: float = 0.0,
    connects: bool = False,
    successors: tuple[int, ...] = (),
) -> Lane:
    """A straight lane of 4 m along x; connectors fan out to where `aside` is."""
    outline = strip(begin, end, aside - 2, aside + 2)
    middle = np.array([[begin, aside], [end, aside]])
    if connects:
        outline = np.array([[begin, -2], [end, aside - 2], [end, aside + 2], [begin, 2.0]])
        middle = np.array([[begin, 0.0], [end, aside]])
    return Lane(outline, middle, 10.0, block, connects, successors)


def crossing() -> LaneMap:
    """A lane that leads into two connectors, one straight on and one aside to its left."""
    return packed(
        (
            lane(0, 20, 0, successors=(1, 2)),
            lane(20, 40, 1, connects=True, successors=(3,)),
            lane(20, 40, 2, aside=12.0, connects=True, successors=(4,)),
            lane(40, 60, 3),
            lane(40, 60, 4, aside=12.0),
        ),
        (Area(AreaKind.INTERSECTION, (strip(20, 40, -5, 17),)),),
    )


def drive_along(roads: LaneMap, x: Floats, y: Floats) -> Drive:
    drive = new_drive(len(x))._replace(x=x, y=y)
    associate(roads, 0, drive)
    return drive


def lanes_of(drive: Drive) -> list[list[int]]:
    return [row[:count].tolist() for row, count in zip(drive.lanes, drive.counts, strict=True)]


def test_of_two_connectors_the_one_counts_that_the_drive_leaves_by() -> None:
    x = np.array([10.0, 21.0, 24.0, 38.0, 45.0])
    ahead = lanes_of(drive_along(crossing(), x, np.zeros(5)))
    assert ahead == [[0], [1], [1], [1], [3]]
    aside = np.array([0.0, 0.5, 2.0, 10.5, 12.0])
    assert lanes_of(drive_along(crossing(), x, aside)) == [[0], [2], [2], [2], [4]]


def test_of_connectors_one_above_the_other_the_lane_behind_them_decides() -> None:
    roads = packed(
        (
            lane(0, 20, 0, successors=(1, 2)),
            lane(20, 40, 1, connects=True, successors=(3,)),
            lane(20, 40, 2, connects=True, successors=(4,)),
            lane(40, 60, 3),
            lane(40, 60, 4, aside=12.0),
            lane(20, 40, 5, connects=True),
        )
    )
    x = np.array([10.0, 25.0, 35.0, 45.0])
    assert lanes_of(drive_along(roads, x, np.zeros(4))) == [[0], [1], [1], [3]]
    # What does not follow the lane that it came by is not looked at.
    assert lanes_of(drive_along(roads, x[:3], np.zeros(3))) == [[0], [1, 2], [1, 2]]


def test_a_drive_that_ends_between_two_connectors_is_on_both() -> None:
    x = np.array([10.0, 21.0, 23.0])
    assert lanes_of(drive_along(crossing(), x, np.zeros(3))) == [[0], [1, 2], [1, 2]]


def test_a_corner_cut_through_an_intersection_stays_on_its_connector() -> None:
    x = np.array([10.0, 21.0, 30.0, 32.0, 38.0, 45.0])
    y = np.array([0.0, 0.0, 0.0, -3.0, 0.0, 0.0])
    drive = drive_along(crossing(), x, y)
    assert lanes_of(drive) == [[0], [1], [1], [1], [1], [3]]
    assert drive.inside.tolist() == [1, 1, 1, 0, 1, 1]


def test_progress_goes_from_block_to_block_and_over_skipped_ones() -> None:
    roads = packed((lane(0, 20, 0), lane(20, 30, 1), lane(30, 60, 2)))
    everywhere = drive_along(roads, np.arange(1.0, 58.0, 2.0), np.zeros(29))
    chain, along = np.zeros(29, np.int64), np.empty(29)
    assert blocks_of(roads, everywhere, chain) == 3
    blocks = chain[:3].astype(np.int32)
    assert blocks.tolist() == [0, 1, 2]
    come_along(roads, 0, blocks, everywhere, along)
    np.testing.assert_allclose(along, np.arange(0.0, 57.0, 2.0))
    leaps = drive_along(roads, np.array([10.0, 35.0, 33.0, 15.0]), np.zeros(4))
    came = np.empty(4)
    come_along(roads, 0, blocks, leaps, came)
    # Back in a former block nothing moves any more.
    np.testing.assert_allclose(came, [0.0, 25.0, 23.0, 23.0])


@pytest.mark.parametrize(
    ("ego", "expert", "score"),
    [(50, 100, 0.5), (120, 100, 1.0), (0.5, 0.1, 1.0), (-3, 100, 0.0), (-1, 100, 0.02)],
)
def test_progress_is_a_share_of_the_experts(ego: float, expert: float, score: float) -> None:
    assert progress_score(ego, expert) == pytest.approx(score)


def test_the_frames_after_a_change_of_lane_count_only_in_truth() -> None:
    roads = packed((lane(0, 20, 0), lane(20, 60, 1)))
    drive = drive_along(roads, np.array([14.0, 18.0, 22.0, 26.0, 30.0]), np.zeros(5))
    moves = np.empty(5)
    moves_along(roads, drive, True, moves)  # noqa: FBT003
    np.testing.assert_allclose(moves, [0, 4, 0, 0, 4])
    moves_along(roads, drive, False, moves)  # noqa: FBT003
    np.testing.assert_allclose(moves, [0, 4, 2, 4, 4])


def test_driving_against_the_lanes_counts_within_a_second() -> None:
    moves = np.array([0.0, 1.0, -1.0, -1.0, 2.0, -0.5])
    assert most_against(moves, 1) == 2.0
    assert most_against(moves, 10) == 1.0
    assert most_against(np.array([0.0, 1.0, 2.0]), 1) == 0.0


def keeps(roads: LaneMap, x: float, y: float, heading: float = 0.0) -> bool:
    out = np.zeros(1, np.uint8)
    here = (np.array([x]), np.array([y]), np.array([heading]))
    keeps_to_lanes(roads, 0, *here, (2.5, 1.0), new_corners(), out)
    return bool(out[0])


def test_a_box_keeps_to_its_lane_in_it_and_from_one_into_the_next() -> None:
    roads = packed(
        (lane(0, 20, 0, successors=(1,)), lane(20, 40, 1), lane(0, 20, 0, aside=4.0))
    )
    assert keeps(roads, 10.0, 0.0)
    assert keeps(roads, 20.0, 0.0)
    # Slanting, with but one rear corner still in the first lane, or one front corner already
    # in the second.
    for heading in (0.3, -0.3):
        assert keeps(roads, 22.39, 0.0, heading)
        assert keeps(roads, 17.61, 0.0, heading)
    assert not keeps(roads, 10.0, 1.5)
    assert not keeps(roads, 10.0, -1.5)
    assert not keeps(roads, 100.0, 0.0)


def test_a_plan_that_is_the_experts_way_scores_1_and_a_far_one_0() -> None:
    expert = np.zeros((3, 8, 3))
    expert[..., 0] = np.arange(1, 9) * 5.0
    assert open_loop(expert, expert).score == 1.0
    aside = expert + np.array([0.0, 4.0, 0.0])
    found = open_loop(aside, expert)
    np.testing.assert_allclose(found.average_m, 4.0)
    assert found.score == pytest.approx((0.5 + 0.5 + 2 + 2) / 6)
    assert open_loop(expert + np.array([0.0, 17.0, 0.0]), expert).score == 0.0
    turned = open_loop(expert + np.array([0.0, 0.0, 0.4 + 2 * np.pi]), expert)
    assert turned.score == pytest.approx((1 + 1 + 0.5 * 2 + 0.5 * 2) / 6)
