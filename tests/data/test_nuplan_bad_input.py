"""Whatever is wrong with a nuPlan recording or map is refused or counted by name."""

# ruff: noqa: S608 - every statement is put together here, from constants

import shutil
import sqlite3
import struct
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import shapely

from drivetrain.data import validate
from drivetrain.data.converters import nuplan
from drivetrain.data.converters.contract import Options, Repair, UnfitFileError
from drivetrain.errors import NotFoundError, RequestError
from drivetrain.sim.scenario import Scenario
from tests import scenes
from tests.data.nuplan_builder import (
    ANCHOR,
    BOSTON,
    FIRST_ROW_US,
    LAS_VEGAS,
    LOG_NAME,
    token,
    write_database,
)
from tests.data.nuplan_builder_map import write_map

ROWS = 301


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good recording of four cars on three lanes, and its map."""
    folder = tmp_path_factory.mktemp("nuplan")
    road = scenes.road(150.0, length_m=300.0)
    drives = [(0, 20.0, 8.0), (1, 30.0, 7.0), (2, 60.0, 6.0), (0, 50.0, 8.0)]
    write_database(folder / "logs", scenes.scene(road, drives))
    write_map(folder / "maps", road)
    return folder


class Log:
    """A copy of the recording to be spoilt."""

    def __init__(self, built: Path, folder: Path) -> None:
        self.maps = built / "maps"
        self.file = folder / f"{LOG_NAME}.db"
        shutil.copy(built / "logs" / f"{LOG_NAME}.db", self.file)

    def change(self, query: str, values: Sequence[object] = ()) -> None:
        with closing(sqlite3.connect(self.file)) as database, database:
            database.execute(query, values)

    def converted(
        self, options: Options | None = None
    ) -> tuple[list[Scenario], Counter[str], Counter[str]]:
        """Scenarios, rejects by reason, and repairs by name."""
        found = list(nuplan.scenarios_of(self.file, options or Options(maps=self.maps)))
        repairs: Counter[str] = Counter()
        for one in found:
            if isinstance(one, Repair):
                repairs[one.what] += one.count
        rejects = Counter(one for one in found if isinstance(one, str))
        good = [one for one in found if isinstance(one, Scenario)]
        rejects.update(fault for one in good if (fault := validate.fault(one)))
        return [one for one in good if not validate.fault(one)], rejects, repairs

    def reason(self, options: Options | None = None) -> str:
        """Why the whole file is refused."""
        with pytest.raises(UnfitFileError) as refused:
            self.converted(options)
        return str(refused.value)


@pytest.fixture
def log(built: Path, tmp_path: Path) -> Log:
    return Log(built, tmp_path)


def box(track: int, row: int | None = None) -> tuple[str, list[object]]:
    """Which boxes, as a condition: those of a track, in one row or in all."""
    if row is None:
        return "track_token = ?", [token(8, track)]
    return "track_token = ? AND lidar_pc_token = ?", [token(8, track), token(4, row)]


def test_a_good_recording_is_taken_whole(log: Log) -> None:
    (found,), rejects, repairs = log.converted()
    assert found.tracks.x_m.shape == (4, 151)
    assert found.tracks.valid.all()
    assert not rejects
    assert not repairs
    assert found.licence == "nuplan-nc"
    assert found.group == "2021.05.12.22.00.38_veh-35"
    assert found.log == LOG_NAME
    assert found.type == "on_intersection"


# Files.


def test_a_truncated_database_is_refused(log: Log) -> None:
    log.file.write_bytes(log.file.read_bytes()[: log.file.stat().st_size // 2])
    assert log.reason() == "truncated"


def test_a_database_with_a_torn_page_is_refused(log: Log) -> None:
    content = bytearray(log.file.read_bytes())
    content[4096 : len(content) - 4096] = b"\xff" * (len(content) - 8192)
    log.file.write_bytes(content)
    assert log.reason() == "damaged"


@pytest.mark.parametrize("content", [b"", b"SQLite", b"<html>" * 100, bytes(4096)])
def test_a_file_that_is_no_database_is_refused(log: Log, content: bytes) -> None:
    log.file.write_bytes(content)
    assert log.reason() == "not_sqlite"


def test_a_database_of_something_else_is_refused(log: Log) -> None:
    log.file.unlink()
    log.change("CREATE TABLE bookmarks (url TEXT)")
    assert log.reason() == "not_nuplan"


def test_a_database_without_a_table_or_column_is_refused(log: Log) -> None:
    log.change("ALTER TABLE scenario_tag DROP COLUMN type")
    assert log.reason() == "no_column_scenario_tag.type"
    log.change("DROP TABLE lidar_box")
    assert log.reason() == "no_table_lidar_box"


def test_a_file_that_is_gone_is_refused(log: Log) -> None:
    log.file.unlink()
    assert log.reason() == "cannot_be_opened"


def test_words_where_numbers_belong_are_refused(log: Log) -> None:
    log.change("UPDATE lidar_box SET x = 'here' WHERE rowid = 5")
    assert log.reason() == "damaged"


@pytest.mark.parametrize(
    "query", ["DELETE FROM log", "INSERT INTO log VALUES (x'00',1,1,1,1,1,1)"]
)
def test_a_database_of_none_or_several_logs_is_refused(log: Log, query: str) -> None:
    log.change(query)
    assert log.reason() == "not_one_log"


def test_pickles_are_never_opened_nor_read(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    reading: list[str] = []
    connect = sqlite3.connect

    def watched(*place: object, **how: object) -> sqlite3.Connection:
        database: sqlite3.Connection = connect(*place, **how)  # type: ignore[call-overload]
        database.set_authorizer(note)
        return database

    def note(_action: int, table: str | None, column: str | None, *_: object) -> int:
        reading.append(f"{table}.{column}")
        return sqlite3.SQLITE_OK

    monkeypatch.setattr(sqlite3, "connect", watched)
    assert log.converted()[0]
    assert "lidar.channel" in reading
    assert not {"lidar.translation", "lidar.rotation", "camera.intrinsic"} & {*reading}


# Clocks and tokens.


def as_made_by_the_generator(log: Log) -> None:
    """1 Hz, times from zero, quaternions and velocities of ones, as nuPlan's test files are."""
    log.change("UPDATE lidar_pc SET timestamp = (timestamp - ?) * 20", [FIRST_ROW_US])
    log.change("UPDATE ego_pose SET qw = 1, qx = 1, qy = 1, qz = 1")


