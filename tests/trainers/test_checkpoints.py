"""Checkpoints are whole or absent, verified, and cannot run code."""

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
    layer = torch.nn.Linear(4, 2)
    optimiser = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 4)).sum().backward()
    optimiser.step()
    return Checkpoint(
        algorithm="PPO",
        step=step,
        policy=layer.state_dict(),
        optimiser=optimiser.state_dict(),
        request={"seed": 3, "ppo": {"hidden": [4]}},
        observation_size=4,
        action_size=2,
    )


def test_what_was_saved_is_what_is_loaded(tmp_path: Path) -> None:
    saved = a_checkpoint()
    checkpoints.save(tmp_path / "best.pt", saved)
    loaded = checkpoints.load(tmp_path / "best.pt")
    assert (loaded.step, loaded.algorithm, loaded.request) == (7, "PPO", saved.request)
    assert torch.equal(loaded.policy["weight"], saved.policy["weight"])
    assert loaded.optimiser["state"][0]["exp_avg"].equal(saved.optimiser["state"][0]["exp_avg"])


def test_a_checkpoint_is_plain_enough_for_weights_only_loading(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "best.pt", a_checkpoint())
    assert torch.load(tmp_path / "best.pt", weights_only=True)["step"] == 7


def test_saving_leaves_no_draft_behind(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "last.pt", a_checkpoint(1))
    checkpoints.save(tmp_path / "last.pt", a_checkpoint(2))
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
    assert checkpoints.load(tmp_path / "last.pt").step == 2


def test_a_failed_save_keeps_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.save(tmp_path / "last.pt", a_checkpoint(1))

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device", str(descriptor))

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(tmp_path / "last.pt", a_checkpoint(2))
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
    assert checkpoints.load(tmp_path / "last.pt").step == 1


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9])
def test_a_changed_byte_is_noticed(tmp_path: Path, where: float) -> None:
    path = tmp_path / "best.pt"
    checkpoints.save(path, a_checkpoint())
    content = bytearray(path.read_bytes())
    weights = a_checkpoint().policy["weight"].numpy().tobytes()
    at = bytes(content).index(weights) + int(where * len(weights))
    content[at] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        checkpoints.load(path)


def test_a_truncated_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    checkpoints.save(path, a_checkpoint())
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
    torch.save({"format": 1, "policy": Payload()}, tmp_path / "best.pt")
    (tmp_path / "raw.pt").write_bytes(pickle.dumps(Payload(), protocol=2))
    for name in ("best.pt", "raw.pt"):
        with pytest.raises(DataError):
            checkpoints.load(tmp_path / name)
    assert not (tmp_path / "executed").exists()
