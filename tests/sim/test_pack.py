from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.sim.grid import cut_edges, edges_near, grid_over
from drivetrain.sim.pack import pack, resample
from drivetrain.sim.road import cell_of
from drivetrain.sim.scenario import (
    CELL_M,
    COLUMNS,
    EDGE_PIECE_M,
    EDGE_RADIUS_M,
    AreaKind,
    Lane,
    Signal,
    Stop,
)
from tests.scenes import lane, line, road, scene


def test_every_column_has_its_type_and_as_many_rows_as_its_table() -> None:
    arrays = pack([scene(road(), [(0, 20, 10), (1, 30, 8)]), scene(road(80.0), [(1, 20, 10)])])
    rows: dict[str, int] = {}
    for name, spec in COLUMNS.items():
        column = getattr(arrays, name)
        assert column.dtype == spec.dtype
        assert not column.flags.writeable
        assert rows.setdefault(spec.table, len(column) - (spec.kind == "start")) == len(
            column
        ) - (spec.kind == "start")
    for name, spec in COLUMNS.items():
        if spec.kind == "start":
            assert getattr(arrays, name)[0] == 0
            assert getattr(arrays, name)[-1] == rows[str(spec.target)]


def test_scenarios_on_one_road_share_its_storage() -> None:
    shared = road()
    one = pack([scene(shared, [(0, 20, 10)])])
    three = pack([scene(shared, [(lane, 20, 10)]) for lane in range(3)])
    assert len(three.path_x) == len(one.path_x)
    assert list(three.route) == [0, 1, 2]


def test_a_track_keeps_its_frames_from_the_first_valid_one_to_the_last() -> None:
    plain = scene(road(), [(0, 20, 10), (1, 30, 8)])
    valid = plain.tracks.valid.copy()
    valid[1, :7] = valid[1, 40] = valid[1, 100:] = False
    arrays = pack([replace(plain, tracks=replace(plain.tracks, valid=valid))])
    first, last = arrays.first_frame[1], arrays.first_frame[2]
    assert arrays.start_step[1] == 7
    assert last - first == 93
    assert list(np.flatnonzero(arrays.valid[first:last] == 0)) == [33]
    np.testing.assert_allclose(arrays.x[first], plain.tracks.x_m[1, 7], rtol=1e-6)


def test_the_experts_distance_is_measured_along_the_route() -> None:
    arrays = pack([scene(road(40.0, 120.0), [(0, 10, 6.0)])])
    assert arrays.expert_m[0] == pytest.approx(90.0, abs=0.5)


def test_an_ego_that_is_not_there_at_the_start_is_refused() -> None:
    plain = scene(road(), [(0, 20, 10)], name="late")
    valid = plain.tracks.valid.copy()
    valid[0, 0] = False
    with pytest.raises(ValueError, match="late: the ego must be seen"):
        pack([replace(plain, tracks=replace(plain.tracks, valid=valid))])


def test_resampled_points_stand_one_metre_apart_and_limits_hold_from_their_point_on() -> None:
    path = line(np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 3.3]]))
    path = replace(path, limit_mps=np.array([10.0, np.nan, 5.0]))
    points, _, limit = resample(path)
    np.testing.assert_allclose(points[:5, 0], np.arange(5.0))
    np.testing.assert_allclose(points[-1], [4.0, 3.0])
    np.testing.assert_array_equal(limit, [10, 10, 10, 10, np.nan, np.nan, np.nan, np.nan])