def test_rows_of_the_test_file_generator_are_refused(log: Log) -> None:
    as_made_by_the_generator(log)
    assert log.reason() == "times_count_from_zero"
    log.change("UPDATE lidar_pc SET timestamp = timestamp + ?", [FIRST_ROW_US])
    assert log.reason() == "not_at_20_hz"
    log.change("UPDATE lidar_pc SET timestamp = (timestamp - ?) / 20 + ?", 2 * [FIRST_ROW_US])
    assert log.reason() == "ego_bad_quaternion"


@pytest.mark.parametrize(
    ("table", "column"),
    [("lidar_pc", "token"), ("lidar_box", "track_token"), ("scene", "token")],
)
def test_tokens_of_four_bytes_or_as_text_are_refused(log: Log, table: str, column: str) -> None:
    log.change(f"UPDATE {table} SET {column} = substr({column}, 5)")
    assert log.reason() == "bad_tokens"
    log.change(f"UPDATE {table} SET {column} = hex({column})")
    assert log.reason() == "bad_tokens"


@pytest.mark.parametrize("table", ["lidar_pc", "track"])
def test_duplicate_tokens_are_refused(log: Log, table: str) -> None:
    # Without a primary key, as a careless copy has none.
    log.change(f"CREATE TABLE copied AS SELECT * FROM {table}")
    log.change(f"DROP TABLE {table}")
    log.change(f"ALTER TABLE copied RENAME TO {table}")
    log.change(f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1")
    assert log.reason() == "duplicate_tokens"


def test_frames_of_another_channel_do_not_count(log: Log) -> None:
    log.change(
        "INSERT INTO lidar_pc SELECT x'ff' || substr(token, 2), next_token, prev_token, "
        "ego_pose_token, ?, scene_token, filename, timestamp + 25000 FROM lidar_pc",
        [token(3, 1)],
    )
    (found,), rejects, repairs = log.converted()
    assert found.tracks.valid.all()
    assert not rejects
    assert not repairs


def test_a_recording_of_another_channel_alone_is_refused(log: Log) -> None:
    log.change("UPDATE lidar SET channel = 'channel_' || channel")
    assert log.reason() == "no_frames"


def test_two_frames_of_one_time_leave_their_window_out(log: Log) -> None:
    log.change(
        "UPDATE lidar_pc SET timestamp = timestamp - 50000 WHERE token = ?", [token(4, 150)]
    )
    assert log.converted()[:2] == ([], {"frame_times_repeat": 1})


# Missing rows.


def test_a_missing_row_is_made_up_by_its_neighbours(log: Log) -> None:
    whole = log.converted()[0][0]
    log.change("DELETE FROM lidar_pc WHERE token = ?", [token(4, 101)])
    (found,), rejects, repairs = log.converted()
    assert not rejects
    # The boxes of that row have lost their frame.
    assert repairs == {"windows_interpolated": 1, "boxes_dropped_without_frame": 3}
    for name in ("x_m", "y_m", "heading_rad", "vx_mps"):
        np.testing.assert_allclose(
            getattr(found.tracks, name), getattr(whole.tracks, name), atol=0.01
        )
    assert found.tracks.valid.all()


def test_an_even_row_that_is_missing_is_made_up_too(log: Log) -> None:
    whole = log.converted()[0][0]
    log.change("DELETE FROM lidar_pc WHERE token = ?", [token(4, 100)])
    (found,), _, repairs = log.converted()
    assert repairs["windows_interpolated"] == 1
    np.testing.assert_allclose(found.tracks.x_m, whole.tracks.x_m, atol=0.01)


def test_a_car_is_seen_until_its_last_row_though_others_are_made_up(log: Log) -> None:
    log.change("DELETE FROM lidar_pc WHERE token = ?", [token(4, 151)])
    log.change(
        "DELETE FROM lidar_box WHERE track_token = ? AND lidar_pc_token IN (SELECT token FROM "
        "lidar_pc WHERE timestamp > ?)",
        [token(8, 2), FIRST_ROW_US + 100 * 50_000],
    )
    (found,), _, repairs = log.converted()
    assert repairs["windows_interpolated"] == 1
    assert sorted(found.tracks.valid.sum(axis=1).tolist()) == [51, 151, 151, 151]


def test_headings_are_made_up_the_short_way_round(tmp_path: Path) -> None:
    road = scenes.road(150.0, length_m=300.0)
    # Everybody turns through the west.
    scene = scenes.moved(scenes.scene(road, [(0, 20.0, 8.0), (1, 30.0, 7.0)]), 2.6, (0.0, 0.0))
    write_database(tmp_path / "logs", scene)
    write_map(tmp_path / "maps", scene.road)
    (tmp_path / "spoilt").mkdir()
    log = Log(tmp_path, tmp_path / "spoilt")
    for row in range(41, 281, 20):
        log.change("DELETE FROM lidar_pc WHERE token = ?", [token(4, row)])
        log.change("DELETE FROM lidar_pc WHERE token = ?", [token(4, row + 1)])
    (found,), _, repairs = log.converted()
    assert repairs["windows_interpolated"] == 1
    away = np.angle(np.exp(1j * (found.tracks.heading_rad - scene.tracks.heading_rad)))
    assert (np.abs(np.diff(found.tracks.heading_rad, axis=1)) > 6.0).any()
    assert np.abs(away).max() < 1e-3


def test_clocks_that_tremble_a_little_are_taken_row_by_row(log: Log) -> None:
    log.change("UPDATE lidar_pc SET timestamp = timestamp + (rowid * 7919) % 1500 - 750")
    (found,), rejects, repairs = log.converted()
    assert not rejects
    assert not repairs
    assert found.tracks.valid.all()


def test_clocks_that_tremble_a_lot_are_made_even(log: Log) -> None:
    whole = log.converted()[0][0]
    # The states are those of the shifted times: 8 m/s over 8 ms.
    log.change("UPDATE lidar_pc SET timestamp = timestamp + 8000 * (rowid % 4 = 3)")
    (found,), rejects, repairs = log.converted()
    assert not rejects
    assert repairs == {"windows_interpolated": 1}
    np.testing.assert_allclose(found.tracks.x_m, whole.tracks.x_m, atol=0.1)


def test_half_a_second_of_missing_rows_leaves_the_window_out(log: Log) -> None:
    for row in range(100, 110):
        log.change("DELETE FROM lidar_pc WHERE token = ?", [token(4, row)])
    assert log.converted()[:2] == ([], {"rows_missing": 1})


def test_a_tag_too_near_to_an_end_is_left_out(log: Log) -> None:
    for row in (ANCHOR - 5, ANCHOR + 5):
        log.change("UPDATE scenario_tag SET lidar_pc_token = ?", [token(4, row)])
        assert log.converted()[:2] == ([], {"outside_recording": 1})


# The ego.


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("qw = 2 * qw", "ego_bad_quaternion"),
        ("x = NULL", "ego_not_finite"),
        ("vx = NULL", "ego_not_finite"),
        ("vx = 99", "ego_too_fast"),
        ("y = y + 30", "ego_jumps"),
    ],
)
def test_an_ego_that_cannot_be_leaves_its_window_out(
    log: Log, change: str, reason: str
) -> None:
    log.change(f"UPDATE ego_pose SET {change} WHERE token = ?", [token(2, 200)])
    assert log.converted()[:2] == ([], {reason: 1})


