"""The hybrid imitates first, and then learns by PPO without losing what it imitated."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from drivetrain.data.demonstrate import Asked as Demonstrated
from drivetrain.data.demonstrate import demonstrate
from drivetrain.data.integrity import sha256_of
from drivetrain.data.open import open_set
from drivetrain.errors import DataError, RequestError, UnlearnedError
from drivetrain.sim.config import EnvironmentSettings
from tests.fakes import FakeTelemetry
from tests.trainers.algorithms import ROLLOUT, small_request
from tests.written_sets import written_set
from trainers import checkpoints, foreground, hybrid, ppo
from trainers.asked import Asked
from trainers.configs import resolve
from trainers.contract import Outcome, Places
from trainers.evaluate import evaluate
from trainers.export import export
from trainers.finetune import weight_of
from trainers.finetune_request import FinetuneSettings
from trainers.hybrid_request import HybridRequest
from trainers.launch import check_files
from trainers.ppo_learner import divergence
from trainers.ppo_request import PPORequest
from trainers.train_rl import ALGORITHMS


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("hybrid") / "set")


@pytest.fixture(scope="module")
def imitated(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policy that the warm-up of a small run leaves."""
    home = tmp_path_factory.mktemp("hybrid") / "run"
    hybrid.train(request(data), FakeTelemetry(stop_when=None), places(home))
    return places(home).of_stage("bc").best


def request(data: Path, rollouts: int = 1, **changes: Any) -> HybridRequest:
    """A small request; changes: sections and fields, as a config has them."""
    small = small_request("HYBRID", data, rollouts).model_dump()
    for name, value in changes.items():
        small[name] = {**small[name], **value} if isinstance(value, dict) else value
    return HybridRequest.model_validate(small)


def places(home: Path) -> Places:
    return Places(home / "checkpoints", home / "logs")


PLAIN = {"critic_rollouts": 0, "slow_rollouts": 0, "log_std": None}
"""A warm start that is none."""


def test_without_a_pull_and_a_warm_start_it_is_ppo_bit_for_bit(
    data: Path, tmp_path: Path
) -> None:
    small = as_ppo(request(data, 1))
    ppo.train(small, FakeTelemetry(), places(tmp_path / "start"))
    # Of PPO, it has its value already.
    start = places(tmp_path / "start").last
    asked = request(data, 3, init_from=start, finetune={"kl_weight": 0.0})
    hybrid.train(asked, FakeTelemetry(), places(tmp_path / "hybrid"))
    ppo.train(as_ppo(asked), FakeTelemetry(), places(tmp_path / "ppo"))
    ours = checkpoints.load(places(tmp_path / "hybrid").last).policy
    theirs = checkpoints.load(places(tmp_path / "ppo").last).policy
    for name, weights in theirs.items():
        assert torch.equal(ours[name], weights)
        assert not torch.equal(checkpoints.load(start).policy[name], weights)


def as_ppo(asked: HybridRequest) -> PPORequest:
    """The same for PPO alone."""
    shared = asked.model_dump(exclude={"algorithm", "mode", "bc", "finetune", "cimrl"})
    return PPORequest.model_validate(shared)


@pytest.mark.parametrize("direction", ["tau_pi", "pi_tau"])
def test_a_pull_keeps_the_policy_near_what_it_imitated(
    data: Path, imitated: Path, tmp_path: Path, direction: str
) -> None:
    apart = {}
    for weight in (0.0, 0.95):
        near = {"kl_weight": weight, "kl_direction": direction, "kl_schedule": "constant"}
        asked = request(data, 6, init_from=imitated, warm_start=PLAIN, finetune=near)
        telemetry = FakeTelemetry()
        hybrid.train(asked, telemetry, places(tmp_path / str(weight)))
        apart[weight] = telemetry.last("kl_to_start")
    assert 0 < apart[0.95] < apart[0.0] / 2


def test_the_divergence_is_that_of_gaussians() -> None:
    first = torch.distributions.Normal(torch.tensor([[0.1, -0.4]]), torch.tensor([0.3, 0.2]))
    second = torch.distributions.Normal(torch.tensor([[0.0, 0.5]]), torch.tensor([0.1, 0.6]))
    for one, other in ((first, second), (second, first)):
        known = torch.distributions.kl_divergence(one, other).sum(dim=1)
        torch.testing.assert_close(divergence(one, other), known)


