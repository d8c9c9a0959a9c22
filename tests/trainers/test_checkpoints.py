"""Policy files are verified, and cannot run code."""

import os
import pickle  # noqa: TID251 - the attack that loading must withstand
from pathlib import Path

import pytest
import torch
from typing_extensions import override

from drivetrain.errors import DataError, NotFoundError
from trainers import checkpoints
from trainers.checkpoints import Checkpoint


def a_checkpoint(step: int = 7) -> Checkpoint:
    torch.manual_seed(step)
    return Checkpoint(
        algorithm="PPO",
        step=step,
        policy=torch.nn.Linear(4, 2).state_dict(),
        request={"seed": 3, "ppo": {"hidden": [4]}},
        observation_size=4,
        action_size=2,
    )


def written(path: Path, checkpoint: Checkpoint) -> Path:
    with path.open("wb") as file:
        checkpoints.write(checkpoint, file)
    return path


def test_what_was_written_is_what_is_loaded(tmp_path: Path) -> None:
    saved = a_checkpoint()
    loaded = checkpoints.load(written(tmp_path / "best.pt", saved))
    assert (loaded.step, loaded.algorithm, loaded.request) == (7, "PPO", saved.request)
    assert torch.equal(loaded.policy["weight"], saved.policy["weight"])


def test_a_checkpoint_is_plain_enough_for_weights_only_loading(tmp_path: Path) -> None:
    path = written(tmp_path / "best.pt", a_checkpoint())
    assert torch.load(path, weights_only=True)["step"] == 7


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9])
def test_a_changed_byte_is_noticed(tmp_path: Path, where: float) -> None:
    path = written(tmp_path / "best.pt", a_checkpoint())
    content = bytearray(path.read_bytes())
    weights = a_checkpoint().policy["weight"].numpy().tobytes()
    at = bytes(content).index(weights) + int(where * len(weights))
    content[at] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        checkpoints.load(path)


def test_a_truncated_file_is_damaged(tmp_path: Path) -> None:
    path = written(tmp_path / "best.pt", a_checkpoint())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="cannot be read"):
        checkpoints.load(path)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no checkpoint .*best\.pt"):
        checkpoints.load(tmp_path / "best.pt")


class Payload:
    @override
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, ("touch executed",))


def test_a_file_with_code_in_it_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"format": checkpoints.FORMAT, "policy": Payload()}, tmp_path / "best.pt")
    (tmp_path / "raw.pt").write_bytes(pickle.dumps(Payload(), protocol=2))
    for name in ("best.pt", "raw.pt"):
        with pytest.raises(DataError):
            checkpoints.load(tmp_path / name)
    assert not (tmp_path / "executed").exists()
