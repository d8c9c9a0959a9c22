"""How drives ended, side by side."""

import numpy as np
import pytest

from drivetrain.pictures.animation import POSTER, poster
from drivetrain.pictures.posters import GAP_PIXELS, posters
from tests.pictures.recorded import busy_scene, recorded


def test_each_drive_is_shown_as_it_ended_in_its_order() -> None:
    first, second, third = recorded([busy_scene()] * 3)
    sheet = posters([first, second, third])
    assert sheet.width == 2 * (POSTER[0] + GAP_PIXELS) + GAP_PIXELS
    assert sheet.height == 2 * (POSTER[1] + GAP_PIXELS) + GAP_PIXELS
    below = (GAP_PIXELS, POSTER[1] + 2 * GAP_PIXELS)
    box = (*below, below[0] + POSTER[0], below[1] + POSTER[1])
    assert np.array_equal(np.asarray(sheet.crop(box)), np.asarray(poster(third)))


def test_a_sheet_of_one_drive_is_no_larger_than_it() -> None:
    (only,) = recorded([busy_scene()])
    assert posters([only]).width == POSTER[0] + 2 * GAP_PIXELS


def test_there_is_no_sheet_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one"):
        posters([])
