"""SAC trains, refuses contradictions, goes on without its buffer, and really learns."""

from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.logger import Logger
from stable_baselines3.sac.policies import SACPolicy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from drivetrain import checkpoint_units
from drivetrain.errors import DataError, RequestError
from drivetrain.sim.config import EnvironmentSettings
from tests.fakes import FakeTelemetry
from tests.trainers.algorithms import ROLLOUT, small_request
from tests.written_sets import written_set
from trainers import checkpoints
from trainers.asked import Asked
from trainers.configs import resolve
from trainers.contract import Outcome, Places
from trainers.evaluate import evaluate
from trainers.launch import launch
from trainers.policy import restored_policy
from trainers.ppo import train as train_ppo
from trainers.ppo_request import PPORequest
from trainers.sac import make_training, train
from trainers.sac_learner import SACLearner
from trainers.sac_request import SACRequest, SACSettings
from trainers.train_request import PolicySettings, TrainingSettings


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("sac") / "set")


def small(data: Path, rollouts: int = 2, **sac: object) -> SACRequest:
    asked = small_request("SAC", data, rollouts)
    assert isinstance(asked, SACRequest)
    return asked.model_copy(update={"sac": asked.sac.model_copy(update=sac)})


def places(home: Path) -> Places:
    return Places(home / "checkpoints", home / "logs")


def newest_files(home: Path) -> set[str]:
    unit = checkpoint_units.newest(places(home).units)
    assert unit is not None
    return set(unit.meta["files"])


def test_a_run_tells_what_its_health_is_judged_by(data: Path, tmp_path: Path) -> None:
    telemetry = FakeTelemetry()
    assert train(small(data), telemetry, places(tmp_path)) == Outcome("completed", 2 * ROLLOUT)
    names = ("critic_loss", "actor_loss", "mean_q", "max_q", "alpha", "entropy", "replay_age")
    assert np.isfinite([telemetry.last(name) for name in (*names, "grad_norm")]).all()
    assert telemetry.last("mean_q") < telemetry.last("max_q")
    assert telemetry.last("replay_fill") == 1.0
    assert telemetry.last("utd") == pytest.approx(2 / 16)
    accumulator = EventAccumulator(str(tmp_path / "logs"))
    accumulator.Reload()
    curves = {"rollout/reward", "train/critic_loss", "train/alpha", "eval/success"}
    assert curves <= set(accumulator.Tags()["scalars"])


def test_updates_per_step_are_those_of_the_ratio(data: Path, tmp_path: Path) -> None:
    for utd, updates in ((0.01, 12), (0.5, 96)):
        home, request = tmp_path / str(utd), small(data, 1, utd=utd)
        train(request, FakeTelemetry(), places(home))
        training = make_training(request, lambda: None)
        unit = checkpoint_units.newest(places(home).units)
        assert unit is not None
        assert checkpoints.read_state(unit.file("algo.pt"))["updates"] == updates
        assert training.learner.gradient_steps == max(1, utd * 16)


def test_a_temperature_may_be_given_instead_of_learned(data: Path, tmp_path: Path) -> None:
    telemetry = FakeTelemetry()
    train(small(data, ent_coef=0.125), telemetry, places(tmp_path))
    assert telemetry.last("alpha") == 0.125


def test_a_run_that_keeps_no_replay_goes_on_without_and_says_so(
    data: Path, tmp_path: Path
) -> None:
    request = small(data, 4, replay="drop")
    first = FakeTelemetry(stop_at=2 * ROLLOUT)
    stopped = train(request, first, places(tmp_path))
    assert stopped.how == "stopped"
    assert "replay.pt" not in newest_files(tmp_path)
    second = FakeTelemetry()
    assert train(request, second, places(tmp_path)).how == "completed"
    assert "the replay buffer is gone, and 64 steps are driven before" in second.warnings[0]
    whole = small(data, 4)
    train(whole, FakeTelemetry(), places(tmp_path / "whole"))
    assert "replay.pt" in newest_files(tmp_path / "whole")


def test_a_resume_without_its_replay_updates_nothing_until_it_is_warm(
    data: Path, tmp_path: Path
) -> None:
    request = small(data, 4, replay="drop", learning_starts=2 * ROLLOUT)
    train(request, FakeTelemetry(stop_at=2 * ROLLOUT), places(tmp_path))
    before = checkpoints.load(places(tmp_path).last)
    train(request, FakeTelemetry(), places(tmp_path))
    after = checkpoints.load(places(tmp_path).last)
    assert (before.step, after.step) == (2 * ROLLOUT, 4 * ROLLOUT)
    assert all(torch.equal(before.policy[name], after.policy[name]) for name in after.policy)


def test_a_saved_replay_holds_what_was_driven_last(data: Path, tmp_path: Path) -> None:
    request = small(data, 2)
    train(request, FakeTelemetry(), places(tmp_path))
    unit = checkpoint_units.newest(places(tmp_path).units)
    assert unit is not None
    saved = checkpoints.read_state(unit.file("replay.pt"))
    rows = sum(len(part) for part in saved["columns"]["observations"])
    assert rows == saved["rows"] == 20
    seen = torch.cat(list(saved["columns"]["observations"]))
    ahead = torch.cat(list(saved["columns"]["next_observations"]))
    over = torch.cat(list(saved["columns"]["dones"]))[:-1] > 0
    # Oldest first: what one row leads to is what the next one sees, save where it ended.
    assert torch.equal(ahead[:-1][~over], seen[1:][~over])