def test_what_happened_before_a_window_is_not_its_fault(log: Log) -> None:
    log.change("DELETE FROM scenario_tag")
    # A frame long before, somewhere else: the way from there would be a jump.
    log.change(
        "INSERT INTO ego_pose SELECT x'aaaaaaaaaaaaaaaa', timestamp, x + 90, y, z, qw, qx, qy, "
        "qz, vx, vy, vz, acceleration_x, acceleration_y, acceleration_z, angular_rate_x, "
        "angular_rate_y, angular_rate_z, epsg, log_token FROM ego_pose WHERE token = ?",
        [token(2, 0)],
    )
    log.change(
        "INSERT INTO lidar_pc SELECT x'aaaaaaaaaaaaaaaa', token, NULL, x'aaaaaaaaaaaaaaaa', "
        "lidar_token, scene_token, filename, timestamp - 50000 FROM lidar_pc WHERE token = ?",
        [token(4, 0)],
    )
    log.change(
        "INSERT INTO scenario_tag VALUES (x'0a0a0a0a0a0a0a0a', ?, 'on_intersection', NULL)",
        [token(4, ANCHOR)],
    )
    (found,), rejects, _ = log.converted()
    assert not rejects
    assert found.tracks.valid.all()


def test_a_frame_without_a_pose_leaves_its_window_out(log: Log) -> None:
    log.change("DELETE FROM ego_pose WHERE token = ?", [token(2, 200)])
    assert log.converted()[:2] == ([], {"ego_not_finite": 1})


