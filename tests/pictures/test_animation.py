"""Animated images."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from drivetrain.pictures import animation
from drivetrain.pictures.animation import MOST_BYTES, write_animation
from tests.pictures.recorded import busy_scene, recorded


def frames_of(file: Path) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    with Image.open(file) as image:
        return [np.asarray(each.convert("RGB")) for each in ImageSequence.Iterator(image)]


def test_every_step_is_a_frame_and_no_frame_is_the_one_before(tmp_path: Path) -> None:
    (recording,) = recorded([busy_scene()])
    write_animation(recording, tmp_path / "busy.gif")
    frames = frames_of(tmp_path / "busy.gif")
    assert len(frames) == recording.frames
    assert all(not np.array_equal(*pair) for pair in itertools.pairwise(frames))
    assert (tmp_path / "busy.gif").stat().st_size < MOST_BYTES
    with Image.open(tmp_path / "busy.gif") as image:
        assert image.info["duration"] == 100
        assert image.info["loop"] == 0


def test_the_same_recording_makes_the_same_image(tmp_path: Path) -> None:
    (recording,) = recorded([busy_scene()])
    for name in ("a.gif", "b.gif"):
        write_animation(recording, tmp_path / name)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_an_image_that_grew_too_large_is_made_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recording,) = recorded([busy_scene()])
    write_animation(recording, tmp_path / "whole.gif")
    most = (tmp_path / "whole.gif").stat().st_size * 3 // 4
    monkeypatch.setattr(animation, "MOST_BYTES", most)
    write_animation(recording, tmp_path / "smaller.gif")
    assert (tmp_path / "smaller.gif").stat().st_size < most
    assert len(frames_of(tmp_path / "smaller.gif")) < recording.frames


def test_a_name_that_no_font_holds_is_drawn(tmp_path: Path) -> None:
    (recording,) = recorded([busy_scene()])
    odd = replace(recording, facts={**recording.facts, "id": "한국어\x1b[2J" * 40})
    write_animation(odd, tmp_path / "odd.gif")
    assert len(frames_of(tmp_path / "odd.gif")) == recording.frames
