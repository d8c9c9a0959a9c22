"""BC learns from demonstrations, tells how well, and refuses what it cannot learn from."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from stable_baselines3.common.policies import ActorCriticPolicy

from drivetrain.data.demonstrate import Asked, demonstrate
from drivetrain.data.open import open_set
from drivetrain.errors import DataError
from drivetrain.sim.config import EnvironmentSettings
from skill.licences import licences_of
from tests.fakes import FakeTelemetry
from tests.written_sets import written_set
from trainers import checkpoints, ppo
from trainers.bc import train
from trainers.bc_request import BCRequest, BCSettings, BCTrainingSettings, BicycleSettings
from trainers.contract import Outcome, Places
from trainers.evaluate import evaluate
from trainers.launch import launch
from trainers.policy import restored_policy
from trainers.ppo_request import PPORequest, PPOSettings
from trainers.requests import REQUESTS
from trainers.train_request import PolicySettings, TrainingSettings

BATCH = 64


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("bc") / "set")


@pytest.fixture(scope="module")
def demos(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bc") / "demos"
    asked = Asked("idm", EnvironmentSettings(threads=1))
    demonstrate(open_set(data), data, asked, out, lambda *_: None)
    return out


def request(data: Path, epochs: int = 3, **bc: object) -> BCRequest:
    settings = {"driver": "idm", "batch_size": BATCH, "epochs": epochs, **bc}
    return BCRequest(
        data=data,
        seed=1,
        device="cpu",
        environment=BicycleSettings(threads=1),
        training=BCTrainingSettings(threads=1, eval_every=100_000, eval_scenarios=2),
        policy=PolicySettings(hidden=(32, 32)),
        bc=BCSettings.model_validate(settings),
    )


def places(home: Path) -> Places:
    return Places(home / "checkpoints", home / "logs")


def test_a_run_ends_with_its_epochs_and_says_so_in_steps(demos: Path, tmp_path: Path) -> None:
    telemetry = FakeTelemetry()
    outcome = train(request(demos), telemetry, places(tmp_path))
    held = json.loads((demos / "manifest.json").read_text())["splits"]["train"]
    assert outcome == Outcome("completed", 3 * (held // BATCH) * BATCH)
    assert telemetry.total == outcome.step
    assert telemetry.last("epoch") == 3.0
    assert "warmup" not in telemetry.phases
    told = {"neglogp", "entropy", "std", "val_nll", "val_mae", "train_nll", "reward"}
    assert told <= {name for _, numbers in telemetry.numbers for name in numbers}


def test_a_scenario_set_is_demonstrated_in_first_and_once(data: Path, tmp_path: Path) -> None:
    telemetry = FakeTelemetry()
    train(request(data), telemetry, places(tmp_path))
    assert telemetry.phases.count("warmup") == 1
    (facts,) = [facts for _, name, facts in telemetry.facts if name == "demonstrated"]
    assert facts["episodes"] == 8
    further = request(data, epochs=4)
    again = FakeTelemetry()
    assert train(further, again, places(tmp_path)).how == "completed"
    assert "warmup" not in again.phases


def test_cloning_a_rule_driver_drives_scenarios_it_never_saw(
    tmp_path: Path,
) -> None:
    data = written_set(tmp_path / "set", count=24)
    telemetry = FakeTelemetry()
    asked = request(data, epochs=60, learning_rate=3e-3, noise=0.1)
    train(asked, telemetry, places(tmp_path))
    mine, untrained, *_ = evaluate("bc", places(tmp_path).best).drivers
    assert mine.success.rate >= 0.9
    assert untrained.success.rate == 0.0
    # On scenarios it never saw this is 0.06 to 0.19, as chance will have it.
    assert telemetry.last("train_mae") < 0.03


def test_the_spread_of_actions_has_a_floor(demos: Path, tmp_path: Path) -> None:
    asked = request(demos, epochs=60, learning_rate=1e-2, least_log_std=-1.5)
    train(asked, FakeTelemetry(), places(tmp_path))
    policy = restored_policy(checkpoints.load(places(tmp_path).last))
    assert isinstance(policy, ActorCriticPolicy)
    assert float(policy.log_std.detach().min()) == pytest.approx(-1.5)


def test_ppo_starts_from_what_bc_learned(data: Path, demos: Path, tmp_path: Path) -> None:
    train(request(demos), FakeTelemetry(), places(tmp_path / "bc"))
    best = places(tmp_path / "bc").best
    further = PPORequest(
        data=data,
        init_from=best,
        device="cpu",
        environment=EnvironmentSettings(num_envs=8, threads=1),
        training=TrainingSettings(total_steps=128, eval_scenarios=2, threads=1),
        policy=PolicySettings(hidden=(32, 32)),
        ppo=PPOSettings(n_steps=16, batch_size=64, n_epochs=1, learning_rate=1e-12),
    )
    ppo.train(further, FakeTelemetry(), places(tmp_path / "ppo"))
    before, after = checkpoints.load(best), checkpoints.load(places(tmp_path / "ppo").last)
    for name, weights in before.policy.items():
        np.testing.assert_allclose(after.policy[name], weights, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"environment": {"observation": "wide"}}, r"observation=flat.*asks for `wide`"),
        ({"environment": {"actuators": "direct"}}, r"actuators=filtered.*asks for `direct`"),
        ({"bc": {"batch_size": 100_000}}, r"too few for a batch of 100,000"),
    ],
)
def test_demonstrations_that_do_not_fit_are_refused_and_nothing_is_written(
    demos: Path, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    asked = BCRequest.model_validate({"run_id": "r1", "data": demos, **changes})
    with pytest.raises(DataError, match=words):
        launch(asked, home=tmp_path / "home")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("verb", ["bc", "hybrid"])
def test_who_refuses_demonstrations_names_the_verb_that_was_asked_for(
    demos: Path, tmp_path: Path, verb: str
) -> None:
    values = {"run_id": "r1", "data": demos, "environment": {"actuators": "direct"}}
    with pytest.raises(DataError, match=f"Try `/train {verb} --data "):
        launch(REQUESTS[verb].model_validate(values), home=tmp_path / "home")


def test_demonstrations_whose_scenario_set_is_gone_are_refused(
    data: Path, tmp_path: Path
) -> None:
    place = tmp_path / "set"
    shutil.copytree(data, place)
    out = tmp_path / "demos"
    asked = Asked("idm", EnvironmentSettings(threads=1), scenarios=4)
    demonstrate(open_set(place), place, asked, out, lambda *_: None)
    shutil.rmtree(place)
    with pytest.raises(DataError, match="There is no scenario set"):
        launch(request(out), home=tmp_path / "home")


def test_only_imitators_take_demonstrations(demos: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="scenario set"):
        launch(PPORequest(run_id="r1", data=demos), home=tmp_path / "home")


def test_the_start_tells_the_licences_of_what_was_demonstrated(demos: Path) -> None:
    assert licences_of(str(demos)) == ("generated",)