def test_an_ego_off_all_lanes_has_no_route(log: Log) -> None:
    log.change("UPDATE ego_pose SET x = x + 500, y = y + 60")
    log.change("UPDATE lidar_box SET x = x + 500, y = y + 60")
    assert log.converted()[:2] == ([], {"no_route": 1})


@pytest.mark.parametrize(
    "blocks", [None, "", "None", "20001", "20001,999", "20001 30001 20001"]
)
def test_a_route_is_found_however_its_roadblocks_are_told(log: Log, blocks: str | None) -> None:
    log.change("UPDATE scene SET roadblock_ids = ?", [blocks])
    (found,), rejects, _ = log.converted()
    assert not rejects
    route = found.road.paths[found.route].points_m
    ego = np.array([found.tracks.x_m[0, -1], found.tracks.y_m[0, -1]])
    assert np.hypot(*(route - ego).T).min() < 0.2
    assert np.hypot(*(route[-1] - ego)) > 60.0


def test_a_scene_that_is_not_there_is_no_route_but_no_error(log: Log) -> None:
    log.change("UPDATE lidar_pc SET scene_token = ?", [token(99, 1)])
    assert len(log.converted()[0]) == 1


def test_a_goal_that_is_null_does_not_matter(log: Log) -> None:
    log.change("UPDATE scene SET goal_ego_pose_token = NULL")
    assert len(log.converted()[0]) == 1


