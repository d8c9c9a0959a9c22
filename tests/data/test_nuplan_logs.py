"""What comes out of whole nuPlan recordings: which windows, which routes, one road for all."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivetrain.data.__main__ import main
from drivetrain.data.converters import nuplan
from drivetrain.data.converters.contract import Options, Repair
from drivetrain.data.place_map import lane_along
from drivetrain.data.scenario_sets import load
from drivetrain.sim.scenario import Lane, Road, Scenario
from tests import scenes
from tests.data.nuplan_builder import (
    ANCHOR,
    LAS_VEGAS,
    LOG_NAME,
    Layout,
    time_us,
    write_database,
)
from tests.data.nuplan_builder_map import FIRST_CONNECTOR_GROUP, FIRST_GROUP, write_map

TWICE = 300
"""Rows between two anchors that are far enough apart."""


def converted(
    folder: Path, layout: Layout, unseen_until: int = 0
) -> list[Scenario | Repair | str]:
    """What becomes of half a minute on three lanes.  unseen_until: the first row with boxes."""
    road = scenes.road(length_m=500.0)
    drives = [(0, 20.0, 8.0), (1, 30.0, 7.0), (2, 60.0, 6.0)]
    file = write_database(folder / "logs", scenes.scene(road, drives, steps=331), layout)
    write_map(folder / "maps", road)
    if unseen_until:
        with closing(sqlite3.connect(file)) as database, database:
            database.execute(
                "DELETE FROM lidar_box WHERE lidar_pc_token IN "
                "(SELECT token FROM lidar_pc WHERE timestamp < ?)",
                [time_us(unseen_until)],
            )
    return list(nuplan.scenarios_of(file, Options(maps=folder / "maps")))


def test_windows_of_one_recording_share_its_road_and_its_lines(tmp_path: Path) -> None:
    layout = Layout(tags_by_row={ANCHOR + TWICE: ("on_intersection",)})
    first, second = converted(tmp_path, layout)
    assert isinstance(first, Scenario)
    assert isinstance(second, Scenario)
    assert first.road is second.road
    # The others keep their lines; only the ego has a route of its own in every window.
    np.testing.assert_array_equal(first.agent_path[1:], second.agent_path[1:])
    assert first.route != second.route
    assert second.tracks.x_m[0, 0] == pytest.approx(first.tracks.x_m[0, -1])


def test_tags_of_one_type_within_15_s_give_one_scenario(tmp_path: Path) -> None:
    runs = {ANCHOR + row: ("on_intersection",) for row in range(1, 250)}
    found = converted(tmp_path, Layout(tags_by_row=runs))
    assert [type(one) for one in found] == [Scenario]


def test_each_type_has_windows_of_its_own(tmp_path: Path) -> None:
    tags = {ANCHOR + 10: ("following_lane",), ANCHOR + TWICE: ("on_intersection",)}
    found = converted(tmp_path, Layout(tags_by_row=tags))
    types = [one.type for one in found if isinstance(one, Scenario)]
    assert types == ["on_intersection", "following_lane", "on_intersection"]


def begin_m(found: Scenario | Repair | str) -> float:
    """Where the ego begins, from the scene's own origin on."""
    assert isinstance(found, Scenario)
    return float(found.tracks.x_m[0, 0] + found.origin_m[0] - LAS_VEGAS.at_m[0])


def test_a_tag_without_a_window_leaves_its_types_turn_to_the_next(tmp_path: Path) -> None:
    runs = dict.fromkeys(range(320), ("on_intersection",))
    # Row by row: 3 s before the first tags nothing was recorded.
    reason, found = converted(tmp_path, Layout(tags=(), tags_by_row=runs))
    assert reason == "outside_recording"
    assert begin_m(found) == pytest.approx(20.0)


def test_a_window_without_objects_leaves_its_types_turn_to_the_next(tmp_path: Path) -> None:
    runs = dict.fromkeys(range(ANCHOR, ANCHOR + 200), ("on_intersection",))
    # Windows are read every second row, and end 300 rows after they begin.
    reason, found = converted(tmp_path, Layout(tags=(), tags_by_row=runs), 350)
    assert reason == "no_objects"
    assert begin_m(found) == pytest.approx(20.0 + 8.0 * 50 * 0.05)


