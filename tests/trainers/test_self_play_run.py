"""A policy that learns by driving every vehicle, and is judged as the ego alone."""

from pathlib import Path

import pytest

from tests.fakes import FakeTelemetry
from tests.trainers.algorithms import small_request
from tests.written_sets import written_set
from trainers.contract import Places
from trainers.evaluate import evaluate
from trainers.ppo import make_training, train
from trainers.ppo_request import PPORequest


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("self_play") / "set")


def self_play(data: Path, **changes: object) -> PPORequest:
    """A request of seconds, with every vehicle driven by the learner."""
    plain = small_request("PPO", data, 2)
    assert isinstance(plain, PPORequest)
    environment = plain.environment.model_copy(update={"traffic": "policy", **changes})
    return plain.model_copy(update={"environment": environment})


def test_a_run_in_self_play_trains_and_is_judged_amid_idm_traffic(
    data: Path, tmp_path: Path
) -> None:
    request = self_play(data, seats=2)
    outcome = train(request, FakeTelemetry(), Places(tmp_path / "checkpoints", tmp_path))
    assert outcome.how == "completed"
    assert outcome.step >= request.training.total_steps
    result = evaluate("run", tmp_path / "checkpoints" / "last.pt", data)
    assert result.traffic == "idm"
    assert result.drivers[0].episodes > 0


def test_a_rollout_has_as_many_steps_whatever_the_groups_make_of_the_worlds(data: Path) -> None:
    request = self_play(data, num_envs=2, seats=16)
    ppo = request.ppo.model_copy(update={"n_steps": None})
    training = make_training(request.model_copy(update={"ppo": ppo}), lambda: None)
    assert training.worlds.num_worlds == 16
    assert training.learner.n_steps * 16 == request.training.total_steps
