"""Draws scenes with Pillow: a camera, a canvas finer than the picture, and the colours."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from drivetrain.pictures.map_shapes import MapShapes, Points, StopLine
from drivetrain.sim.scenario import AreaKind, Category, Signal

FINER: Final = 2
"""Drawn this many times larger, then shrunk: Pillow draws without smoothing."""

Colour = tuple[int, int, int]

LAND: Final[Colour] = (241, 243, 239)
ROAD: Final[Colour] = (214, 219, 225)
CROSSING: Final[Colour] = (204, 210, 217)
STRIPES: Final[Colour] = (236, 228, 203)
LANE_LINE: Final[Colour] = (250, 251, 252)
CENTRE: Final[Colour] = (196, 203, 211)
EDGE: Final[Colour] = (122, 133, 146)
ROUTE: Final[Colour] = (177, 199, 235)
EGO: Final[Colour] = (29, 91, 209)
EXPERT: Final[Colour] = (12, 133, 116)
INK: Final[Colour] = (33, 41, 52)
FAINT_INK: Final[Colour] = (96, 107, 120)
ALARM: Final[Colour] = (208, 43, 43)
OUTLINE: Final[Colour] = (255, 255, 255)

CATEGORY_COLOURS: Final[dict[int, Colour]] = {
    Category.VEHICLE: (98, 109, 124),
    Category.PEDESTRIAN: (190, 37, 110),
    Category.BICYCLE: (205, 115, 10),
    Category.STATIC: (150, 140, 120),
}
SIGNAL_COLOURS: Final[dict[int, Colour]] = {
    Signal.GREEN: (43, 162, 76),
    Signal.YELLOW: (236, 176, 16),
    Signal.RED: (214, 48, 49),
    Signal.UNKNOWN: (150, 156, 164),
    Signal.NONE: (150, 156, 164),
}
_GROUND_COLOURS: Final[dict[int, Colour]] = {
    AreaKind.DRIVABLE: ROAD,
    AreaKind.INTERSECTION: CROSSING,
    AreaKind.LANE: ROAD,
    AreaKind.CROSSWALK: STRIPES,
}
_GROUND_ORDER: Final = (
    AreaKind.DRIVABLE,
    AreaKind.INTERSECTION,
    AreaKind.LANE,
    AreaKind.CROSSWALK,
)


@dataclass(frozen=True, slots=True)
class Camera:
    """What is seen: x to the right and y up, around a middle.

    x_m, y_m: the middle of the view.  pixels_per_m: of the finished picture.
    width, height: of the finished picture, in pixels.
    """

    x_m: float
    y_m: float
    pixels_per_m: float
    width: int
    height: int

    def pixels(self, points: Points) -> list[tuple[float, float]]:
        """Places in metres, [points, 2], as places on the finer canvas."""
        scale = self.pixels_per_m * FINER
        x = (points[:, 0] - self.x_m) * scale + self.width * FINER / 2
        y = self.height * FINER / 2 - (points[:, 1] - self.y_m) * scale
        return list(zip(x.tolist(), y.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Box:
    """Somebody on the road."""

    x_m: float
    y_m: float
    heading_rad: float
    speed_mps: float
    length_m: float
    width_m: float
    colour: Colour

    def corners(self) -> Points:
        """[5, 2]: the rear corners, the front ones, and the nose between them."""
        half, side = self.length_m / 2, self.width_m / 2
        blunt = half - min(0.35 * self.width_m, 0.5 * half)
        local = np.array(
            [[-half, -side], [blunt, -side], [half, 0.0], [blunt, side], [-half, side]]
        )
        return _placed(local, self)

    def tick(self) -> Points:
        """[2, 2]: from the middle to where it will be in a second."""
        return _placed(np.array([[0.0, 0.0], [self.length_m / 2 + self.speed_mps, 0.0]]), self)


class Canvas:
    """One picture in the making."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        size = (camera.width * FINER, camera.height * FINER)
        self._image = Image.new("RGB", size, LAND)
        self._draw = ImageDraw.Draw(self._image)

    def line(self, points: Points, colour: Colour, width_m: float, least: float = 1.0) -> None:
        """A line through points, at least so many pixels wide."""
        if len(points) < 2:
            return
        width = max(width_m * self.camera.pixels_per_m, least) * FINER
        places = self.camera.pixels(points)
        self._draw.line(places, fill=colour, width=max(round(width), 1), joint="curve")

    def polygon(
        self, points: Points, colour: Colour | None, outline: Colour | None, least: float = 1.0
    ) -> None:
        """A closed shape; its outline is so many pixels wide."""
        self._draw.polygon(
            self.camera.pixels(points),
            fill=colour,
            outline=outline,
            width=max(round(least * FINER), 1),
        )

    def road(self, shapes: MapShapes) -> None:
        """The ground and everything painted on it."""
        for band in shapes.bands:
            self.line(band.points_m, ROAD, 2 * band.half_width_m)
        for kind in _GROUND_ORDER:
            for ground in shapes.grounds:
                if ground.kind == kind:
                    self._ground(ground.kind, ground.rings_m)
        for centre in shapes.centres or [band.points_m for band in shapes.bands]:
            self.line(centre, CENTRE, 0.12, 0.6)
        for edge in shapes.edges:
            self.line(edge, EDGE, 0.25)
        self.line(shapes.route, ROUTE, 2.4, 3.0)

    def _ground(self, kind: AreaKind, rings: Sequence[Points]) -> None:
        outline = LANE_LINE if kind == AreaKind.LANE else None
        self.polygon(rings[0], _GROUND_COLOURS[kind], outline, 0.8)
        for hole in rings[1:]:
            self.polygon(hole, LAND, outline, 0.8)

    def stop_lines(self, stops: Sequence[StopLine], lights: NDArray[np.uint8]) -> None:
        """Stop lines in the colour that their light shows.  lights: [lights]."""
        for stop in stops:
            shows = int(lights[stop.light]) if stop.light < len(lights) else int(Signal.UNKNOWN)
            self.line(stop.ends_m, SIGNAL_COLOURS.get(shows, FAINT_INK), 0.6, 2.0)

    def box(self, box: Box, *, outlined: bool = False) -> None:
        """Somebody, with a tick as long as the way of a second; outlined: as a ghost."""
        if not outlined and box.speed_mps > 0.5:
            self.line(box.tick(), box.colour, 0.25, 1.2)
        if outlined:
            self.polygon(box.corners(), None, box.colour, 1.6)
        else:
            self.polygon(box.corners(), box.colour, OUTLINE, 0.6)

    def finished(self) -> Image.Image:
        """The picture in its own size."""
        size = (self.camera.width, self.camera.height)
        return self._image.resize(size, Image.Resampling.BOX)