def test_no_more_of_a_type_are_taken_than_asked_for(tmp_path: Path) -> None:
    runs = dict.fromkeys(range(600), ("on_intersection",))
    found = converted(tmp_path, Layout(tags_by_row=runs))
    assert [type(one) for one in found] == [str, Scenario, Scenario]
    words = ["convert", "nuplan", "--db", str(tmp_path / "logs"), "--workers", "1"]
    words += ["--maps", str(tmp_path / "maps"), "--out", str(tmp_path / "set")]
    assert main([*words, "--per-type", "1"]) == 0
    assert len(load(tmp_path / "set").arrays.steps) == 1


def test_a_scenario_begins_3_s_before_its_tag(tmp_path: Path) -> None:
    (found,) = converted(tmp_path, Layout(tags=(), tags_by_row={100: ("on_intersection",)}))
    # 40 rows of 0.05 s after the begin, at 8 m/s from 20 m on.
    assert begin_m(found) == pytest.approx(20.0 + 8.0 * 40 * 0.05)


def fork() -> Road:
    """A lane that leads straight on, or to the left by a bend."""

    def lane(points: np.ndarray[tuple[int, ...], np.dtype[np.float64]], block: int) -> Lane:
        return lane_along(points, scenes.LANE_M, 15.0, block, is_connector=block in (1, 3))

    def along(begin: float, end: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        way = np.linspace(begin, end, 40)
        return np.stack([way, np.zeros_like(way)], axis=1)

    bend = scenes.arc(30.0, 10.0 * np.pi) + np.array([160.0, 0.0])
    heading = np.array([np.cos(np.pi / 3), np.sin(np.pi / 3)])
    onward = bend[-1] + heading * np.linspace(0.0, 200.0, 40)[:, None]
    parts = [along(0.0, 160.0), along(160.0, 180.0), along(180.0, 400.0), bend, onward]
    after = {0: (1, 3), 1: (2,), 3: (4,)}
    lanes = tuple(
        replace(lane(part, at), successors=after.get(at, ())) for at, part in enumerate(parts)
    )
    line = scenes.line(np.concatenate(parts[:3]))
    return Road("fork", (line,), np.zeros((0, 4)), lanes)


@pytest.mark.parametrize(
    ("roadblocks", "goes"),
    [
        (None, "straight"),
        (f"{FIRST_GROUP} {FIRST_CONNECTOR_GROUP + 1} {FIRST_GROUP + 2}", "straight"),
        (f"{FIRST_GROUP} {FIRST_CONNECTOR_GROUP + 3} {FIRST_GROUP + 4}", "left"),
        (f"{FIRST_GROUP},{FIRST_CONNECTOR_GROUP + 3},{FIRST_GROUP + 4}", "left"),
    ],
)
def test_the_route_goes_on_along_the_roadblocks(
    tmp_path: Path, roadblocks: str | None, goes: str
) -> None:
    road = fork()
    scene = scenes.scene(road, [(0, 20.0, 8.0), (0, 40.0, 8.0)])
    file = write_database(tmp_path / "logs", scene, Layout(roadblocks=roadblocks))
    write_map(tmp_path / "maps", road)
    (found,) = nuplan.scenarios_of(file, Options(maps=tmp_path / "maps"))
    assert isinstance(found, Scenario)
    end_m = found.road.paths[found.route].points_m[-1] + found.origin_m - LAS_VEGAS.at_m
    # The car ends at 140 m, before the fork at 160 m.
    assert (end_m[1] > 50.0) == (goes == "left")
    assert np.hypot(*(end_m - [140.0, 0.0])) > 60.0


def test_recordings_become_a_set_by_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    road = scenes.road(length_m=300.0)
    scene = scenes.scene(road, [(0, 20.0, 8.0), (1, 30.0, 7.0)])
    later = LOG_NAME.replace("22.00.38", "23.10.00")
    for name in (LOG_NAME, later):
        write_database(tmp_path / "logs", scene, name=name)
    (tmp_path / "logs" / "torn.db").write_bytes(b"SQLite format 3\0" + bytes(200))
    write_map(tmp_path / "maps", road)
    out = tmp_path / "set"
    words = ["convert", "nuplan", "--db", str(tmp_path / "logs"), "--workers", "1"]
    assert main([*words, "--maps", str(tmp_path / "maps"), "--out", str(out)]) == 0
    capsys.readouterr()
    found = load(out)
    assert found.manifest.unfit == {"torn.db": "damaged"}
    assert found.licences == ("nuplan-nc",)
    assert {*found.catalogue["log"].tolist()} == {LOG_NAME, later}
    assert len({*found.catalogue["group"].tolist()}) == 2
    np.testing.assert_array_equal(found.arrays.steps, 151)
