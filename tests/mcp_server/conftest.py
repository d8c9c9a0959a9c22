"""A home of its own for each test; no run outlives it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivetrain.runs.registry import overview
from drivetrain.runs.stop import request_stop
from drivetrain.runs.wait import wait_for
from tests.mcp_server.hosts import PATIENCE_S


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_slots: None) -> Iterator[Path]:  # noqa: ARG001
    place = tmp_path / "home"
    monkeypatch.setenv("DRIVETRAIN_HOME", str(place))
    yield place
    seen = overview(place)
    for run in seen.queued + seen.active:
        request_stop(place, run.id, force=True)
        wait_for(place, run.id, PATIENCE_S)
