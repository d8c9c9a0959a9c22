"""The experts' routes as flat columns: their roadblocks, and their progress along them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.lane_map import LaneMap, lane_map_of
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.score.association import associate
from drivetrain.sim.score.drive import new_drive
from drivetrain.sim.score.progress import blocks_of, come_along

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]


def expert_columns(arrays: ScenarioArrays) -> dict[str, NDArray[Any]]:
    """The columns of the tables `blocks` and `experts`."""
    blocks: list[Numbers] = [np.empty(0, np.int32)]
    along: list[Floats] = [np.empty(0)]
    block_rows, expert_rows, roads = [0], [0], lane_map_of(arrays)
    for scenario in range(len(arrays.steps)):
        chain, metres = _expert(arrays, roads, scenario)
        blocks.append(chain)
        along.append(metres)
        block_rows.append(block_rows[-1] + len(chain))
        expert_rows.append(expert_rows[-1] + len(metres))
    return {
        "first_block": np.array(block_rows),
        "block_lane": np.concatenate(blocks),
        "first_expert": np.array(expert_rows),
        "expert_along_m": np.concatenate(along),
    }


def _expert(arrays: ScenarioArrays, roads: LaneMap, scenario: int) -> tuple[Numbers, Floats]:
    """The first lanes of its roadblocks, and the metres along them at every step."""
    road, nothing = int(arrays.road[scenario]), (np.empty(0, np.int32), np.empty(0))
    if arrays.first_lane[road] == arrays.first_lane[road + 1]:
        return nothing
    x, y = _places(arrays, scenario)
    drive = new_drive(len(x))._replace(x=x, y=y)
    associate(roads, road, drive)
    chain, along = np.zeros(len(x), np.int64), np.zeros(len(x))
    blocks = blocks_of(roads, drive, chain)
    if blocks == 0:
        return nothing
    lanes_driven = chain[:blocks].astype(np.int32)
    come_along(roads, road, lanes_driven, drive, along)
    return lanes_driven, along


def _places(arrays: ScenarioArrays, scenario: int) -> tuple[Floats, Floats]:
    """Where the expert was at every step; as seen last, where it was not seen."""
    ego, steps = int(arrays.ego[scenario]), int(arrays.steps[scenario])
    frames = slice(int(arrays.first_frame[ego]), int(arrays.first_frame[ego + 1]))
    seen = np.flatnonzero(arrays.valid[frames])
    last = seen[np.searchsorted(seen, np.arange(steps), side="right") - 1]
    return arrays.x[frames][last].astype(np.float64), arrays.y[frames][last].astype(np.float64)
