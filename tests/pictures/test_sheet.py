"""Sheets of scenes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.pictures.sheet import draw_sheet
from drivetrain.sim.scenario import Area, AreaKind, Stop
from tests.scenes import road, scene
from tests.written_sets import hand_made

SQUARE = np.array([[20.0, -1.8], [24.0, -1.8], [24.0, 9.0], [20.0, 9.0]])


def pixels(file: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def test_a_sheet_shows_every_scene_in_columns(tmp_path: Path) -> None:
    scenes = ScenarioSet.from_scenarios(hand_made(6))
    draw_sheet(scenes, range(6), tmp_path / "six.png", columns=3)
    draw_sheet(scenes, [0], tmp_path / "one.png", columns=3)
    six, one = pixels(tmp_path / "six.png"), pixels(tmp_path / "one.png")
    assert six.shape[0] > 1.9 * one.shape[0]
    assert six.shape[1] > 2.9 * one.shape[1]
    # No cell is empty, and the first is the scene that also stands alone.
    assert np.array_equal(six[: one.shape[0] - 12, : one.shape[1] - 12], one[:-12, :-12])
    for down in range(2):
        for across in range(3):
            cell = six[12 + 318 * down :, 12 + 332 * across :][:250, :320]
            assert len(np.unique(cell.reshape(-1, 3), axis=0)) > 8


def test_the_same_rows_make_the_same_file(tmp_path: Path) -> None:
    scenes = ScenarioSet.from_scenarios(hand_made(3))
    draw_sheet(scenes, [2, 0], tmp_path / "a.png")
    draw_sheet(scenes, [2, 0], tmp_path / "b.png")
    draw_sheet(scenes, [0, 2], tmp_path / "c.png")
    files = [(tmp_path / name).read_bytes() for name in ("a.png", "b.png", "c.png")]
    assert files[0] == files[1] != files[2]


def test_what_a_map_holds_is_drawn(tmp_path: Path) -> None:
    plain = scene(road(), [(0, 10.0, 8.0), (1, 40.0, 5.0)])
    on = plain.road
    crossing = Area(AreaKind.CROSSWALK, (SQUARE,))
    stop = replace(on.paths[0], stops=(Stop(18.0, 0),))
    lit = replace(
        plain,
        road=replace(
            on, paths=(stop, *on.paths[1:]), areas=(*on.areas, crossing), lights=1, id="lit"
        ),
        signals=np.full((1, plain.tracks.valid.shape[1]), 2, np.uint8),
    )
    bare = replace(plain, road=replace(on, lanes=(), areas=(), id="bare"))
    scenes = ScenarioSet.from_scenarios([plain, lit, bare])
    drawn = []
    for row in range(3):
        draw_sheet(scenes, [row], tmp_path / f"{row}.png")
        drawn.append(pixels(tmp_path / f"{row}.png")[12:262, 12:332])
    assert all(not np.array_equal(drawn[0], other) for other in drawn[1:])
    red = (drawn[1][..., 0] > 180) & (drawn[1][..., 1] < 90)
    assert red.any()
    assert not ((drawn[0][..., 0] > 180) & (drawn[0][..., 1] < 90)).any()


def test_a_name_of_any_length_and_script_fits(tmp_path: Path) -> None:
    odd = replace(scene(road(), [(0, 10.0, 8.0)]), id="한국어 \x1b[31m" + "x" * 300)
    draw_sheet(ScenarioSet.from_scenarios([odd]), [0], tmp_path / "odd.png")
    assert pixels(tmp_path / "odd.png").shape == (330, 344, 3)


@pytest.mark.parametrize("rows", [[], [3], [-1]])
def test_rows_that_are_not_there_are_refused(rows: list[int], tmp_path: Path) -> None:
    scenes = ScenarioSet.from_scenarios(hand_made(3))
    with pytest.raises(ValueError, match=r"row|scene"):
        draw_sheet(scenes, rows, tmp_path / "no.png")
    assert not list(tmp_path.iterdir())
