import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.sim import main
from benchmarks.sim_scene import OTHERS
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.kernels.stepping import step_worlds
from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.world import Worlds
from tests.scenes import road, scene


def stepped(scenarios: ScenarioArrays, worlds: int) -> np.ndarray:
    batch = Worlds(scenarios, EnvironmentSettings(), num_worlds=worlds, seed=0)
    batch.reset()
    batch.step(np.zeros((worlds, 2), np.float32))
    return batch.observations


def test_scenarios_from_disk_and_from_memory_share_one_kernel(tmp_path: Path) -> None:
    packed = pack([scene(road(), [(0, 20, 10), (1, 30, 8)])])
    mapped = {}
    for name, column in packed._asdict().items():
        np.save(tmp_path / f"{name}.npy", column)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    in_memory = stepped(packed, 3)
    kernels = len(getattr(step_worlds, "signatures", [()]))
    np.testing.assert_array_equal(in_memory, stepped(ScenarioArrays(**mapped), 3))
    assert len(getattr(step_worlds, "signatures", [()])) == kernels


def test_the_benchmark_prints_one_line_of_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sys.argv",
        ["sim", "--worlds", "8", "--seconds", "0.05", "--traffic", "replay", "--json"],
    )
    main()
    line = json.loads(capsys.readouterr().out)
    assert line["steps_per_s_per_core"] > 0
    assert line["others_in_scene"] == OTHERS
