"""GAIL learns to drive like its demonstrations, tells how, and refuses what it cannot use."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from drivetrain.errors import DataError, RequestError
from tests.fakes import FakeTelemetry
from tests.trainers.small_gail import (
    BATCH,
    batches,
    demonstrated,
    discriminator_of,
    places,
    request,
    silent_env,
    tensors,
)
from tests.written_sets import written_set
from trainers import bc, checkpoints, foreground, train_gail
from trainers.asked import Asked
from trainers.bc_request import BCRequest, BCSettings, BCTrainingSettings, BicycleSettings
from trainers.configs import resolve
from trainers.contract import Outcome
from trainers.evaluate import evaluate
from trainers.gail import train
from trainers.gail_request import (
    GAILEnvironmentSettings,
    GAILRequest,
    GAILSettings,
    GeneratorSettings,
)
from trainers.launch import launch
from trainers.train_request import PolicySettings, TrainingSettings


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("gail") / "set")


@pytest.fixture(scope="module")
def demos(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demonstrated(data, tmp_path_factory.mktemp("gail") / "demos")


def test_gail_learns_to_drive_scenarios_it_never_saw_without_any_reward(
    tmp_path: Path,
) -> None:
    data = written_set(tmp_path / "set", count=36)
    asked = GAILRequest(
        data=data,
        seed=1,
        device="cpu",
        environment=GAILEnvironmentSettings(num_envs=64, threads=1),
        training=TrainingSettings(
            total_steps=80_000, eval_every=8_000, eval_scenarios=12, threads=1
        ),
        policy=PolicySettings(hidden=(32, 32), network="mlp", log_std_init=-1.5),
        ppo=GeneratorSettings(n_steps=16, batch_size=512, learning_rate=2e-3, ent_coef=0.0),
        gail=GAILSettings(
            driver="idm",
            noise=0.3,
            disc_network="mlp",
            disc_hidden=(32, 32),
            disc_batch_size=512,
            disc_updates=4,
            disc_learning_rate=3e-4,
        ),
    )
    train(asked, FakeTelemetry(), places(tmp_path))
    mine, untrained, *_ = evaluate("gail", places(tmp_path).best).drivers
    assert untrained.success.rate == 0.0
    assert mine.success.rate >= 0.5
    assert mine.score is not None
    assert mine.score.mean >= 0.5


def test_the_built_in_config_is_a_request_of_gail() -> None:
    assert isinstance(resolve(Asked("gail", "gail")), GAILRequest)


def test_a_run_tells_how_its_discriminator_does(demos: Path, tmp_path: Path) -> None:
    telemetry = FakeTelemetry()
    assert train(request(demos), telemetry, places(tmp_path)).how == "completed"
    assert "warmup" not in telemetry.phases
    told = {name for _, numbers in telemetry.numbers for name in numbers}
    shares = {"disc_accuracy", "disc_accuracy_expert", "disc_accuracy_policy"}
    assert told >= shares | {"disc_loss", "disc_entropy", "disc_grad_norm", "learned_reward"}
    assert -1.0 <= telemetry.last("reward_correlation") <= 1.0
    halves = [telemetry.last(f"disc_accuracy_{half}") for half in ("expert", "policy")]
    assert telemetry.last("disc_accuracy") == pytest.approx(sum(halves) / 2, abs=1e-6)
    assert 0.0 < telemetry.last("disc_entropy") <= float(np.log(2)) + 1e-6


def test_a_variable_horizon_pays_both_ways_and_warns(demos: Path, tmp_path: Path) -> None:
    asked = request(demos, horizon="variable")
    env = silent_env(asked)
    fixed, variable = (discriminator_of(one, env) for one in (request(demos), asked))
    for shown, done in 20 * list(zip(*batches(demos), strict=True)):
        for each in (fixed, variable):
            each.update(tensors(shown), tensors(done))
    states, actions = tensors(batches(demos)[1][0])
    logits = variable.rewards(states, actions)
    assert float(logits.min()) < 0.0
    np.testing.assert_allclose(
        fixed.rewards(states, actions), torch.nn.functional.softplus(logits), atol=1e-6
    )
    telemetry = FakeTelemetry()
    train(asked, telemetry, places(tmp_path))
    assert any("horizon is variable" in warning for warning in telemetry.warnings)


def test_gail_starts_from_what_bc_learned(demos: Path, tmp_path: Path) -> None:
    cloned = BCRequest(
        data=demos,
        device="cpu",
        environment=BicycleSettings(threads=1),
        training=BCTrainingSettings(threads=1, eval_scenarios=2),
        policy=PolicySettings(hidden=(16, 16)),
        bc=BCSettings(epochs=1, batch_size=BATCH),
    )
    bc.train(cloned, FakeTelemetry(), places(tmp_path / "bc"))
    best = places(tmp_path / "bc").best
    still = GeneratorSettings(n_steps=32, batch_size=64, n_epochs=1, learning_rate=1e-12)
    asked = request(demos, steps=256).model_copy(update={"init_from": best, "ppo": still})
    train(asked, FakeTelemetry(), places(tmp_path / "gail"))
    before, after = checkpoints.load(best), checkpoints.load(places(tmp_path / "gail").last)
    for name, weights in before.policy.items():
        np.testing.assert_allclose(after.policy[name], weights, atol=1e-6)


def test_other_demonstrations_at_a_resume_are_told(
    data: Path, demos: Path, tmp_path: Path
) -> None:
    train(request(demos, steps=256), FakeTelemetry(), places(tmp_path))
    out = demonstrated(data, tmp_path / "others", noise=0.2)
    telemetry = FakeTelemetry()
    outcome = train(request(out, steps=512), telemetry, places(tmp_path))
    assert outcome == Outcome("completed", 512)
    assert any("the demonstrations are others" in warning for warning in telemetry.warnings)


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (("gail.disc_updates=0",), r"`gail.disc_updates` is `0`; it is a whole number from 1"),
        (
            ("gail.disc_batch_size=100k", "ppo.n_steps=16"),
            r"`gail.disc_batch_size` is `100000`, more than the `4096` transitions",
        ),
        (("environment.on_failure=stop",), r"and `gail.horizon` is `fixed`"),
        (("environment.red_light=stop",), r"and `gail.horizon` is `fixed`"),
        (("gail.horizon=variable",), r"so that no episode ends early.*on_failure=stop"),
        (("environment.actions=delta",), r"`environment.actions` is `delta`"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    sets: tuple[str, ...], words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        resolve(Asked("gail", sets=sets))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"environment": {"observation": "wide"}},
            r"observation=flat.*asks for `wide`.*/train gail --expert-data",
        ),
        (
            {"gail": {"disc_batch_size": 15_000}},
            r"too few for a batch of 15,000.*--set gail\.disc_batch_size=\d+",
        ),
    ],
)
def test_demonstrations_that_do_not_fit_are_refused_and_nothing_is_written(
    demos: Path, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    asked = GAILRequest.model_validate({"run_id": "r1", "expert_data": demos, **changes})
    with pytest.raises(DataError, match=words):
        launch(asked, home=tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_demonstrations_that_hold_nonsense_are_refused(demos: Path, tmp_path: Path) -> None:
    strange = tmp_path / "demos"
    shutil.copytree(demos, strange)
    actions = np.load(strange / "actions.npy")
    actions[7, 1] = np.nan
    np.save(strange / "actions.npy", actions)
    with pytest.raises(DataError, match="not what was written"):
        launch(request(strange), home=tmp_path / "home")


def test_it_drives_in_another_set_than_it_was_shown_where_one_is_named(
    data: Path, demos: Path
) -> None:
    assert GAILRequest(expert_data=demos).course == demos
    assert GAILRequest(expert_data=demos, data=data).course == data
    assert GAILRequest(data=data).demonstrations == data
    assert GAILRequest().course is None


def test_the_door_of_scripts_takes_expert_data(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--config", "gail", "--expert-data", "demos/idm", "--run-id", "g", "--dry-run"]
    assert foreground.main("trainers.train_gail", train_gail.ALGORITHMS, words) == 0
    assert f"expert_data: {Path('demos/idm').absolute()}" in capsys.readouterr().out