def test_the_value_learns_alone_until_it_explains_the_returns(
    data: Path, imitated: Path, tmp_path: Path
) -> None:
    start = checkpoints.load(imitated).policy
    frozen = {"critic_rollouts": 2, "explained_variance": 1.0, "slow_rollouts": 1}
    warm: dict[str, Any] = {**frozen, "log_std": None}
    asked = request(data, 2, init_from=imitated, warm_start=warm)
    hybrid.train(asked, FakeTelemetry(), places(tmp_path))
    after = checkpoints.load(places(tmp_path).last).policy
    changed = {name for name, weights in after.items() if not torch.equal(weights, start[name])}
    assert changed == {name for name in start if "value_net" in name}
    telemetry = FakeTelemetry()
    further = request(data, 4, init_from=imitated, warm_start=warm)
    hybrid.train(further, telemetry, places(tmp_path))
    told = {step: n["warm_start"] for step, n in telemetry.numbers if "warm_start" in n}
    assert told == {3 * ROLLOUT: 1.0, 4 * ROLLOUT: 2.0}
    moved = checkpoints.load(places(tmp_path).last).policy
    assert not torch.equal(moved["action_net.weight"], start["action_net.weight"])


def test_ppo_warms_up_too_where_it_starts_from_imitation(
    data: Path, imitated: Path, tmp_path: Path
) -> None:
    asked = as_ppo(request(data, 1, init_from=imitated, warm_start={"log_std": -1.5}))
    ppo.train(asked, FakeTelemetry(), places(tmp_path / "first"))
    after = checkpoints.load(places(tmp_path / "first").last).policy
    start = checkpoints.load(imitated).policy
    assert torch.equal(after["action_net.weight"], start["action_net.weight"])
    assert torch.equal(after["log_std"], torch.full_like(after["log_std"], -1.5))
    # A policy of PPO brings its value along.
    further = asked.model_copy(update={"init_from": places(tmp_path / "first").last})
    telemetry = FakeTelemetry()
    ppo.train(further, telemetry, places(tmp_path / "second"))
    assert not any("warm_start" in numbers for _, numbers in telemetry.numbers)


def test_a_run_that_surely_forgets_ends_and_says_so(data: Path, tmp_path: Path) -> None:
    good = request(data, bc={"epochs": 60, "learning_rate": 3e-3}, policy={"hidden": (32, 32)})
    hybrid.train(good, FakeTelemetry(), places(tmp_path / "good"))
    asked = request(
        data,
        8,
        init_from=places(tmp_path / "good").of_stage("bc").best,
        policy={"hidden": (32, 32)},
        ppo={"learning_rate": 1.0, "target_kl": None},
        warm_start=PLAIN,
        finetune={"kl_weight": 0.0, "patience": 2},
    )
    telemetry = FakeTelemetry()
    with pytest.raises(UnlearnedError, match="surely worse than what it imitated"):
        hybrid.train(asked, telemetry, places(tmp_path / "bad"))
    assert checkpoints.load(places(tmp_path / "bad").best).step == 0


def test_it_drives_what_imitation_alone_does_not(tmp_path: Path) -> None:
    """Of few demonstrations, few times; broken, PPO ends where it began, or below."""
    steps = 64 * 64
    asked = request(
        written_set(tmp_path / "set", count=24),
        bc={"epochs": 4, "learning_rate": 3e-3, "noise": 0.1},
        policy={"hidden": (32, 32)},
        environment={"num_envs": 64, "reward": {"collision": 5.0}},
        training={"total_steps": 20 * steps, "eval_every": 5 * steps},
        ppo={"n_steps": 64, "batch_size": 1024, "n_epochs": 4, "learning_rate": 3e-4}
        | {"gamma": 0.99, "ent_coef": 0.0},
        warm_start={"critic_rollouts": 5, "slow_rollouts": 3, "log_std": -1.5},
        finetune={"kl_weight": 0.05},
    )
    hybrid.train(asked, FakeTelemetry(), places(tmp_path))
    mine, imitated, untrained, *_ = evaluate("hybrid", places(tmp_path).last).drivers
    assert (imitated.name, untrained.name) == ("imitated", "untrained")
    assert imitated.reward.mean < 7.0
    assert mine.reward.mean > 8.5
    assert mine.success.rate > imitated.success.rate


def test_stages_are_told_apart(data: Path, tmp_path: Path) -> None:
    telemetry = FakeTelemetry()
    outcome = hybrid.train(request(data, 2), telemetry, places(tmp_path))
    assert outcome == Outcome("completed", 2 * ROLLOUT)
    names = {name for step, numbers in telemetry.numbers for name in numbers if step == 0}
    assert {"bc/step", "bc/neglogp", "bc/val_nll", "reward"} <= names
    assert telemetry.phases.index("bc") < telemetry.phases.index("eval")
    steps = [step for step, _ in telemetry.numbers]
    assert steps == sorted(steps)
    judged = [step for step, name, _ in telemetry.facts if name == "evaluated"]
    assert judged == [0, ROLLOUT, 2 * ROLLOUT]


