"""A small request per algorithm: whatever trains passes the tests that go over this table."""

from collections.abc import Callable
from pathlib import Path

from drivetrain.sim.config import EnvironmentSettings
from trainers.bc_request import BCRequest, BCSettings, BCTrainingSettings, BicycleSettings
from trainers.gail_request import (
    GAILEnvironmentSettings,
    GAILRequest,
    GAILSettings,
    GeneratorSettings,
)
from trainers.hybrid_request import HybridRequest
from trainers.ppo_request import PPORequest, PPOSettings
from trainers.sac_request import SACRequest, SACSettings
from trainers.train_request import PolicySettings, TrainingSettings, TrainRequest
from trainers.warm_start_request import WarmStartSettings

WORLDS = 16
ROLLOUT = 16 * WORLDS
"""Steps from one boundary to the next, and from one evaluation to the next."""


def _ppo(data: Path, steps: int) -> PPORequest:
    return PPORequest(
        data=data,
        seed=1,
        device="cpu",
        environment=EnvironmentSettings(num_envs=WORLDS, threads=1),
        training=TrainingSettings(
            total_steps=steps, eval_every=ROLLOUT, eval_scenarios=2, threads=1
        ),
        policy=PolicySettings(hidden=(8, 8)),
        ppo=PPOSettings(n_steps=16, batch_size=64, n_epochs=2),
    )


def _bc(data: Path, steps: int) -> BCRequest:
    return BCRequest(
        data=data,
        seed=1,
        device="cpu",
        environment=BicycleSettings(num_envs=WORLDS, threads=1),
        training=BCTrainingSettings(
            total_steps=steps, eval_every=ROLLOUT, eval_scenarios=2, threads=1
        ),
        policy=PolicySettings(hidden=(8, 8)),
        # An epoch ends inside a stretch: the hand-made set gives about 5 batches.
        bc=BCSettings(driver="idm", batch_size=64, report_every=ROLLOUT),
    )


def _sac(data: Path, steps: int) -> SACRequest:
    return SACRequest(
        data=data,
        seed=1,
        device="cpu",
        environment=EnvironmentSettings(num_envs=WORLDS, threads=1),
        training=TrainingSettings(
            total_steps=steps, eval_every=ROLLOUT, eval_scenarios=2, threads=1
        ),
        policy=PolicySettings(hidden=(8, 8)),
        # The ring is full, and overwrites its first transitions, in the second rollout.
        sac=SACSettings(
            batch_size=32, buffer_size=20 * WORLDS, learning_starts=64, look_every=ROLLOUT
        ),
    )


def _gail(data: Path, steps: int) -> GAILRequest:
    return GAILRequest(
        data=data,
        seed=1,
        device="cpu",
        environment=GAILEnvironmentSettings(num_envs=WORLDS, threads=1),
        training=TrainingSettings(
            total_steps=steps, eval_every=ROLLOUT, eval_scenarios=2, threads=1
        ),
        policy=PolicySettings(hidden=(8, 8)),
        ppo=GeneratorSettings(n_steps=16, batch_size=64, n_epochs=2),
        gail=GAILSettings(driver="idm", disc_hidden=(8, 8), disc_batch_size=64, disc_updates=3),
    )


def _hybrid(data: Path, steps: int) -> HybridRequest:
    ppo = _ppo(data, steps)
    return HybridRequest(
        data=data,
        seed=1,
        device="cpu",
        environment=ppo.environment,
        training=ppo.training,
        policy=ppo.policy,
        ppo=ppo.ppo,
        # Each rollout is in another stage of the warm start.
        warm_start=WarmStartSettings(critic_rollouts=1, slow_rollouts=1),
        bc=BCSettings(driver="idm", batch_size=64, report_every=64, epochs=1),
    )


def _cimrl(data: Path, steps: int) -> HybridRequest:
    return HybridRequest.model_validate(
        {
            "mode": "cimrl",
            "data": data,
            "seed": 1,
            "device": "cpu",
            "environment": {"num_envs": WORLDS, "threads": 1},
            "training": {
                "total_steps": steps,
                "eval_every": ROLLOUT,
                "eval_scenarios": 2,
                "threads": 1,
            },
            "policy": {"hidden": (8, 8)},
            "bc": {"driver": "idm", "batch_size": 64, "epochs": 1},
            # The rings are full, and overwrite their first decisions, in the second rollout.
            "cimrl": {
                "warmup_steps": 1,
                "pretrain_updates": 2,
                "update_every": ROLLOUT,
                "batch_size": 16,
                "buffer_size": 80,
                "utd": 4,
            },
        }
    )


SMALL: dict[str, Callable[[Path, int], TrainRequest]] = {
    "PPO": _ppo,
    "SAC": _sac,
    "BC": _bc,
    "GAIL": _gail,
    "HYBRID": _hybrid,
    "CIMRL": _cimrl,
}
"""By name, as in `trainers.catalog.TRAINERS`, or by mode: data and steps in, a request that is
done within seconds out."""


def small_request(algorithm: str, data: Path, rollouts: int) -> TrainRequest:
    """A request of this algorithm that is done within seconds."""
    return SMALL[algorithm](data, rollouts * ROLLOUT)


def with_training(request: TrainRequest, **changes: object) -> TrainRequest:
    """The same request with other training settings."""
    training = request.training.model_copy(update=changes)
    return request.model_copy(update={"training": training})