def test_a_path_shorter_than_one_spacing_is_lengthened() -> None:
    points, _, _ = resample(line(np.array([[0.0, 0.0], [0.2, 0.0]])))
    np.testing.assert_allclose(points, [[0.0, 0.0], [1.0, 0.0]])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_one_cell_lists_every_edge_near_any_point_in_it_from_its_middle_outward(
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    ends = random.uniform(-60, 60, (12, 2))
    edges = cut_edges(np.column_stack([ends, ends + random.uniform(-30, 30, (12, 2))]))
    assert np.hypot(*(edges[:, 2:] - edges[:, :2]).T).max() <= EDGE_PIECE_M + 1e-9
    grid = grid_over(edges, [])
    counts, entries = edges_near(grid, edges)
    starts = np.concatenate([[0], np.cumsum(counts)])
    middle = (edges[:, :2] + edges[:, 2:]) / 2
    for point in random.uniform(-80, 80, (40, 2)):
        near = np.flatnonzero(np.hypot(*(middle - point).T) <= EDGE_RADIUS_M)
        column, row = np.floor((point - grid.corner_m) / CELL_M).astype(int)
        inside = 0 <= column < grid.columns and 0 <= row < grid.rows
        cell = row * grid.columns + column
        listed = entries[starts[cell] : starts[cell + 1]] if inside else np.zeros(0, int)
        assert set(near) <= set(listed)
        centre = grid.corner_m + (np.array([column, row]) + 0.5) * CELL_M
        away = np.hypot(*(middle[listed] - centre).T)
        assert np.all(np.diff(away) >= -1e-9)


def test_a_map_comes_back_as_it_was_laid_out() -> None:
    here = replace(
        road(),
        lights=2,
        lanes=(
            replace(lane(np.inf, 100.0, 0), successors=(1,), light=1),
            replace(lane(np.inf, 200.0, 1), is_connector=True, block=7, limit_mps=np.nan),
        ),
    )
    held = pack([scene(road(), [(0, 10.0, 5.0)]), scene(here, [(0, 10.0, 5.0)])])
    first, last = held.first_lane[1:3]
    assert last - first == 2
    assert held.lane_block[first:last].tolist() == [0, 7]
    assert held.lane_is_connector[first:last].tolist() == [0, 1]
    assert held.lane_light[first:last].tolist() == [1, -1]
    assert held.next_lane[held.first_next[first] : held.first_next[last]].tolist() == [
        first + 1
    ]
    # A straight baseline needs its two ends only.
    bases = slice(held.first_base[first], held.first_base[first + 1])
    assert held.base_m[bases].tolist() == [0.0, 100.0]
    area = held.lane_area[first]
    assert held.area_lane[area] == first
    borders = slice(held.first_border[area], held.first_border[area + 1])
    assert sorted(set(held.border_x0[borders])) == [0.0, 100.0]


def test_a_cell_lists_every_area_that_reaches_into_it() -> None:
    held = pack([scene(road(radius_m=100.0), [(0, 10.0, 5.0)])])
    lane_area = held.lane_area[0]
    for x, y in [(20.0, 2.0), (60.0, 20.0)]:
        cell = cell_of(held, 0, x, y)
        listed = held.ground[held.first_ground[cell] : held.first_ground[cell + 1]]
        assert lane_area in listed
        assert held.area_kind[listed].tolist().count(AreaKind.DRIVABLE) == 1


def test_what_lights_show_is_kept_light_by_light() -> None:
    signals = np.array([[Signal.RED] * 151, [Signal.GREEN] * 151], np.uint8)
    stops = (Stop(40.0, 1), Stop(80.0, 0))
    here = replace(road(), lights=2)
    here = replace(here, paths=(replace(here.paths[0], stops=stops), *here.paths[1:]))
    held = pack([replace(scene(here, [(0, 10.0, 5.0)]), signals=signals)])
    assert held.first_signal.tolist() == [0, 302]
    assert held.signal.reshape(2, 151)[:, 0].tolist() == [Signal.RED, Signal.GREEN]
    assert held.stop_m[: held.first_stop[1]].tolist() == [40.0, 80.0]
    assert held.stop_light[: held.first_stop[1]].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (replace(lane(np.inf, 9.0, 0), successors=(1,)), "leads to a lane"),
        (replace(lane(np.inf, 9.0, 0), light=0), "obeys a light"),
    ],
)
def test_a_map_that_points_nowhere_is_refused(broken: Lane, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        pack([scene(replace(road(), lanes=(broken,)), [(0, 1.0, 5.0)])])
