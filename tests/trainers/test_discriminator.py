"""GAIL's arithmetic is imitation's, number by number, and a rollout is judged in one pass."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from imitation.algorithms.adversarial.gail import GAIL
from imitation.util.logger import HierarchicalLogger
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn
from typing_extensions import override

from drivetrain.data.demonstration_files import load_demonstrations
from drivetrain.data.open import open_set
from tests.trainers.small_gail import (
    BATCH,
    WORLDS,
    batches,
    demonstrated,
    discriminator_of,
    request,
    silent_env,
    tensors,
)
from tests.written_sets import written_set
from trainers.discriminator import Discriminator
from trainers.gail import make_gail_learner
from trainers.gail_learner import SilentVecEnv
from trainers.learning import make_worlds
from trainers.ppo import make_learner


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("gail") / "set")


@pytest.fixture(scope="module")
def demos(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demonstrated(data, tmp_path_factory.mktemp("gail") / "demos")


@pytest.mark.parametrize("network", ["mlp", "scene"])
def test_updates_and_rewards_are_those_of_imitation_number_by_number(
    demos: Path, tmp_path: Path, network: str
) -> None:
    asked = request(demos, disc_network=network)
    env = silent_env(asked)
    mine, theirs = discriminator_of(asked, env), discriminator_of(asked, env)
    expert, other = batches(demos)
    logger = HierarchicalLogger(Logger(folder=str(tmp_path), output_formats=[]))
    gail = GAIL(
        demonstrations=cast(Any, expert),
        demo_batch_size=BATCH,
        venv=env,
        gen_algo=PPO("MlpPolicy", env, n_steps=4, batch_size=4, device="cpu"),
        reward_net=theirs.net,
        disc_opt_kwargs={"lr": asked.gail.disc_learning_rate},
        log_dir=tmp_path,
        custom_logger=logger,
    )
    names = {
        "disc_loss": "disc_loss",
        "disc_acc": "disc_accuracy",
        "disc_acc_expert": "disc_accuracy_expert",
        "disc_acc_gen": "disc_accuracy_policy",
        "disc_entropy": "disc_entropy",
    }
    for shown, done in zip(expert, other, strict=True):
        gail.reward_train.train()
        told = gail.train_disc(expert_samples=shown, gen_samples=done)
        own = mine.update(tensors(shown), tensors(done))
        for name, same in names.items():
            assert float(own[same]) == pytest.approx(told[name], abs=1e-6)
    for opened in logger._cached_loggers.values():
        opened.close()
    for name, weights in gail._reward_net.state_dict().items():
        np.testing.assert_allclose(mine.net.state_dict()[name], weights, atol=1e-6)
    done = other[0]
    paid = gail.reward_train.predict(done["obs"], done["acts"], done["next_obs"], done["dones"])
    np.testing.assert_allclose(mine.rewards(*tensors(done)), paid, atol=1e-6)


class PayingVecEnv(SilentVecEnv):
    """Worlds that pay what a discriminator thinks step by step, as imitation's do."""

    judge: Discriminator
    share: float
    seen: NDArray[np.float32]

    @override
    def step_async(self, actions: NDArray[np.float32]) -> None:
        self.seen = self.worlds.observations.copy()
        super().step_async(actions)

    @override
    def step_wait(self) -> VecEnvStepReturn:
        done = torch.from_numpy(self._actions.copy())
        paid = self.judge.rewards(torch.from_numpy(self.seen), done).numpy()
        seen, _, dones, infos = super().step_wait()
        return seen, self.share * paid, dones, infos


def test_a_rollout_judged_at_once_teaches_what_one_judged_step_by_step_does(
    demos: Path,
) -> None:
    asked = request(demos)
    env = silent_env(asked)
    learner = make_gail_learner(asked, env)
    learner.adversary.open(load_demonstrations(demos))
    learner.set_logger(Logger(folder=None, output_formats=[]))
    judge = discriminator_of(asked, env)
    paying = PayingVecEnv(make_worlds(asked, open_set(asked.course)), cuts=True)
    paying.judge, paying.share = judge, 1.0 - asked.ppo.gamma
    other = make_learner(asked, paying, PPO)
    other.set_logger(Logger(folder=None, output_formats=[]))

    learner.adversary.discriminator = judge
    # It judges as it stands: the updates are another test's.
    learner.adversary.learn = lambda *_: {}  # type: ignore[method-assign]
    rollouts = []
    for one in (learner, other):
        torch.manual_seed(5)
        one.learn(one.n_steps * WORLDS)
        rollouts.append(one.rollout_buffer)
    own, theirs = rollouts
    assert own.episode_starts.sum() > 3 * WORLDS
    np.testing.assert_array_equal(own.actions, theirs.actions)
    np.testing.assert_allclose(own.advantages, theirs.advantages, atol=1e-5)
    np.testing.assert_allclose(own.returns, theirs.returns, atol=1e-5)


def test_a_fixed_horizon_lets_every_episode_run_to_its_time(demos: Path) -> None:
    env = silent_env(request(demos))
    env.reset()
    hard_left = np.ones((WORLDS, 2), np.float32)
    ends = []
    for _ in range(40):
        env.step_async(hard_left)
        _, rewards, dones, infos = env.step_wait()
        assert not rewards.any()
        ends += [infos[world] for world in np.flatnonzero(dones)]
    assert len(ends) > 3 * WORLDS
    assert all(one["TimeLimit.truncated"] for one in ends)
    # The first ones are staggered.
    assert {one["episode"]["l"] for one in ends[WORLDS:]} == {10}


@pytest.mark.parametrize("cuts", [True, False])
def test_an_end_of_its_own_is_told_as_a_time_out_in_fixed_horizons(
    demos: Path, *, cuts: bool
) -> None:
    asked = request(demos, horizon="variable")
    longer = asked.environment.model_copy(update={"horizon_s": 8.0})
    asked = asked.model_copy(update={"environment": longer})
    env = SilentVecEnv(make_worlds(asked, open_set(asked.course)), cuts=cuts)
    env.reset()
    told = []
    for _ in range(60):
        env.step_async(np.ones((WORLDS, 2), np.float32))
        *_, infos = env.step_wait()
        failed = np.flatnonzero(env.worlds.terminated)
        told += [infos[world]["TimeLimit.truncated"] for world in failed]
    assert len(told) >= WORLDS
    assert set(told) == {cuts}


def test_what_lies_beyond_the_range_of_actions_tells_nothing(demos: Path) -> None:
    asked = request(demos)
    learner = make_gail_learner(asked, silent_env(asked))
    learner.adversary.open(load_demonstrations(demos))
    learner.set_logger(Logger(folder=None, output_formats=[]))
    seen: list[torch.Tensor] = []

    def note(states: torch.Tensor, actions: torch.Tensor) -> NDArray[np.float32]:
        seen.append(actions)
        return np.zeros(len(states), np.float32)

    learner.adversary.judge = note  # type: ignore[method-assign]
    with torch.no_grad():
        learner.policy.log_std.fill_(1.0)
    learner.learn(learner.n_steps * WORLDS)
    (actions,) = seen
    assert float(np.abs(learner.rollout_buffer.actions).max()) > 1.0
    assert float(actions.abs().max()) == 1.0
