"""A set from somebody else is sound, or it is refused: kernels look nothing up twice."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivetrain.data import integrity
from drivetrain.data.catalogue import Origin
from drivetrain.data.scenario_sets import ScenarioSetWriter, load
from drivetrain.errors import DataError
from drivetrain.sim.scenario import Lane, Road, Scenario, Stop
from tests.data.builders import scenario, straight_road
from tests.data.test_integrity import rewritten


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with ScenarioSetWriter(tmp_path / "set", Origin("test", 1)) as writer:
        writer.add([with_lights(), scenario("s0")])
    return tmp_path / "set"


def with_lights() -> Scenario:
    """Two lights, of which the path of everybody obeys the second."""
    road = with_lanes(straight_road())
    first = replace(road.paths[0], stops=(Stop(80.0, 1),))
    road = replace(road, paths=(first, *road.paths[1:]), lights=2)
    return replace(scenario("lit", group="lit", road=road), signals=np.zeros((2, 6), np.uint8))


def with_lanes(road: Road) -> Road:
    corners = np.array([[0.0, -2.0], [120.0, -2.0], [120.0, 2.0], [0.0, 2.0]])
    line = np.array([[0.0, 0.0], [120.0, 0.0]])
    lanes = tuple(
        Lane(
            corners + aside,
            line + aside,
            limit_mps=10.0,
            block=at,
            is_connector=False,
            successors=(1 - at,),
        )
        for at, aside in enumerate(np.array([[0.0, 0.0], [0.0, 4.0]]))
    )
    return replace(road, lanes=lanes)


BEYOND: dict[str, tuple[int, Any]] = {
    "scenarios/steps.npy": (0, 100),
    "scenarios/ego.npy": (0, 4),
    "scenarios/road.npy": (0, -1),
    "scenarios/route.npy": (0, -1),
    "agents/category.npy": (1, 200),
    "agents/start_step.npy": (1, 1000),
    "agents/length.npy": (1, 3e38),
    "frames/valid.npy": (0, 0),
    "signals/signal.npy": (0, 9),
    "stops/stop_light.npy": (0, 1_000_000_000),
    "roads/lights.npy": (0, 1_000),
    "roads/grid_rows.npy": (0, 1_000_000),
    "cells/first_entry.npy": (0, 1),
    "entries/entry.npy": (0, -1),
    "grounds/ground.npy": (0, -1),
    "lanes/lane_area.npy": (0, -1),
    "lanes/lane_is_connector.npy": (0, 7),
    "nexts/next_lane.npy": (0, -1),
    "blocks/block_lane.npy": (0, -1),
    "areas/area_kind.npy": (0, 50),
    "areas/area_lane.npy": (0, 50),
    "points/path_x.npy": (0, -3e38),
}
"""A value for each file that would have a kernel read beyond some column's end."""


@pytest.mark.parametrize("name", BEYOND)
@pytest.mark.parametrize("limit", [0, integrity.FULL_CHECK_BYTES])
def test_no_value_of_a_strangers_set_makes_a_kernel_read_beyond_a_column(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    monkeypatch.setattr(integrity, "FULL_CHECK_BYTES", limit)
    load(folder)
    values = np.load(folder / name)
    row, value = BEYOND[name]
    values[row] = value
    rewritten(folder, name, values)
    with pytest.raises(DataError, match="is damaged"):
        load(folder)


@pytest.mark.parametrize("name", ["points", "bases", "experts", "cells", "signals"])
def test_rows_that_belong_to_the_wrong_owner_are_seen(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "set"
    with ScenarioSetWriter(folder, Origin("test", 1)) as writer:
        writer.add([with_lights(), replace(with_lights(), id="other")])
    file = {
        "points": "paths/first_point.npy",
        "bases": "lanes/first_base.npy",
        "experts": "scenarios/first_expert.npy",
        "cells": "roads/first_cell.npy",
        "signals": "scenarios/first_signal.npy",
    }[name]
    offsets = np.load(folder / file)
    offsets[1] = offsets[0] + 1
    rewritten(folder, file, offsets)
    with pytest.raises(DataError, match="is damaged"):
        load(folder)


@pytest.mark.parametrize(
    ("file", "facts"),
    [
        ("agents/first_frame.npy", {"kind": "value", "target": None}),
        ("entries/entry.npy", {"kind": "value", "target": None}),
        ("entries/entry.npy", {"target": "frames"}),
    ],
)
def test_a_manifest_cannot_talk_a_column_out_of_its_checks(
    folder: Path, file: str, facts: dict[str, Any]
) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][file] |= facts
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=r"lacks the column|is damaged"):
        load(folder)


def test_a_table_is_as_long_as_each_of_its_columns(folder: Path) -> None:
    rewritten(folder, "frames/vx.npy", np.load(folder / "frames/vx.npy")[:-1])
    with pytest.raises(DataError, match=r"`frames/vx\.npy` is not as long as its table"):
        load(folder)