def write(
    image: Image.Image,
    at: tuple[int, int],
    text: str,
    size: int,
    colour: Colour = INK,
    *,
    from_right: bool = False,
) -> None:
    """A line of text, its upper left (or right) corner at a pixel; cut where it has no room."""
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    room = at[0] if from_right else image.width - at[0] - 6
    while text and draw.textlength(text, font=font) > room:
        text = text[:-2] + "…" if len(text) > 2 else ""
    x = at[0] - draw.textlength(text, font=font) if from_right else at[0]
    draw.text((x, at[1]), text, fill=colour, font=font)


def fitting(points: Points, size: tuple[int, int], least_m: float, most_m: float) -> Camera:
    """A camera that sees all the points [points, 2], neither closer nor farther than allowed.

    least_m, most_m: of the view's shorter side.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    width, height = size
    shorter = min(size)
    per_side = [(high[0] - low[0]) * shorter / width, (high[1] - low[1]) * shorter / height]
    across = min(max(*per_side, least_m), most_m)
    x, y = (low + high) / 2
    return Camera(float(x), float(y), shorter / across, width, height)


def _placed(local: Points, box: Box) -> Points:
    cos, sin = math.cos(box.heading_rad), math.sin(box.heading_rad)
    turned: Points = local @ np.array([[cos, sin], [-sin, cos]])
    moved: Points = turned + np.array([box.x_m, box.y_m])
    return moved
