"""A scenario laid out as a nuPlan database and map comes back as the scene it was."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.data import generate, lines, validate
from drivetrain.data.converters import argoverse, commonroad, nuplan
from drivetrain.data.converters.contract import Options, Repair
from drivetrain.data.converters.nuplan_cut import REACH_M
from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import AreaKind, Category, Lane, Road, Scenario, Signal
from tests import scenes
from tests.data.nuplan_builder import CITIES, LAS_VEGAS, City, Layout, write_database
from tests.data.nuplan_builder_graph import Graph
from tests.data.nuplan_builder_map import GAP_M, write_map
from tests.data.nuplan_scenes import STOP_M, lit_scene

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

SHARED = Path(
    os.environ.get("DRIVETRAIN_SHARED_DATA")
    or Path(__file__).resolve().parents[3] / "shared" / "data"
)
PLACE_M = 0.01
ANGLE_RAD = 1e-3


def there_and_back(folder: Path, scene: Scenario, city: City = LAS_VEGAS) -> Scenario:
    """The one scenario that comes out of a database made of one."""
    file = write_database(folder / "logs", scene, Layout(city))
    write_map(folder / "maps", scene.road, city)
    found = list(nuplan.scenarios_of(file, Options(maps=folder / "maps")))
    # Real boxes may overlap; nothing else is to be mended in what was good.
    mended = [one.what for one in found if isinstance(one, Repair)]
    assert mended in ([], ["others_overlapping_at_start"])
    (back,) = (one for one in found if not isinstance(one, Repair))
    assert isinstance(back, Scenario)
    assert validate.fault(back) is None
    return back


def same_tracks(scene: Scenario, back: Scenario, city: City) -> None:
    """Holds what everybody did to the centimetre; whoever is never seen is not told."""
    shift = np.array(back.origin_m) - city.at_m
    told = [at for at in range(len(scene.tracks.x_m)) if at != scene.ego]
    told = [scene.ego, *(at for at in told if scene.tracks.valid[at].any())]
    steps = min(scene.tracks.x_m.shape[1], 151)
    was, now = scene.tracks, back.tracks
    valid = now.valid[:, :steps]
    np.testing.assert_array_equal(valid, was.valid[told, :steps])
    for old, new, offset in ((was.x_m, now.x_m, shift[0]), (was.y_m, now.y_m, shift[1])):
        away = (new[:, :steps] + offset - old[told, :steps])[valid]
        assert np.abs(away).max() < PLACE_M
    turned = lines.turned(now.heading_rad[:, :steps] - was.heading_rad[told, :steps])
    assert np.abs(turned[valid]).max() < ANGLE_RAD
    for old, new in ((was.vx_mps, now.vx_mps), (was.vy_mps, now.vy_mps)):
        assert np.abs((new[:, :steps] - old[told, :steps])[valid]).max() < PLACE_M
    np.testing.assert_allclose(now.length_m[1:], was.length_m[told[1:]], atol=1e-6)
    np.testing.assert_allclose(now.width_m[1:], was.width_m[told[1:]], atol=1e-6)
    np.testing.assert_array_equal(now.category[1:], was.category[told[1:]])


def lanes_back(scene: Scenario, back: Scenario, city: City) -> dict[int, int]:
    """For every lane near the ego the lane it came back as."""
    shift = np.array(back.origin_m) - city.at_m
    was, now = scene.road.lanes, back.road.lanes
    found = {}
    for at, lane in enumerate(was):
        for row, other in enumerate(now):
            same = other.baseline_m.shape == lane.baseline_m.shape
            if same and np.abs(other.baseline_m + shift - lane.baseline_m).max() < PLACE_M:
                found[at] = row
    near = near_the_ego(scene)
    assert {at for at, lane in enumerate(was) if near.intersects(outline(lane.outline_m))} <= {
        *found
    }
    return found


def near_the_ego(scene: Scenario) -> shapely.Geometry:
    way = np.stack([scene.tracks.x_m[scene.ego], scene.tracks.y_m[scene.ego]], axis=1)
    # A little less than what is kept, so that nothing stands on its border.
    return shapely.LineString(way).buffer(REACH_M - 2.0)


def outline(points_m: Floats) -> shapely.Polygon:
    return shapely.make_valid(shapely.Polygon(points_m))


def onward(road: Road, at: int) -> set[int]:
    """The successors of a lane, past the tiny pieces that the layout puts between lanes."""
    found = set()
    for after in road.lanes[at].successors:
        found |= onward(road, after) if is_gap(road.lanes[after]) else {after}
    return found


def same_lanes(scene: Scenario, back: Scenario, city: City) -> None:
    shift = np.array(back.origin_m) - city.at_m
    rows = lanes_back(scene, back, city)
    told = Graph(scene.road).is_connector
    assert rows
    for at, row in rows.items():
        lane, other = scene.road.lanes[at], back.road.lanes[row]
        moved = outline(other.outline_m + shift)
        assert outline(lane.outline_m).symmetric_difference(moved).area < 0.1
        assert other.is_connector == told[at]
        assert onward(back.road, row) == {rows[a] for a in lane.successors if a in rows}
        if not told[at]:
            np.testing.assert_allclose(other.limit_mps, lane.limit_mps)
    blocks = {
        ((scene.road.lanes[at].block, told[at]), back.road.lanes[row].block)
        for at, row in rows.items()
    }
    assert len(blocks) == len({was for was, _ in blocks}) == len({now for _, now in blocks})


def same_signals(scene: Scenario, back: Scenario, city: City) -> None:
    if scene.signals is None:
        return
    steps = min(scene.tracks.x_m.shape[1], 151)
    for at, row in lanes_back(scene, back, city).items():
        light, others = scene.road.lanes[at].light, lights_into(back.road, row)
        if light < 0 or (scene.signals[light] == Signal.NONE).all():
            assert others == {-1}
            continue
        assert back.signals is not None
        for other in others:
            np.testing.assert_array_equal(
                back.signals[other, :steps], scene.signals[light, :steps]
            )


def lights_into(road: Road, row: int) -> set[int]:
    """The light of a lane, or those of the gaps that lead to it where it has none itself."""
    if road.lanes[row].is_connector:
        return {road.lanes[row].light}
    gaps = [lane for lane in road.lanes if row in lane.successors and is_gap(lane)]
    return {gap.light for gap in gaps} or {-1}


def is_gap(lane: Lane) -> bool:
    return bool(lines.arc_length(lane.baseline_m)[-1] < 2 * GAP_M)


def ground(road: Road, kind: AreaKind, shift: Floats | float = 0.0) -> shapely.Geometry:
    shapes = [
        shapely.Polygon(area.rings_m[0] + shift, [ring + shift for ring in area.rings_m[1:]])
        for area in road.areas
        if area.kind == kind
    ]
    return shapely.union_all(shapely.make_valid(shapes))


def same_ground(scene: Scenario, back: Scenario, city: City) -> None:
    shift = np.array(back.origin_m) - city.at_m
    near = near_the_ego(scene)
    for kind in (AreaKind.INTERSECTION, AreaKind.CROSSWALK, AreaKind.DRIVABLE):
        was = ground(scene.road, kind)
        if kind == AreaKind.DRIVABLE:
            was = was.union(ground(scene.road, AreaKind.INTERSECTION))
        difference = was.symmetric_difference(ground(back.road, kind, shift))
        assert difference.intersection(near).area < 1.0


def edges_enclose_the_lanes(scene: Scenario, back: Scenario, city: City) -> None:
    """No edge inside the drivable ground or a lane, and none where only the cut ends."""
    shift = np.array(back.origin_m) - city.at_m
    shapes = [outline(lane.outline_m) for lane in scene.road.lanes]
    inside = ground(scene.road, AreaKind.DRIVABLE).union(shapely.union_all(shapes)).buffer(-0.4)
    edges = back.road.edges_m.reshape(-1, 2, 2) + shift
    crossing = shapely.intersection(shapely.linestrings(edges), inside)
    assert len(edges) > 0
    assert shapely.length(crossing).max() < 0.2


def holds(scene: Scenario, back: Scenario, city: City) -> None:
    same_tracks(scene, back, city)
    same_lanes(scene, back, city)
    same_signals(scene, back, city)
    same_ground(scene, back, city)
    edges_enclose_the_lanes(scene, back, city)
    pack([back])


def hand_made(radius_m: float = 150.0) -> Scenario:
    road = scenes.road(radius_m, length_m=300.0)
    return scenes.scene(road, [(0, 20.0, 8.0), (1, 30.0, 7.0), (2, 60.0, 6.0), (0, 50.0, 8.0)])


@pytest.mark.parametrize("city", CITIES, ids=[city.name for city in CITIES])
def test_a_hand_made_scene_comes_back_from_any_city(tmp_path: Path, city: City) -> None:
    scene = hand_made()
    holds(scene, there_and_back(tmp_path, scene, city), city)


@pytest.fixture(scope="module")
def made_up() -> list[Scenario]:
    return list(generate.scenarios(16, seed=5))


@pytest.mark.parametrize("number", range(16))
def test_made_up_scenes_of_every_family_come_back(
    tmp_path: Path, made_up: list[Scenario], number: int
) -> None:
    scene = made_up[number]
    holds(scene, there_and_back(tmp_path, scene), LAS_VEGAS)


def test_the_road_is_open_where_only_the_cut_ends(tmp_path: Path) -> None:
    scene = scenes.scene(scenes.road(length_m=1000.0), [(0, 400.0, 8.0), (1, 430.0, 7.0)])
    back = there_and_back(tmp_path, scene)
    ends = back.road.edges_m.reshape(-1, 2) + back.origin_m - LAS_VEGAS.at_m
    low, high = 400.0 - REACH_M, 520.0 + REACH_M
    assert (ends[:, 0] > low - 0.1).all()
    assert (ends[:, 0] < high + 0.1).all()
    assert np.ptp(ends[:, 0]) > high - low - 5.0
    # No edge leads across the lanes.
    inside = (ends[:, 1] > -scenes.LANE_M / 2 + 0.1) & (ends[:, 1] < 2.5 * scenes.LANE_M - 0.1)
    assert not inside.any()


@st.composite
def lit_scenes(draw: st.DrawFn) -> Scenario:
    """A crossing anywhere and any way round, with any lights, gaps and kinds of objects."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # Lights change every second or so; some are never seen.
    codes = rng.integers(0, len(Signal), (2, 16)).astype(np.uint8)
    scene = lit_scene(np.repeat(codes, 10, axis=1)[:, :151])
    tracks = scene.tracks
    valid = tracks.valid.copy()
    for at in range(1, len(valid)):
        begin = int(rng.integers(0, 120))
        valid[at, begin : begin + int(rng.integers(0, 31))] = False
    kinds = rng.permutation(np.array([0, 1, 2, 3], np.uint8))
    kinds[scene.ego] = Category.VEHICLE
    tracks = replace(
        tracks,
        valid=valid,
        category=kinds,
        length_m=tracks.length_m * np.r_[1.0, rng.uniform(0.2, 2.0, 3)],
        width_m=tracks.width_m * np.r_[1.0, rng.uniform(0.2, 1.2, 3)],
    )
    angle = draw(st.floats(-np.pi, np.pi))
    by_m = draw(st.tuples(*2 * [st.floats(-2000.0, 2000.0)]))
    return scenes.moved(replace(scene, tracks=tracks), angle, by_m)


