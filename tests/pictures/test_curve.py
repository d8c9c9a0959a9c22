"""The picture of how a run learned."""

import io
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from drivetrain.pictures.curve import (
    PAPER,
    SIZE,
    Chart,
    Line,
    Panel,
    chart_of,
    draw_curve,
    ticks,
)
from drivetrain.pictures.painter import ALARM, EGO

RISING = tuple((step * 1000.0, step / 10) for step in range(50))


def colours_of(image: Image.Image) -> set[object]:
    counted = image.getcolors(image.width * image.height)
    assert counted is not None
    return {colour for _, colour in counted}


def inked(image: Image.Image) -> int:
    """Pixels that something was drawn on."""
    counted = image.getcolors(image.width * image.height) or ()
    return sum(count for count, colour in counted if colour != PAPER)


def drawn(*lines: Line, is_share: bool = False) -> Image.Image:
    return draw_curve(Chart("ppo_v1", 50_000, (Panel("Reward", lines, is_share),)))


def test_each_line_is_seen_in_its_colour() -> None:
    image = drawn(Line("training", RISING, "main"), Line("worse", [(0, 0), (9, 1)], "bad"))
    assert image.size == SIZE
    assert {EGO, ALARM} <= colours_of(image)


def test_a_rising_line_rises() -> None:
    image = drawn(Line("training", RISING, "main"))
    pixels = [
        (x, y) for x in range(60, 600) for y in range(60, 480) if image.getpixel((x, y)) == EGO
    ]
    left, right = min(pixels), max(pixels)
    assert right[1] < left[1]


@pytest.mark.parametrize("points", [[], [(1.0, math.nan)], [(5.0, 0.0)], [(5.0, 7.0)] * 3])
def test_odd_series_are_drawn_or_left_out(points: list[tuple[float, float]]) -> None:
    told = {"name": "a", "points": points, "colour": "main"}
    chart = chart_of({"title": "t", "panels": [{"title": "p", "lines": [told]}]})
    assert draw_curve(chart).size == SIZE
    has_line = any(math.isfinite(value) for _, value in points)
    assert (EGO in colours_of(draw_curve(chart))) == has_line


def test_names_of_lines_that_end_together_do_not_cover_each_other() -> None:
    same = [Line(name, [(0, 0.5), (50_000, 0.0)], "main") for name in "abcd"]
    both = (drawn(*same[:1], is_share=True), drawn(*same, is_share=True))
    beside = (SIZE[0] - 120, 0, *SIZE)
    ink = [inked(image.crop(beside)) for image in both]
    assert ink[1] > 3 * ink[0]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 8.9), (0, 40e6), (0.05, 0.14)])
def test_ticks_are_few_round_and_within(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 3 <= len(found) <= 8
    assert all(low <= each <= high for each in found)


def test_the_child_draws_what_it_is_told(tmp_path: Path) -> None:
    told: dict[str, Any] = {
        "title": "ppo_v1 ```\x1b[2J",
        "panels": [
            {"title": "p", "lines": [{"name": "a", "points": RISING, "colour": "main"}]}
        ],
    }
    file = tmp_path / "curve"
    subprocess.run(
        [sys.executable, "-m", "drivetrain.pictures.curve", file],
        input=json.dumps(told).encode(),
        check=True,
    )
    with Image.open(io.BytesIO(file.read_bytes())) as image:
        assert (image.format, image.size) == ("PNG", SIZE)