def test_a_car_on_a_slope_heads_where_its_nose_points(log: Log) -> None:
    whole = log.converted()[0][0]
    pitch, roll = 0.05, 0.04
    with closing(sqlite3.connect(log.file)) as database, database:
        rows = database.execute("SELECT token, qw, qz FROM ego_pose").fetchall()
        for name, qw, qz in rows:
            # Yaw, then pitch, then roll.
            cos_p, sin_p = np.cos(pitch / 2), np.sin(pitch / 2)
            cos_r, sin_r = np.cos(roll / 2), np.sin(roll / 2)
            turn = (
                qw * cos_p * cos_r + qz * sin_p * sin_r,
                qw * cos_p * sin_r - qz * sin_p * cos_r,
                qw * sin_p * cos_r + qz * cos_p * sin_r,
                qz * cos_p * cos_r - qw * sin_p * sin_r,
            )
            database.execute(
                "UPDATE ego_pose SET qw = ?, qx = ?, qy = ?, qz = ? WHERE token = ?",
                (*map(float, turn), name),
            )
    (found,), _, _ = log.converted()
    np.testing.assert_allclose(
        found.tracks.heading_rad[0], whole.tracks.heading_rad[0], atol=1e-6
    )


# The others.


def test_a_velocity_that_is_none_comes_from_the_positions(log: Log) -> None:
    whole = log.converted()[0][0]
    where, values = box(1)
    log.change(f"UPDATE lidar_box SET vx = NULL, vy = NULL WHERE {where}", values)
    (found,), rejects, repairs = log.converted()
    assert not rejects
    assert repairs == {"velocities_from_positions": ROWS}
    for name in ("vx_mps", "vy_mps"):
        # The last one has a neighbour on one side only.
        np.testing.assert_allclose(
            getattr(found.tracks, name)[:, 1:-1], getattr(whole.tracks, name)[:, 1:-1], atol=0.1
        )


def test_a_speed_beyond_all_cars_comes_from_the_positions(log: Log) -> None:
    where, values = box(1, 100)
    log.change(f"UPDATE lidar_box SET vx = 900 WHERE {where}", values)
    (found,), _, repairs = log.converted()
    assert repairs == {"velocities_from_positions": 1}
    assert np.hypot(found.tracks.vx_mps, found.tracks.vy_mps).max() < 9.0


def test_a_box_that_jumps_aside_for_a_moment_is_dropped(log: Log) -> None:
    where, values = box(2, 150)
    log.change(f"UPDATE lidar_box SET y = y + 40 WHERE {where}", values)
    (found,), rejects, repairs = log.converted()
    assert not rejects
    assert repairs == {"tracks_cut_where_they_jump": 1, "boxes_dropped_jump": 1}
    # The track goes on as another: nothing says that it is the same car.
    assert found.tracks.x_m.shape[0] == 5


