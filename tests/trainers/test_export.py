"""An exported policy acts as the policy does, in a runtime without torch."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import trainers.export
from drivetrain.errors import DataError
from drivetrain.sim.layout import FLAT
from tests.fakes import FakeTelemetry
from tests.trainers.algorithms import small_request
from tests.written_sets import written_set
from trainers import checkpoints
from trainers.contract import Places
from trainers.export import export, main
from trainers.policy import PolicyDriver, restored_policy
from trainers.ppo import train
from trainers.ppo_request import PPORequest


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    request = small_request("PPO", written_set(folder / "set"), 1)
    assert isinstance(request, PPORequest)
    places = Places(folder / "checkpoints", folder / "logs")
    train(request, FakeTelemetry(), places)
    return places.best


@pytest.mark.parametrize("batch", [1, 5])
def test_the_file_acts_as_the_policy_for_batches_of_any_size(
    checkpoint: Path, tmp_path: Path, batch: int
) -> None:
    export("r1", checkpoint, tmp_path / "policy.onnx")
    seen = np.random.default_rng(1).uniform(-1, 1, (batch, FLAT.size)).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "policy.onnx")
    (acted,) = session.run(None, {"observation": seen})
    policy = restored_policy(checkpoints.load(checkpoint))
    wanted = PolicyDriver(policy).actions_for(torch.from_numpy(seen))
    np.testing.assert_allclose(acted, wanted, atol=1e-5)
    assert acted.shape == (batch, 2)


def test_what_was_exported_is_told(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "policy.onnx"
    assert main(["--checkpoint", str(checkpoint), "--name", "r1", "--out", str(out)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["largest_difference"] < 1e-4
    assert facts["observation"]["size"] == FLAT.size
    assert facts["actions"] == {"name": "bicycle", "columns": 2}
    assert [file.name for file in out.parent.iterdir()] == ["policy.onnx"]


def test_a_file_that_acts_differently_is_not_kept(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainers.export, "MOST_DIFFERENCE", -1.0)
    with pytest.raises(DataError, match="acts differently"):
        export("r1", checkpoint, tmp_path / "out" / "policy.onnx")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_sentence(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "policy.onnx"
    assert main(["--checkpoint", str(checkpoint), "--name", "r1", "--out", str(out)]) == 3
    assert capsys.readouterr().err.startswith("error: ")