@settings(max_examples=15, deadline=None)
@given(lit_scenes(), st.sampled_from(CITIES))
def test_any_lit_crossing_comes_back_from_anywhere(scene: Scenario, city: City) -> None:
    with tempfile.TemporaryDirectory() as folder:
        holds(scene, there_and_back(Path(folder), scene, city), city)


def test_lines_stop_where_they_enter_a_lit_connector(tmp_path: Path) -> None:
    scene = lit_scene(np.full((2, 151), Signal.RED, np.uint8))
    back = there_and_back(tmp_path, scene)
    route = back.road.paths[back.route]
    (stop,) = route.stops
    assert back.road.lanes[[lane.light for lane in back.road.lanes].index(stop.light)]
    x_m = lines.at(route.points_m, np.array([stop.along_m]))[0, 0]
    assert x_m + back.origin_m[0] - LAS_VEGAS.at_m[0] == pytest.approx(STOP_M, abs=0.1)
    # The car that stands in its lane gets a line too: it may wait for somebody.
    assert (back.agent_path >= 0).all()


def test_limits_of_lines_and_connectors_are_those_of_their_lanes(tmp_path: Path) -> None:
    scene = lit_scene(np.full((2, 151), Signal.GREEN, np.uint8))
    back = there_and_back(tmp_path, scene)
    limits = {(lane.is_connector, lane.limit_mps) for lane in back.road.lanes}
    # A connector has the higher limit of the lanes it connects, not its own.
    assert limits == {(False, 13.0), (True, 13.0), (False, 11.0)}
    assert {*back.road.paths[back.route].limit_mps.tolist()} == {13.0, 11.0}
    assert np.isnan(back.desired_mps).all()