def test_a_track_that_teleports_is_cut_in_two(log: Log) -> None:
    log.change(
        "UPDATE lidar_box SET y = y + 80 WHERE track_token = ? AND lidar_pc_token IN "
        "(SELECT token FROM lidar_pc WHERE timestamp >= ?)",
        [token(8, 2), FIRST_ROW_US + 150 * 50_000],
    )
    (found,), rejects, repairs = log.converted()
    assert not rejects
    assert repairs == {"tracks_cut_where_they_jump": 1}
    seen = found.tracks.valid.sum(axis=1)
    assert sorted(seen.tolist()) == [75, 76, 151, 151, 151]


def test_two_short_jumps_in_a_step_cut_a_track_too(log: Log) -> None:
    for row in (151, 152):
        log.change(
            "UPDATE lidar_box SET y = y + 1.5 WHERE track_token = ? AND lidar_pc_token IN "
            "(SELECT token FROM lidar_pc WHERE timestamp >= ?)",
            [token(8, 2), FIRST_ROW_US + row * 50_000],
        )
    (found,), rejects, repairs = log.converted()
    assert not rejects
    assert repairs == {"tracks_cut_where_they_jump": 1, "boxes_dropped_jump": 1}
    assert found.tracks.x_m.shape[0] == 5


def test_velocities_that_lead_elsewhere_are_kept_and_counted(log: Log) -> None:
    where, values = box(1)
    log.change(f"UPDATE lidar_box SET vx = vx + 20 WHERE {where}", values)
    (found,), rejects, repairs = log.converted()
    assert not rejects
    assert repairs == {"velocities_unlike_positions": 1}
    assert np.hypot(found.tracks.vx_mps, found.tracks.vy_mps).max() > 15.0


def overlap_the_ego(log: Log) -> None:
    where, values = box(3)
    log.change(
        "UPDATE lidar_box SET (x, y) = (SELECT p.x, p.y FROM lidar_pc f JOIN ego_pose p ON "
        f"f.ego_pose_token = p.token WHERE f.token = lidar_pc_token) WHERE {where}",
        values,
    )


def test_others_inside_each_other_are_kept_and_counted(log: Log) -> None:
    log.change(
        "UPDATE lidar_box SET (x, y) = (SELECT b.x + 1, b.y FROM lidar_box b WHERE "
        "b.lidar_pc_token = lidar_box.lidar_pc_token AND b.track_token = ?) WHERE "
        "track_token = ?",
        [token(8, 1), token(8, 2)],
    )
    (found,), rejects, repairs = log.converted()
    assert not rejects
    assert repairs == {"others_overlapping_at_start": 1}
    assert found.tracks.valid.all()


def test_a_car_inside_the_ego_leaves_the_scenario_out(log: Log) -> None:
    overlap_the_ego(log)
    assert log.converted()[:2] == ([], {"initial_overlap": 1})


@pytest.mark.parametrize(
    ("change", "repair"),
    [
        ("x = NULL", "boxes_dropped_not_finite"),
        ("yaw = 9e999", "boxes_dropped_not_finite"),
        ("width = 0", "boxes_dropped_bad_size"),
        ("length = 31", "boxes_dropped_bad_size"),
        ("length = NULL", "boxes_dropped_bad_size"),
        ("lidar_pc_token = x'0102030405060708'", "boxes_dropped_without_frame"),
        ("track_token = x'0102030405060708'", "boxes_dropped_unknown_category"),
    ],
)
def test_a_box_that_cannot_be_is_dropped(log: Log, change: str, repair: str) -> None:
    where, values = box(2, 100)
    log.change(f"UPDATE lidar_box SET {change} WHERE {where}", values)
    (found,), rejects, repairs = log.converted()
    assert not rejects
    assert repairs == {repair: 1}
    assert found.tracks.valid.sum() == 4 * 151 - 1


def test_a_kind_of_object_that_nobody_knows_is_dropped(log: Log) -> None:
    log.change("UPDATE category SET name = 'spaceship' WHERE name = 'vehicle'")
    assert log.converted()[:2] == ([], {"no_objects": 1})


