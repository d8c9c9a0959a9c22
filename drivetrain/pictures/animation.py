"""A replay as an animated image, for chats and documents that show no pages."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from drivetrain.pictures.map_shapes import Points
from drivetrain.pictures.painter import (
    ALARM,
    CATEGORY_COLOURS,
    EGO,
    EXPERT,
    FAINT_INK,
    INK,
    LAND,
    Box,
    Camera,
    Canvas,
    fitting,
    write,
)
from drivetrain.pictures.recording import Recording
from drivetrain.pictures.words import end_words
from drivetrain.sim.config import STEP_S
from drivetrain.text import plain

MOST_BYTES: Final = 3_000_000
SIZE: Final = (640, 440)
SMALL: Final = (400, 275)
POSTER: Final = (480, 360)
CAPTION_PIXELS: Final = 44
MOST_FRAMES: Final = 160
HOLD_S: Final = 1.5
"""The last frame stays this long: it shows how the drive ended."""
COLOURS: Final = 64
STILL_CAMERA_M: Final = 90.0
"""A drive within this is seen whole; in a longer one the camera goes along."""
VIEW_M: Final = 70.0


@dataclass(frozen=True, slots=True)
class _Cut:
    """How much of a recording an image shows: its size, and every so many frames."""

    size: tuple[int, int]
    stride: int


def write_animation(recording: Recording, file: Path) -> None:
    """Writes a GIF smaller than MOST_BYTES that plays in real time, over and over."""
    stride = -(-recording.frames // MOST_FRAMES)
    encoded = _encoded(recording, _Cut(SIZE, stride))
    for smaller in (_Cut(SIZE, 2 * stride), _Cut(SMALL, 2 * stride), _Cut(SMALL, 4 * stride)):
        if len(encoded) < MOST_BYTES:
            break
        encoded = _encoded(recording, smaller)
    file.write_bytes(encoded)


def poster(recording: Recording) -> Image.Image:
    """The last frame by itself."""
    return _frame(recording, recording.frames - 1, POSTER)


def _encoded(recording: Recording, cut: _Cut) -> bytes:
    shown = sorted({*range(0, recording.frames, cut.stride), recording.frames - 1})
    images = [_frame(recording, frame, cut.size) for frame in shown]
    # One palette for all: colours must not flicker, and frames compress against each other.
    palette = _palette(images)
    flat = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    each_ms = round(cut.stride * STEP_S * 1000)
    durations = [each_ms] * (len(flat) - 1) + [round(HOLD_S * 1000)]
    file = io.BytesIO()
    flat[0].save(
        file,
        format="GIF",
        save_all=True,
        append_images=flat[1:],
        duration=durations,
        loop=0,
        optimize=False,
    )
    return file.getvalue()


def _palette(images: list[Image.Image]) -> Image.Image:
    """The colours of the first, middle and last frame."""
    chosen = [images[0], images[len(images) // 2], images[-1]]
    width, height = images[0].size
    together = Image.new("RGB", (width, 3 * height))
    for at, image in enumerate(chosen):
        together.paste(image, (0, at * height))
    return together.quantize(colors=COLOURS, method=Image.Quantize.MEDIANCUT)


def _frame(recording: Recording, frame: int, size: tuple[int, int]) -> Image.Image:
    width, height = size
    scene = _scene(recording, frame, (width, height - CAPTION_PIXELS))
    image = Image.new("RGB", size, LAND)
    image.paste(scene, (0, CAPTION_PIXELS))
    speed = float(recording.agents.speed_mps[frame, 0])
    at_end = frame == recording.frames - 1
    write(image, (10, 5), plain(recording.facts["id"]), 15)
    told = f"{frame * STEP_S:4.1f} s · {speed:4.1f} m/s · {plain(recording.driver)}"
    write(image, (10, 25), told, 13, FAINT_INK)
    if at_end:
        colour = INK if recording.outcome.success else ALARM
        # Beside the speed: names fill their line.
        write(image, (width - 10, 25), end_words(recording), 15, colour, from_right=True)
    return image


def _scene(recording: Recording, frame: int, size: tuple[int, int]) -> Image.Image:
    agents = recording.agents
    canvas = Canvas(_camera(recording, frame, size))
    canvas.road(recording.shapes)
    lights = recording.signals[:, frame] if len(recording.signals) else np.zeros(0, np.uint8)
    canvas.stop_lines(recording.shapes.stops, lights)
    expert = recording.expert
    canvas.line(expert[~np.isnan(expert[:, 0]), :2], EXPERT, 0.12, 1.0)
    canvas.line(_trail(recording, frame), EGO, 0.3, 1.6)
    for slot in range(len(agents.number) - 1, 0, -1):
        if agents.present[frame, slot]:
            canvas.box(_box(recording, frame, slot))
    if not np.isnan(expert[frame, 0]):
        x, y, heading, speed = expert[frame].tolist()
        length, width = float(agents.length_m[0]), float(agents.width_m[0])
        canvas.box(Box(x, y, heading, speed, length, width, EXPERT), outlined=True)
    canvas.box(_box(recording, frame, 0))
    if recording.failed_at is not None and frame >= recording.failed_at:
        _alarm(canvas, recording, frame)
    return canvas.finished()


def _box(recording: Recording, frame: int, slot: int) -> Box:
    agents = recording.agents
    return Box(
        x_m=float(agents.x_m[frame, slot]),
        y_m=float(agents.y_m[frame, slot]),
        heading_rad=float(agents.heading_rad[frame, slot]),
        speed_mps=float(agents.speed_mps[frame, slot]),
        length_m=float(agents.length_m[slot]),
        width_m=float(agents.width_m[slot]),
        colour=CATEGORY_COLOURS[int(agents.category[slot])] if slot else EGO,
    )


def _trail(recording: Recording, frame: int) -> Points:
    agents = recording.agents
    return np.column_stack([agents.x_m[: frame + 1, 0], agents.y_m[: frame + 1, 0]])


def _alarm(canvas: Canvas, recording: Recording, frame: int) -> None:
    """A ring around the ego, where it failed."""
    agents = recording.agents
    angle = np.linspace(0.0, 2 * np.pi, 49)
    radius = 0.85 * float(agents.length_m[0])
    middle = np.array([agents.x_m[frame, 0], agents.y_m[frame, 0]])
    ring = middle + radius * np.column_stack([np.cos(angle), np.sin(angle)])
    canvas.line(ring, ALARM, 0.3, 2.0)


def _camera(recording: Recording, frame: int, size: tuple[int, int]) -> Camera:
    """Still where the whole drive fits into the picture, else going along with the ego."""
    trail = _trail(recording, recording.frames)
    whole = fitting(
        np.concatenate([trail - 12.0, trail + 12.0]), size, least_m=50.0, most_m=np.inf
    )
    if min(size) / whole.pixels_per_m <= STILL_CAMERA_M:
        return whole
    x, y = trail[frame].tolist()
    return Camera(x, y, min(size) / VIEW_M, *size)