@pytest.mark.parametrize("stored_epsg", [4326, LAS_VEGAS.epsg, 3857])
def test_a_map_may_stand_in_any_reference_system(tmp_path: Path, stored_epsg: int) -> None:
    scene = hand_made()
    file = write_database(tmp_path / "logs", scene)
    write_map(tmp_path / "maps", scene.road, stored_epsg=stored_epsg)
    (back,) = nuplan.scenarios_of(file, Options(maps=tmp_path / "maps"))
    assert isinstance(back, Scenario)
    same_lanes(scene, back, LAS_VEGAS)


def recorded() -> list[tuple[str, Path]]:
    """Real recordings, where they are at hand: converter and file."""
    found = [("commonroad", file) for file in sorted((SHARED / "commonroad").rglob("*.xml"))]
    if (SHARED / "av2").is_dir():
        found += [("argoverse", file) for file in argoverse.files_in([SHARED / "av2"])]
    return found


@pytest.mark.skipif(not recorded(), reason="no recordings here; set DRIVETRAIN_SHARED_DATA")
@pytest.mark.parametrize(
    ("source", "file"), recorded(), ids=lambda value: getattr(value, "stem", value)
)
def test_a_real_scene_comes_back(tmp_path: Path, source: str, file: Path) -> None:
    converter = {"commonroad": commonroad, "argoverse": argoverse}[source]
    good = (one for one in converter.scenarios_of(file) if isinstance(one, Scenario))
    scene = next(one for one in good if validate.fault(one) is None)
    holds(scene, there_and_back(tmp_path, scene), LAS_VEGAS)