def test_a_track_twice_in_one_frame_is_dropped_there(log: Log) -> None:
    log.change(
        "INSERT INTO lidar_box SELECT x'ff' || substr(token, 2), lidar_pc_token, track_token, "
        "next_token, prev_token, x + 1, y, z, width, length, height, vx, vy, vz, yaw, "
        "confidence FROM lidar_box WHERE track_token = ? AND lidar_pc_token = ?",
        [token(8, 2), token(4, 100)],
    )
    (found,), _, repairs = log.converted()
    assert repairs == {"boxes_dropped_duplicate": 2}
    assert found.tracks.valid.sum() == 4 * 151 - 1


def test_a_window_without_any_object_is_left_out(log: Log) -> None:
    log.change("DELETE FROM lidar_box")
    assert log.converted()[:2] == ([], {"no_objects": 1})


def test_a_recording_without_frames_is_refused(log: Log) -> None:
    log.change("DELETE FROM lidar_pc")
    assert log.reason() == "no_frames"


# Tags and lights.


def test_of_several_tags_the_alphabetically_last_counts(log: Log) -> None:
    log.change(
        "INSERT INTO scenario_tag VALUES (x'0a0a0a0a0a0a0a0a', ?, 'starting_left_turn', NULL)",
        [token(4, ANCHOR)],
    )
    assert log.converted()[0][0].type == "starting_left_turn"
    log.change(
        "INSERT INTO scenario_tag VALUES (x'0b0a0a0a0a0a0a0a', ?, 'accelerating', NULL)",
        [token(4, ANCHOR)],
    )
    assert log.converted()[0][0].type == "starting_left_turn"
    asked = Options(maps=log.maps, types=("on_intersection",))
    assert log.converted(asked)[0][0].type == "on_intersection"
    assert log.converted(Options(maps=log.maps, types=("other",)))[0] == []


def test_a_recording_without_tags_is_cut_from_its_start(log: Log) -> None:
    log.change("DELETE FROM scenario_tag")
    (found,), rejects, _ = log.converted()
    assert found.type == "unknown"
    assert found.id.endswith(token(4, 0).hex())
    assert rejects == {"outside_recording": 1}


def test_lights_that_are_absent_or_of_unknown_lanes_show_nothing(log: Log) -> None:
    assert log.converted()[0][0].signals is None
    log.change(
        "INSERT INTO traffic_light_status VALUES (x'0a0a0a0a0a0a0a0a', ?, 7, 'red')",
        [token(4, ANCHOR)],
    )
    assert log.converted()[0][0].signals is None


# Maps.


def with_maps(log: Log, folder: Path, query: str) -> Options:
    """A copy of the maps with one thing changed."""
    shutil.copytree(log.maps, folder)
    (file,) = folder.rglob("*.gpkg")
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(query)
    return Options(maps=folder)


LAST_LANE = "WHERE fid = (SELECT MAX(fid) FROM lanes_polygons)"


def stored(shape: shapely.Geometry) -> str:
    """A shape in degrees as a map stores it, in hexadecimal."""
    is_empty = 16 * bool(shape.is_empty)
    return bytes(struct.pack("<2sBBi", b"GP", 0, 1 + is_empty, 4326) + shape.wkb).hex()


def test_a_missing_map_is_named(log: Log, tmp_path: Path) -> None:
    assert log.reason(Options(maps=tmp_path)) == "no_map_us-nv-las-vegas-strip"
    assert log.reason(Options()) == "no_map_us-nv-las-vegas-strip"


def test_a_map_of_another_version_is_refused(log: Log, tmp_path: Path) -> None:
    road = scenes.road(150.0, length_m=300.0)
    write_map(tmp_path / "maps", road, LAS_VEGAS, version="9.12.1")
    options = Options(maps=tmp_path / "maps")
    assert log.reason(options) == "other_map_version_us-nv-las-vegas-strip"


