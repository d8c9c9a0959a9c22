"""Numbers over the steps of a run as a picture: panels below each other, with named lines.

`python -m drivetrain.pictures.curve FILE` reads a chart as JSON from stdin and writes a PNG.
"""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw

from drivetrain.numbers import percent, short_count, short_number
from drivetrain.pictures.painter import (
    ALARM,
    EGO,
    EXPERT,
    FAINT_INK,
    FINER,
    INK,
    Colour,
    write,
)
from drivetrain.text import plain

SIZE: Final = (760, 520)
TITLE_PIXELS: Final = 34
LEFT, RIGHT, ABOVE, BELOW = 58, 132, 26, 26
"""Pixels around the field of a panel: for values, names, its title and steps."""
PAPER: Final[Colour] = (255, 255, 255)
GRID: Final[Colour] = (226, 230, 235)
COLOURS: Final[Mapping[str, Colour]] = {
    "main": EGO,
    "faint": (158, 184, 226),
    "good": EXPERT,
    "bad": ALARM,
    "warn": (205, 115, 10),
}
WORDS: Final[Mapping[str, Colour]] = {**COLOURS, "faint": FAINT_INK}
"""Names beside the lines: what is faint is still to be read."""
TICKS: Final = 5
LABEL_PIXELS: Final = 16
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One series.  points: steps and values.  colour: of COLOURS.  dots: each is marked."""

    name: str
    points: Points
    colour: str
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One field of lines.  is_share: values are shares from 0 to 1."""

    title: str
    lines: tuple[Line, ...]
    is_share: bool = False

    @property
    def values(self) -> tuple[float, float]:
        """The least and the largest value that is shown."""
        if self.is_share:
            return 0.0, 1.0
        all_values = [value for line in self.lines for _, value in line.points]
        low, high = min(all_values), max(all_values)
        room = 0.05 * (high - low) or max(abs(high), 1.0) * 0.1
        return low - room, high + room


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture to be.  steps: the last one that is shown."""

    title: str
    steps: float
    panels: tuple[Panel, ...]


def chart_of(told: Mapping[str, Any]) -> Chart:
    """The chart that JSON tells; what is not finite is left out, and so is an empty line."""
    panels = []
    for panel in told["panels"]:
        lines = [
            Line(
                str(line["name"]),
                [(x, y) for x, y in line["points"] if math.isfinite(y)],
                str(line["colour"]),
                bool(line.get("dots")),
            )
            for line in panel["lines"]
        ]
        shown = tuple(line for line in lines if line.points)
        if shown:
            panels.append(Panel(str(panel["title"]), shown, bool(panel.get("is_share"))))
    last = max(
        (x for panel in panels for line in panel.lines for x, _ in line.points), default=1
    )
    return Chart(str(told["title"]), max(float(last), 1.0), tuple(panels))


def draw_curve(chart: Chart) -> Image.Image:
    """The picture."""
    image = Image.new("RGB", SIZE, PAPER)
    write(image, (12, 8), plain(chart.title, 120), 16)
    if not chart.panels:
        write(image, (12, 60), "Nothing has been learned yet.", 14, FAINT_INK)
        return image
    height = (SIZE[1] - TITLE_PIXELS) // len(chart.panels)
    for at, panel in enumerate(chart.panels):
        box = (0, TITLE_PIXELS + at * height, SIZE[0], TITLE_PIXELS + (at + 1) * height)
        field = _Field(panel, chart.steps, box)
        field.draw(image)
    return image


class _Field:
    """A panel in its place on the picture."""

    def __init__(self, panel: Panel, steps: float, box: tuple[int, int, int, int]) -> None:
        self.panel = panel
        self.steps = steps
        self.left, self.right = box[0] + LEFT, box[2] - RIGHT
        self.top, self.bottom = box[1] + ABOVE, box[3] - BELOW
        self.low, self.high = panel.values

    def x(self, step: float) -> float:
        """Where a step is, in pixels."""
        return self.left + (self.right - self.left) * step / self.steps

    def y(self, value: float) -> float:
        """Where a value is, in pixels."""
        share = (value - self.low) / (self.high - self.low)
        return self.bottom - (self.bottom - self.top) * share

    def draw(self, image: Image.Image) -> None:
        """Grid, lines, then words."""
        self._draw_lines(image)
        write(image, (self.left, self.top - 22), plain(self.panel.title, 100), 13)
        tell = percent if self.panel.is_share else short_number
        for value in ticks(self.low, self.high):
            place = (self.left - 6, round(self.y(value)) - 7)
            write(image, place, tell(value), 12, FAINT_INK, from_right=True)
        for step in ticks(0, self.steps):
            write(
                image,
                (round(self.x(step)) - 8, self.bottom + 5),
                short_count(step),
                12,
                FAINT_INK,
            )
        for line, at in zip(self.panel.lines, self._label_places(), strict=True):
            text = f"{line.name} {tell(line.points[-1][1])}"
            write(image, (self.right + 10, at), text, 12, WORDS.get(line.colour, INK))

    def _draw_lines(self, image: Image.Image) -> None:
        # Pillow draws without smoothing: larger, then shrunk.
        box = (0, self.top - 4, image.width, self.bottom + 4)
        size = ((box[2] - box[0]) * FINER, (box[3] - box[1]) * FINER)
        finer = Image.new("RGB", size, PAPER)
        pen = ImageDraw.Draw(finer)

        def place(step: float, value: float) -> tuple[float, float]:
            return self.x(step) * FINER, (self.y(value) - box[1]) * FINER

        for value in ticks(self.low, self.high):
            pen.line([place(0, value), place(self.steps, value)], fill=GRID, width=FINER)
        for line in self.panel.lines:
            colour = COLOURS.get(line.colour, INK)
            places = [place(*point) for point in line.points]
            pen.line(places, fill=colour, width=2 * FINER, joint="curve")
            if line.dots or len(places) == 1:
                for x, y in places:
                    pen.ellipse([x - 6, y - 6, x + 6, y + 6], fill=colour)
        small = finer.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BOX)
        image.paste(small, box[:2])

    def _label_places(self) -> list[int]:
        """Beside the end of each line, moved apart where they would cover each other."""
        wanted = [self.y(line.points[-1][1]) - 7 for line in self.panel.lines]
        order = sorted(range(len(wanted)), key=wanted.__getitem__)
        places = [round(place) for place in wanted]
        free_from = self.top - 10
        for at in order:
            places[at] = max(places[at], free_from)
            free_from = places[at] + LABEL_PIXELS
        free_to = self.bottom - 8
        for at in reversed(order):
            places[at] = min(places[at], free_to)
            free_to = places[at] - LABEL_PIXELS
        return places


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between two values, about TICKS of them."""
    rough = (high - low) / TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    each = next(size * unit for size in (1, 2, 5, 10) if size * unit >= 0.8 * rough)
    first, last = math.ceil(low / each), math.floor(high / each)
    return [number * each for number in range(first, last + 1)]


def main(arguments: Sequence[str]) -> int:
    """Draw what stdin tells into the file."""
    file = Path(arguments[0])
    draw_curve(chart_of(json.load(sys.stdin))).save(file, format="PNG", optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
