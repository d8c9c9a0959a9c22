"""How drives ended, side by side in one picture."""

from collections.abc import Sequence

from PIL import Image

from drivetrain.pictures.animation import POSTER, poster
from drivetrain.pictures.recording import Recording

COLUMNS = 2
MOST = 12
"""Of more, only the first are shown: a picture is looked at whole."""
GAP_PIXELS = 8
PAPER = (255, 255, 255)


def posters(recordings: Sequence[Recording]) -> Image.Image:
    """The last frame of each drive, in their order.

    Raises:
        ValueError: there are none.
    """
    if not recordings:
        raise ValueError("a picture needs at least one drive")
    shown = recordings[:MOST]
    across = min(COLUMNS, len(shown))
    down = -(-len(shown) // across)
    cell = (POSTER[0] + GAP_PIXELS, POSTER[1] + GAP_PIXELS)
    size = (across * cell[0] + GAP_PIXELS, down * cell[1] + GAP_PIXELS)
    sheet = Image.new("RGB", size, PAPER)
    for at, recording in enumerate(shown):
        place = (at % across * cell[0] + GAP_PIXELS, at // across * cell[1] + GAP_PIXELS)
        sheet.paste(poster(recording), place)
    return sheet
