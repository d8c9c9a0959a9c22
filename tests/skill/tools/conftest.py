"""A home for the calls of one test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skill.tools.door import Caller, Door
from tests.runs.living import end_all

Opened = Callable[..., Door]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home; what runs in it ends with the test."""
    monkeypatch.setenv("DRIVETRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "home"
    end_all(tmp_path / "home")


@pytest.fixture
def opened(home: Path) -> Opened:
    """Opens the home's door for a caller."""

    def open_door(
        role: str | None = None, ask: Callable[[str], bool | None] | None = None
    ) -> Door:
        return Door(home, Caller("sdk", role, ask))

    return open_door