def test_a_map_may_lie_in_a_file_of_its_name(log: Log, tmp_path: Path) -> None:
    (file,) = log.maps.rglob("*.gpkg")
    shutil.copy(file, tmp_path / "us-nv-las-vegas-strip.gpkg")
    assert len(log.converted(Options(maps=tmp_path))[0]) == 1


def test_maps_are_asked_for_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="--maps"):
        nuplan.check_options(Options())
    with pytest.raises(NotFoundError, match="no map"):
        nuplan.check_options(Options(maps=tmp_path))


def test_poses_in_another_projection_than_the_map_are_refused(log: Log) -> None:
    log.change("UPDATE ego_pose SET epsg = ?", [BOSTON.epsg])
    assert log.reason() == "other_projection_than_its_map"


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE baseline_paths",
        "DELETE FROM meta",
        "UPDATE meta SET value = 'the moon'",
        "DELETE FROM gpkg_geometry_columns",
        "UPDATE gpkg_spatial_ref_sys SET organization_coordsys_id = 1",
        "UPDATE lanes_polygons SET geom = x'00'",
        "UPDATE lanes_polygons SET geom = x'47500001000000000102'",
    ],
)
def test_a_damaged_map_is_refused(log: Log, tmp_path: Path, query: str) -> None:
    options = with_maps(log, tmp_path / "maps", query)
    assert log.reason(options) == "damaged_map_us-nv-las-vegas-strip"


def test_a_map_that_is_no_database_is_refused(log: Log, tmp_path: Path) -> None:
    (tmp_path / "us-nv-las-vegas-strip.gpkg").write_bytes(b"PK" * 4000)
    assert log.reason(Options(maps=tmp_path)) == "damaged_map_us-nv-las-vegas-strip"


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM baseline_paths WHERE fid = (SELECT MAX(fid) FROM baseline_paths)",
        f"UPDATE lanes_polygons SET geom = x'{stored(shapely.Polygon())}' {LAST_LANE}",
    ],
)
def test_a_lane_without_a_baseline_or_a_shape_is_dropped_and_counted(
    log: Log, tmp_path: Path, query: str
) -> None:
    before = log.converted()[0][0]
    (found,), _, repairs = log.converted(with_maps(log, tmp_path / "maps", query))
    assert repairs == {"map_lanes_dropped": 1}
    assert len(found.road.lanes) == len(before.road.lanes) - 1


def test_parts_of_a_lane_apart_from_the_largest_are_counted(log: Log, tmp_path: Path) -> None:
    # Degrees, far from the car.
    parts = shapely.MultiPolygon([shapely.box(at, 36.0, at + 0.1, 36.1) for at in (-116, -115)])
    query = f"UPDATE lanes_polygons SET geom = x'{stored(parts)}' {LAST_LANE}"
    _, _, repairs = log.converted(with_maps(log, tmp_path / "maps", query))
    assert repairs == {"map_lane_parts_dropped": 1}


def test_a_lane_without_a_limit_has_none(log: Log, tmp_path: Path) -> None:
    options = with_maps(
        log,
        tmp_path / "maps",
        "UPDATE lanes_polygons SET speed_limit_mps = NULL",
    )
    (found,), _, _ = log.converted(options)
    assert all(np.isnan(lane.limit_mps) for lane in found.road.lanes)
    # Its drivers then like what they drove, or 10 m/s.
    assert (found.desired_mps[1:] >= 10.0).all()


# Sources.


def test_databases_are_found_in_folders_and_named_once(built: Path) -> None:
    (file,) = (built / "logs").iterdir()
    assert nuplan.files_in([built / "logs", file]) == [file]


def test_two_logs_of_one_name_are_refused(built: Path, tmp_path: Path) -> None:
    (file,) = (built / "logs").iterdir()
    shutil.copy(file, tmp_path)
    with pytest.raises(RequestError, match="Two databases are called"):
        nuplan.files_in([built / "logs", tmp_path])


def test_a_source_without_databases_is_not_found(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "nowhere.db"):
        with pytest.raises(NotFoundError, match="no nuPlan database"):
            nuplan.files_in([source])