def test_training_can_start_from_a_checkpoint_of_its_own(data: Path, tmp_path: Path) -> None:
    train(small(data, 1), FakeTelemetry(), places(tmp_path / "first"))
    given = tmp_path / "first" / "checkpoints" / "last.pt"
    still = small(data, 1, learning_rate=1e-12, tau=1e-12).model_copy(
        update={"init_from": given}
    )
    train(still, FakeTelemetry(), places(tmp_path / "second"))
    before = checkpoints.load(given).policy
    after = checkpoints.load(tmp_path / "second" / "checkpoints" / "last.pt").policy
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)


def test_a_checkpoint_of_another_algorithm_is_no_start(data: Path, tmp_path: Path) -> None:
    of_ppo = small_request("PPO", data, 1)
    assert isinstance(of_ppo, PPORequest)
    train_ppo(of_ppo, FakeTelemetry(), places(tmp_path / "ppo"))
    given = tmp_path / "ppo" / "checkpoints" / "last.pt"
    asked = small(data, 1).model_copy(update={"init_from": given})
    with pytest.raises(DataError, match=r"is a policy of PPO.*Try `/train ppo --init-from"):
        launch(asked, home=tmp_path / "home")
    assert not (tmp_path / "home").exists()
    with pytest.raises(DataError, match="is a policy of PPO"):
        train(asked, FakeTelemetry(), places(tmp_path / "sac"))


def test_a_restored_policy_drives_by_its_means(data: Path, tmp_path: Path) -> None:
    train(small(data, 1), FakeTelemetry(), places(tmp_path))
    policy = restored_policy(checkpoints.load(places(tmp_path).last))
    assert isinstance(policy, SACPolicy)
    seen = torch.rand(5, *(policy.observation_space.shape or ()))
    with torch.inference_mode():
        means = torch.tanh(policy.actor.get_action_dist_params(seen)[0])
        assert torch.equal(policy._predict(seen, deterministic=True), means)


def test_the_update_is_that_of_stable_baselines3(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = small(data)
    learned = []
    for update in (SACLearner.train, SAC.train):
        monkeypatch.setattr(SACLearner, "train", update)
        learner = make_training(request, lambda: None).learner
        learner.set_logger(Logger(folder=None, output_formats=[]))
        learner.learn(ROLLOUT)
        learned.append(learner.policy.state_dict() | {"alpha": learner.log_ent_coef})
    ours, theirs = learned
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in ours)


CONTRADICTIONS = {
    "batch": (("sac.batch_size=512", "sac.buffer_size=400"), "more than the `400` transitions"),
    "warm-up": (("sac.learning_starts=500", "sac.buffer_size=400"), "of `sac.buffer_size`"),
    "never": (("training.total_steps=5K",), "the run is over after the `5000` steps"),
    "proposals": (("environment.actions=proposals",), "SAC acts in `bicycle` and `delta` only"),
    "std": (("policy.log_std_init=-2",), "so leave it out"),
    "alpha": (("sac.ent_coef=hot",), "it is a number from 0 to 100 or `auto`"),
    "zero": (("sac.utd=0",), "it is a number above 0 up to 64"),
}


@pytest.mark.parametrize(("sets", "words"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_contradictory_settings_are_refused_in_a_sentence_with_a_command_that_works(
    sets: tuple[str, ...], words: str
) -> None:
    with pytest.raises(RequestError) as refusal:
        resolve(Asked("sac", sets=sets))
    told = str(refusal.value)
    assert words in told
    corrected = told.rpartition("`/train sac ")[2].removesuffix("`.").split(" ")
    resolve(Asked("sac", sets=tuple(word for word in corrected if word != "--set")))


def test_the_built_in_config_is_a_request_of_sac() -> None:
    assert isinstance(resolve(Asked("sac", "sac")), SACRequest)


def test_sac_drives_in_displacements_too(data: Path, tmp_path: Path) -> None:
    environment = EnvironmentSettings(num_envs=16, threads=1, actions="delta")
    asked = small(data, 1).model_copy(update={"environment": environment})
    train(asked, FakeTelemetry(), places(tmp_path))
    judged = evaluate("short", tmp_path / "checkpoints" / "best.pt").drivers
    assert np.isfinite([driver.reward.mean for driver in judged]).all()


def test_sac_learns_to_drive_better_than_chance_within_seconds(
    data: Path, tmp_path: Path
) -> None:
    request = SACRequest(
        data=data,
        seed=1,
        device="cpu",
        environment=EnvironmentSettings(num_envs=32, threads=1),
        training=TrainingSettings(total_steps=8_000, eval_every=2_000, threads=1),
        policy=PolicySettings(network="mlp", hidden=(64, 64)),
        sac=SACSettings(
            learning_rate=2e-3,
            batch_size=128,
            utd=0.5,
            learning_starts=1_000,
            initial_ent_coef=0.01,
            look_every=2_000,
        ),
    )
    train(request, FakeTelemetry(), places(tmp_path))
    best = tmp_path / "checkpoints" / "best.pt"
    learned, untrained, chance, *_ = evaluate("quick", best).drivers
    assert learned.reward.mean > max(chance.reward.mean, untrained.reward.mean) + 2.0
    assert learned.progress.mean > max(chance.progress.mean, untrained.progress.mean) + 0.1
