import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.sim.pack import pack
from drivetrain.sim.road import (
    Paths,
    paths_of,
    point_at,
    project_anywhere,
    project_from,
    project_hinted,
    project_near,
)
from drivetrain.sim.scenario import Road
from tests.scenes import arc, line, road, scene

RADII = st.sampled_from([math.inf, 200.0, 40.0, 15.0])


def curve(radius: float) -> tuple[Paths, int]:
    """A path of about 60 m, and how many points it has."""
    arrays = pack([scene(road(radius, 60.0, lanes=1), [(0, 5, 1)])])
    return paths_of(arrays), int(arrays.first_point[1])


@settings(max_examples=50, deadline=None)
@given(RADII, st.floats(0, 58), st.floats(-4, 4))
def test_a_point_beside_the_path_is_found_where_it_is(
    radius: float, along: float, offset: float
) -> None:
    paths, points = curve(radius)
    x, y, cos, sin = point_at(paths, 0, points, along)
    where = (x - offset * sin, y + offset * cos)
    # Inside a bend the strips beside two chords overlap: a point there lies on both.
    overlap = abs(offset) * (60.0 / (points - 1)) / radius
    for found in (
        project_near(paths, 0, points, along + 3.0, where),
        project_anywhere(paths, 0, points, where, (cos, sin)),
        project_from(paths, 0, points, along - 2.0, where)[:2],
    ):
        assert found == pytest.approx((along, offset), abs=0.1 + overlap)


@settings(max_examples=50, deadline=None)
@given(RADII, st.floats(2, 50), st.floats(-3, 3))
def test_projections_agree_with_shapely(radius: float, along: float, offset: float) -> None:
    paths, points = curve(radius)
    x, y, cos, sin = point_at(paths, 0, points, along)
    where = (x - offset * sin, y + offset * cos)
    chain = shapely.LineString(np.column_stack([paths.x[:points], paths.y[:points]]))
    expected = chain.project(shapely.Point(where)) * (points - 1) / chain.length
    assert project_near(paths, 0, points, along, where)[0] == pytest.approx(expected, abs=0.01)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 50), st.floats(-3, 3), st.floats(-0.8, 3.0), st.floats(-1, 1))
def test_progress_on_a_straight_road_is_never_more_than_the_way_moved(
    along: float, offset: float, ahead: float, aside: float
) -> None:
    paths, points = curve(math.inf)
    before = project_near(paths, 0, points, along, (along, offset))[0]
    after = project_near(paths, 0, points, before, (along + ahead, offset + aside))[0]
    assert abs(after - before) <= math.hypot(ahead, aside) + 1e-5


def test_progress_does_not_jump_to_a_branch_that_crosses() -> None:
    # A figure of eight: at the crossing the path is at two lengths at once.
    angle = np.linspace(0, 2 * np.pi, 400)
    points_m = np.column_stack([40 * np.sin(angle), 20 * np.sin(2 * angle)])
    plain = scene(road(lanes=1), [(0, 5, 1)])
    eight = Road("eight", (line(points_m),), np.zeros((0, 4)))
    arrays = pack([replace(plain, road=eight)])
    paths, points = paths_of(arrays), int(arrays.first_point[1])
    along, seen = 0.0, []
    for step in range(points - 1):
        x, y, _, _ = point_at(paths, 0, points, float(step))
        along, _ = project_near(paths, 0, points, along, (x, y))
        seen.append(along)
    assert np.all(np.diff(seen) > 0.5)
    assert seen[-1] == pytest.approx(points - 2, abs=0.5)


def test_a_loop_is_entered_where_it_goes_ones_way() -> None:
    there, back = arc(math.inf, 40.0), arc(math.inf, 40.0, 0.5)[::-1]
    uturn = line(np.concatenate([there, back]))
    straight = scene(road(lanes=1), [(0, 5, 1)])
    loop = Road("loop", (uturn,), np.zeros((0, 4)))
    arrays = pack([replace(straight, road=loop)])
    paths, points = paths_of(arrays), int(arrays.first_point[1])
    assert project_anywhere(paths, 0, points, (10.0, 0.25), (1.0, 0.0))[0] == pytest.approx(10)
    assert project_anywhere(paths, 0, points, (10.0, 0.25), (-1.0, 0.0))[0] > 60


@settings(max_examples=100, deadline=None)
@given(RADII, st.integers(0, 2**32 - 1))
def test_a_hint_changes_nothing_and_nothing_is_passed_over(radius: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    paths, points = curve(radius)
    where = (float(random.uniform(-40, 90)), float(random.uniform(-40, 90)))
    angle = float(random.uniform(-3, 3))
    facing = (math.cos(angle), math.sin(angle))
    found = project_anywhere(paths, 0, points, where, facing)
    for hint in (-5.0, 3.0, 40.0, 500.0):
        hinted = project_hinted(paths, 0, points, where, facing, hint)
        assert hinted == pytest.approx(found, abs=1e-9)
    # Every piece, one by one, for those that go its way.
    ends = np.column_stack([paths.x, paths.y]).astype(float)[:points]
    steps = ends[1:] - ends[:-1]
    part = np.clip(((where - ends[:-1]) * steps).sum(1) / (steps**2).sum(1), 0, 1)
    away = np.hypot(*(ends[:-1] + part[:, None] * steps - where).T)
    agrees = paths.cos[: points - 1] * facing[0] + paths.sin[: points - 1] * facing[1] > 0
    nearest = int(np.argmin(np.where(agrees, away, np.inf) if agrees.any() else away))
    assert found[0] == pytest.approx(nearest + part[nearest], abs=1e-6)
