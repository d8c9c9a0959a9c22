"""What all tests share: no test touches what a user's own runs hold."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Slots and indexes of this test session alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots of this one test: no run that an earlier one left behind holds any."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
