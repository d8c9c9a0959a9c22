"""A home for the runs of one test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runs.living import end_all


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty home; what runs in it ends with the test."""
    yield tmp_path / "home"
    end_all(tmp_path / "home")
