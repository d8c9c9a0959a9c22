"""PPO trains, saves, evaluates, stops when asked, and really learns."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from drivetrain.data.open import open_set
from drivetrain.errors import DataError
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.metrics import drive_each
from drivetrain.sim.planners import Driver, IdmDriver, RandomDriver
from drivetrain.sim.world import Worlds
from tests.fakes import FakeTelemetry
from tests.written_sets import written_set
from trainers import checkpoints
from trainers.contract import Outcome, Places, StopRequested
from trainers.evaluate import evaluate
from trainers.ppo import train
from trainers.ppo_request import PPORequest, PPOSettings
from trainers.train_request import PolicySettings, TrainingSettings

ENVIRONMENT = EnvironmentSettings(num_envs=32, threads=1)
ROLLOUT = 32 * 64


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("ppo") / "set")


def request(data: Path, steps: int = 2 * ROLLOUT, **ppo: object) -> PPORequest:
    return PPORequest(
        data=data,
        seed=1,
        device="cpu",
        environment=ENVIRONMENT,
        training=TrainingSettings(total_steps=steps, eval_every=ROLLOUT, threads=1),
        policy=PolicySettings(hidden=(32, 32)),
        ppo=PPOSettings.model_validate({"n_steps": 64, "batch_size": 512, **ppo}),
    )


def places(home: Path) -> Places:
    return Places(home / "checkpoints", home / "logs")


def curve_names(logs: Path) -> set[str]:
    accumulator = EventAccumulator(str(logs))
    accumulator.Reload()
    return set(accumulator.Tags()["scalars"])


def test_a_run_leaves_checkpoints_numbers_and_curves(data: Path, tmp_path: Path) -> None:
    telemetry = FakeTelemetry()
    outcome = train(request(data), telemetry, places(tmp_path))
    assert outcome == Outcome("completed", 2 * ROLLOUT)
    assert checkpoints.load(tmp_path / "checkpoints" / "last.pt").step == 2 * ROLLOUT
    assert checkpoints.load(tmp_path / "checkpoints" / "best.pt").step > 0
    assert np.isfinite(telemetry.last("reward"))
    assert np.isfinite(telemetry.last("approx_kl"))
    assert {"evaluated", "best", "checkpoint"} <= set(telemetry.events)
    curves = {"rollout/reward", "rollout/reward_lane", "eval/score", "train/approx_kl"}
    assert curves <= curve_names(tmp_path / "logs")


def test_a_stop_while_stepping_saves_and_leaves(data: Path, tmp_path: Path) -> None:
    telemetry = FakeTelemetry(stop_at=ROLLOUT)
    endless = TrainingSettings(total_steps=100 * ROLLOUT, eval_every=100 * ROLLOUT, threads=1)
    asked = request(data).model_copy(update={"training": endless})
    outcome = train(asked, telemetry, places(tmp_path))
    assert outcome.how == "stopped"
    assert "eval" not in telemetry.phases
    assert checkpoints.load(tmp_path / "checkpoints" / "last.pt").step == outcome.step
    assert outcome.step < 5 * ROLLOUT


def test_a_stop_inside_an_evaluation_saves_and_leaves(data: Path, tmp_path: Path) -> None:
    telemetry = FakeTelemetry(stop_in="eval")
    outcome = train(request(data, steps=100 * ROLLOUT), telemetry, places(tmp_path))
    assert outcome == Outcome("stopped", ROLLOUT)
    assert checkpoints.load(tmp_path / "checkpoints" / "last.pt").step == ROLLOUT
    assert "evaluated" not in telemetry.events


def test_the_same_seed_trains_the_same_policy(data: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        train(request(data, steps=ROLLOUT), FakeTelemetry(), places(tmp_path / name))
    policies = [
        checkpoints.load(tmp_path / name / "checkpoints" / "last.pt").policy for name in "ab"
    ]
    assert all(torch.equal(policies[0][key], policies[1][key]) for key in policies[0])


def test_a_last_rollout_beyond_the_last_step_does_not_undo_what_was_learned(
    data: Path, tmp_path: Path
) -> None:
    telemetry = FakeTelemetry()
    train(request(data, steps=ROLLOUT + 1), telemetry, places(tmp_path))
    rates = [
        numbers["learning_rate"]
        for _, numbers in telemetry.numbers
        if "learning_rate" in numbers
    ]
    assert len(rates) == 2
    assert min(rates) == 0.0


def test_training_can_start_from_a_checkpoint(data: Path, tmp_path: Path) -> None:
    train(request(data, steps=ROLLOUT), FakeTelemetry(), places(tmp_path / "first"))
    trained = tmp_path / "first" / "checkpoints" / "last.pt"
    still = request(data, steps=ROLLOUT, learning_rate=1e-12).model_copy(
        update={"init_from": trained}
    )
    train(still, FakeTelemetry(), places(tmp_path / "second"))
    before = checkpoints.load(trained).policy
    after = checkpoints.load(tmp_path / "second" / "checkpoints" / "last.pt").policy
    assert all(torch.allclose(before[key], after[key], atol=1e-6) for key in before)


def test_a_resume_needs_the_checkpoint_that_training_started_from_no_more(
    data: Path, tmp_path: Path
) -> None:
    train(request(data, steps=ROLLOUT), FakeTelemetry(), places(tmp_path / "first"))
    trained = tmp_path / "first" / "checkpoints" / "last.pt"
    further = request(data).model_copy(update={"init_from": trained})
    train(further, FakeTelemetry(stop_at=ROLLOUT), places(tmp_path / "second"))
    trained.unlink()
    assert train(further, FakeTelemetry(), places(tmp_path / "second")).how == "completed"


def test_a_checkpoint_of_another_network_is_refused(data: Path, tmp_path: Path) -> None:
    train(request(data, steps=ROLLOUT), FakeTelemetry(), places(tmp_path))
    trained = tmp_path / "checkpoints" / "last.pt"
    changes = {"init_from": trained, "policy": PolicySettings(hidden=(16,))}
    other = request(data).model_copy(update=changes)
    with pytest.raises(DataError, match=r"policy\.hidden=\[32,32\]"):
        train(other, FakeTelemetry(), places(tmp_path / "other"))


def test_a_diverging_run_ends_with_its_reason(data: Path, tmp_path: Path) -> None:
    wild = request(data, steps=20 * ROLLOUT, learning_rate=1.0, target_kl=None).model_copy(
        update={"environment": ENVIRONMENT}
    )
    ppo = wild.ppo.model_copy(update={"learning_rate": float("inf")})
    with pytest.raises((FloatingPointError, ValueError), match=r"nan|finite|parameter loc"):
        train(wild.model_copy(update={"ppo": ppo}), FakeTelemetry(), places(tmp_path))
    kept = checkpoints.load(tmp_path / "checkpoints" / "last.pt").policy
    assert all(weights.isfinite().all() for weights in kept.values())


def test_what_the_very_last_update_broke_is_not_saved(data: Path, tmp_path: Path) -> None:
    once = request(data, steps=ROLLOUT)
    ppo = once.ppo.model_copy(
        update={"learning_rate": float("inf"), "n_epochs": 1, "batch_size": ROLLOUT}
    )
    training = once.training.model_copy(update={"eval_every": 10 * ROLLOUT})
    broken = once.model_copy(update={"ppo": ppo, "training": training})
    with pytest.raises(FloatingPointError, match=r"nan|not finite"):
        train(broken, FakeTelemetry(), places(tmp_path))
    assert checkpoints.load(tmp_path / "checkpoints" / "last.pt").step == 0
    assert not (tmp_path / "checkpoints" / "best.pt").exists()


def test_a_trained_policy_is_judged_beside_the_baselines(data: Path, tmp_path: Path) -> None:
    train(request(data, steps=ROLLOUT), FakeTelemetry(), places(tmp_path))
    result = evaluate("short", tmp_path / "checkpoints" / "best.pt").as_json()
    assert [driver["name"] for driver in result["drivers"]] == [
        "short (best)",
        "untrained",
        "random",
        "IDM",
        "PDM",
        "log replay",
    ]
    assert {driver["episodes"] for driver in result["drivers"]} == {4}
    assert result["data"]["split"] == "test"
    assert result["data"]["licences"] == ("generated",)
    assert [driver["success"]["rate"] for driver in result["drivers"][3:]] == [1.0] * 3


@pytest.mark.parametrize("driver", [RandomDriver, IdmDriver])
def test_whoever_is_driving_the_judging_can_be_left(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: type[Driver]
) -> None:
    train(request(data, steps=ROLLOUT), FakeTelemetry(), places(tmp_path))
    driven, drive = list[int](), driver.act

    def counted(self: Driver, worlds: Worlds) -> NDArray[np.floating]:
        driven.append(worlds.num_worlds)
        return drive(self, worlds)

    def leave() -> None:
        if driven:
            raise StopRequested

    monkeypatch.setattr(driver, "act", counted)
    with pytest.raises(StopRequested):
        evaluate("short", tmp_path / "checkpoints" / "best.pt", interrupt=leave)
    assert len(driven) == 1


@pytest.mark.parametrize(
    "worlds",
    [
        {"actions": "delta", "observation": "wide"},
        {"actions": "proposals"},
        {"actuators": "direct", "on_failure": "ignore"},
    ],
)
def test_a_policy_is_trained_and_judged_in_every_action_space(
    data: Path, tmp_path: Path, worlds: dict[str, str]
) -> None:
    environment = ENVIRONMENT.model_copy(update=worlds)
    asked = request(data, steps=ROLLOUT).model_copy(update={"environment": environment})
    train(asked, FakeTelemetry(), places(tmp_path))
    judged = evaluate("short", tmp_path / "checkpoints" / "best.pt").drivers
    assert np.isfinite([driver.reward.mean for driver in judged]).all()
    assert judged[3].success.rate == 1.0


def test_a_policy_of_another_action_space_is_no_start(data: Path, tmp_path: Path) -> None:
    train(request(data, steps=ROLLOUT), FakeTelemetry(), places(tmp_path))
    environment = ENVIRONMENT.model_copy(update={"actions": "proposals"})
    best = tmp_path / "checkpoints" / "best.pt"
    asked = request(data).model_copy(update={"environment": environment, "init_from": best})
    with pytest.raises(DataError, match=r"acts with 2; these worlds have \d+ and 1"):
        train(asked, FakeTelemetry(), places(tmp_path / "next"))


def test_ppo_learns_to_drive_better_than_chance_within_seconds(
    data: Path, tmp_path: Path
) -> None:
    train(request(data, steps=40 * ROLLOUT), FakeTelemetry(), places(tmp_path))
    learned, _, chance, *_ = evaluate("quick", tmp_path / "checkpoints" / "best.pt").drivers
    scenarios = open_set(data)
    at_random = drive_each(
        scenarios.arrays, scenarios.picks("test"), ENVIRONMENT, RandomDriver(1)
    )
    assert chance.reward.mean == pytest.approx(at_random.reward.mean())
    assert learned.reward.mean > chance.reward.mean + 2.0
    assert learned.progress.mean > chance.progress.mean + 0.2
