"""A sheet of scenes: what a scenario set holds, at a glance."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.pictures.map_shapes import shapes_of
from drivetrain.pictures.painter import (
    CATEGORY_COLOURS,
    EGO,
    FAINT_INK,
    Box,
    Camera,
    Canvas,
    fitting,
    write,
)
from drivetrain.sim.config import STEP_S
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.text import plain

SCENE = (320, 250)
CAPTION_PIXELS = 56
GAP_PIXELS = 12
AROUND_M = 20.0
PAPER = (255, 255, 255)


def draw_sheet(
    scenarios: ScenarioSet, rows: Sequence[int], file: Path, *, columns: int = 4
) -> None:
    """Writes a PNG of the scenarios in these rows: each at its first step, with its route.

    The same rows of the same set make the same file.

    Raises:
        ValueError: no rows or no columns, or a row that the set does not have.
    """
    if not len(rows) or columns < 1:
        raise ValueError("a sheet needs at least one scene and one column")
    if not all(0 <= row < len(scenarios) for row in rows):
        raise ValueError(f"rows must be rows of the {len(scenarios)} scenarios")
    across = min(columns, len(rows))
    down = -(-len(rows) // across)
    cell = (SCENE[0] + GAP_PIXELS, SCENE[1] + CAPTION_PIXELS + GAP_PIXELS)
    sheet = Image.new(
        "RGB", (across * cell[0] + GAP_PIXELS, down * cell[1] + GAP_PIXELS), PAPER
    )
    for at, row in enumerate(rows):
        place = (at % across * cell[0] + GAP_PIXELS, at // across * cell[1] + GAP_PIXELS)
        sheet.paste(_cell(scenarios, int(row)), place)
    sheet.save(file, format="PNG", optimize=True)


def _cell(scenarios: ScenarioSet, row: int) -> Image.Image:
    """One scene above its caption."""
    cell = Image.new("RGB", (SCENE[0], SCENE[1] + CAPTION_PIXELS), PAPER)
    cell.paste(_scene(scenarios.arrays, row), (0, 0))
    facts, arrays = scenarios.catalogue[row], scenarios.arrays
    others = int(arrays.first_agent[row + 1] - arrays.first_agent[row]) - 1
    seconds = (int(arrays.steps[row]) - 1) * STEP_S
    write(cell, (2, SCENE[1] + 3), plain(str(facts["id"])), 13)
    what = f"{plain(str(facts['type']))} · {others} others · {seconds:.1f} s"
    write(cell, (2, SCENE[1] + 20), what, 12, FAINT_INK)
    whence = f"{plain(str(facts['source']))} · {plain(str(facts['licence']))}"
    write(cell, (2, SCENE[1] + 36), whence, 12, FAINT_INK)
    return cell


def _scene(arrays: ScenarioArrays, row: int) -> Image.Image:
    expert = expert_line(arrays, row)
    camera = _camera(expert)
    half_x = camera.width / camera.pixels_per_m / 2
    half_y = camera.height / camera.pixels_per_m / 2
    around = (
        camera.x_m - half_x,
        camera.y_m - half_y,
        camera.x_m + half_x,
        camera.y_m + half_y,
    )
    shapes = shapes_of(arrays, row, around)
    canvas = Canvas(camera)
    canvas.road(shapes)
    canvas.stop_lines(shapes.stops, signals_at(arrays, row, 0))
    canvas.line(expert, EGO, 0.5, 1.5)
    for box in boxes_at_start(arrays, row):
        canvas.box(box)
    return canvas.finished()


def _camera(expert: NDArray[np.float64]) -> Camera:
    """A view of the whole drive with some room, or of its beginning where it is too long."""
    corners = np.concatenate([expert - AROUND_M, expert + AROUND_M])
    whole = fitting(corners, SCENE, least_m=60.0, most_m=110.0)
    start = expert[0]
    # Of a long drive the beginning is shown, since that is where everybody is drawn.
    reach_x = whole.width / whole.pixels_per_m / 2 - AROUND_M / 2
    reach_y = whole.height / whole.pixels_per_m / 2 - AROUND_M / 2
    x = min(max(whole.x_m, start[0] - reach_x), start[0] + reach_x)
    y = min(max(whole.y_m, start[1] - reach_y), start[1] + reach_y)
    return Camera(float(x), float(y), whole.pixels_per_m, *SCENE)


def expert_line(arrays: ScenarioArrays, row: int) -> NDArray[np.float64]:
    """Where the expert drove.  [points, 2]."""
    ego = arrays.ego[row]
    frames = slice(arrays.first_frame[ego], arrays.first_frame[ego + 1])
    seen = arrays.valid[frames] == 1
    return np.column_stack([arrays.x[frames][seen], arrays.y[frames][seen]]).astype(np.float64)


def signals_at(arrays: ScenarioArrays, row: int, step: int) -> NDArray[np.uint8]:
    """What every light of a scenario shows at a step.  [lights]."""
    first, end = arrays.first_signal[row], arrays.first_signal[row + 1]
    shown: NDArray[np.uint8] = arrays.signal[first:end].reshape(-1, arrays.steps[row])[:, step]
    return shown


def boxes_at_start(arrays: ScenarioArrays, row: int) -> Iterator[Box]:
    """Everybody who is there at the first step, the ego last, so that nobody covers it."""
    ego = int(arrays.ego[row])
    agents = range(arrays.first_agent[row], arrays.first_agent[row + 1])
    for agent in [*(each for each in agents if each != ego), ego]:
        frame = arrays.first_frame[agent]
        is_there = arrays.start_step[agent] == 0 and frame < arrays.first_frame[agent + 1]
        if is_there and arrays.valid[frame]:
            colour = EGO if agent == ego else CATEGORY_COLOURS[int(arrays.category[agent])]
            yield Box(
                x_m=float(arrays.x[frame]),
                y_m=float(arrays.y[frame]),
                heading_rad=float(arrays.heading[frame]),
                speed_mps=float(np.hypot(arrays.vx[frame], arrays.vy[frame])),
                length_m=float(arrays.length[agent]),
                width_m=float(arrays.width[agent]),
                colour=colour,
            )