def test_imitation_is_not_done_again(data: Path, imitated: Path, tmp_path: Path) -> None:
    given = FakeTelemetry()
    hybrid.train(request(data, init_from=imitated), given, places(tmp_path / "given"))
    assert "bc" not in given.phases
    hybrid.train(request(data), FakeTelemetry(), places(tmp_path / "own"))
    further = FakeTelemetry()
    hybrid.train(request(data, 2), further, places(tmp_path / "own"))
    assert "bc" not in further.phases


@pytest.mark.parametrize("name", ["HYBRID", "CIMRL"])
def test_it_imitates_recorded_demonstrations(data: Path, tmp_path: Path, name: str) -> None:
    demos, asked = tmp_path / "demos", Demonstrated("idm", EnvironmentSettings(threads=1))
    demonstrate(open_set(data), data, asked, demos, lambda *_: None)
    small = small_request(name, demos, 1)
    check_files(small)
    assert isinstance(small, HybridRequest)
    telemetry = FakeTelemetry()
    assert hybrid.train(small, telemetry, places(tmp_path)).how == "completed"
    assert not [facts for _, event, facts in telemetry.facts if event == "demonstrated"]


def test_a_run_whose_start_is_gone_cannot_go_on(data: Path, tmp_path: Path) -> None:
    hybrid.train(request(data), FakeTelemetry(), places(tmp_path))
    (places(tmp_path).of_stage("bc").best).unlink()
    with pytest.raises(DataError, match="imitated"):
        hybrid.train(request(data, 2), FakeTelemetry(), places(tmp_path))


def test_its_built_in_config_asks_for_what_it_says() -> None:
    asked = resolve(Asked("hybrid", "hybrid"))
    assert isinstance(asked, HybridRequest)
    assert (asked.bc.driver, asked.bc.epochs, asked.mode) == ("idm", 50, "finetune")
    assert asked.cloning().bc == asked.bc


def test_only_bicycles_can_be_imitated_and_learned_on() -> None:
    sets = ("environment.actions=proposals",)
    with pytest.raises(RequestError, match=r"only bicycles are demonstrated.*actions=bicycle"):
        resolve(Asked("hybrid", sets=sets))


def test_what_it_came_from_is_kept_by_hashes(data: Path, tmp_path: Path) -> None:
    telemetry = FakeTelemetry()
    hybrid.train(request(data), telemetry, places(tmp_path))
    told = json.loads(places(tmp_path).lineage.read_text())
    start = places(tmp_path).of_stage("bc")
    assert told["imitated"]["sha256"] == sha256_of(start.best)
    shown = start.checkpoints / "demonstrations" / "manifest.json"
    assert told["demonstrations"]["sha256"] == sha256_of(shown)
    assert told["demonstrations"]["driver"] == "idm"
    assert "lineage" in telemetry.events


def test_the_imitating_policy_is_judged_beside_only_while_it_is_the_same(
    data: Path, tmp_path: Path
) -> None:
    hybrid.train(request(data), FakeTelemetry(), places(tmp_path))
    names = [driver.name for driver in evaluate("h", places(tmp_path).last, limit=1).drivers]
    assert names[:2] == ["h (last)", "imitated"]
    start = places(tmp_path).of_stage("bc").best
    start.write_bytes(start.read_bytes() + b"more")
    names = [driver.name for driver in evaluate("h", places(tmp_path).last, limit=1).drivers]
    assert "imitated" not in names


def test_lam_falls_as_it_was_asked_to() -> None:
    weights = {}
    for schedule in ("constant", "linear", "exponential"):
        settings = FinetuneSettings(kl_weight=0.1, kl_schedule=schedule)
        weights[schedule] = [weight_of(settings)(done) for done in (0.0, 0.5, 1.0)]
    assert weights["constant"] == [0.1, 0.1, 0.1]
    assert weights["linear"] == pytest.approx([0.1, 0.05, 0.0])
    assert weights["exponential"] == pytest.approx(
        [0.1, 0.1 * math.exp(-2.5), 0.1 * math.exp(-5)]
    )


def test_its_policy_can_be_exported(data: Path, tmp_path: Path) -> None:
    hybrid.train(request(data), FakeTelemetry(), places(tmp_path))
    facts = export("h", places(tmp_path).best, tmp_path / "policy.onnx")
    assert facts["algorithm"] == "HYBRID"
    assert facts["largest_difference"] < 1e-4


def test_the_script_for_rl_trains_it_where_the_config_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--config", "hybrid", "--mode", "finetune", "--epochs", "7", "--dry-run"]
    assert foreground.main("trainers.train_rl", ALGORITHMS, words) == 0
    assert "algorithm: HYBRID" in capsys.readouterr().out
    assert foreground.main("trainers.train_rl", ALGORITHMS, ["--epochs", "7", "--dry-run"]) == 2
    assert "--epochs" in capsys.readouterr().err
