"""Small requests of GAIL, the worlds that they ask for, and demonstrations for them."""

from pathlib import Path

import numpy as np
import torch

from drivetrain.data.demonstrate import Asked, demonstrate
from drivetrain.data.demonstration_files import load_demonstrations
from drivetrain.data.demonstrations import Batch
from drivetrain.data.open import open_set
from drivetrain.sim.config import EnvironmentSettings
from trainers.contract import Places
from trainers.discriminator import Discriminator, make_discriminator
from trainers.gail_learner import SilentVecEnv
from trainers.gail_request import (
    GAILEnvironmentSettings,
    GAILRequest,
    GAILSettings,
    GeneratorSettings,
)
from trainers.learning import make_worlds
from trainers.train_request import PolicySettings, TrainingSettings

WORLDS = 8
BATCH = 32
CPU = torch.device("cpu")


def demonstrated(data: Path, out: Path, noise: float = 0.0) -> Path:
    """What IDM shows in a set."""
    asked = Asked("idm", EnvironmentSettings(threads=1), noise=noise)
    demonstrate(open_set(data), data, asked, out, lambda *_: None)
    return out


def request(demos: Path | None, steps: int = 1_000, **gail: object) -> GAILRequest:
    """A request that is done within seconds.  gail: settings of that section."""
    settings = {"disc_batch_size": BATCH, "disc_hidden": (16, 16), "driver": "idm", **gail}
    on_failure = "stop" if settings.get("horizon") == "variable" else "ignore"
    return GAILRequest(
        expert_data=demos,
        seed=1,
        device="cpu",
        # Episodes of a second: several end within a rollout.
        environment=GAILEnvironmentSettings(
            num_envs=WORLDS, threads=1, horizon_s=1.0, on_failure=on_failure
        ),
        training=TrainingSettings(total_steps=steps, eval_scenarios=2, threads=1),
        policy=PolicySettings(hidden=(16, 16)),
        ppo=GeneratorSettings(n_steps=32, batch_size=64, n_epochs=2),
        gail=GAILSettings.model_validate(settings),
    )


def places(home: Path) -> Places:
    """The folders of a run."""
    return Places(home / "checkpoints", home / "logs")


def discriminator_of(asked: GAILRequest, env: SilentVecEnv, seed: int = 0) -> Discriminator:
    """The request's discriminator; equal seeds give equal ones."""
    torch.manual_seed(seed)
    return make_discriminator(asked, env.observation_space, env.action_space, CPU)


def silent_env(asked: GAILRequest) -> SilentVecEnv:
    """The request's worlds."""
    worlds = make_worlds(asked, open_set(asked.course))
    return SilentVecEnv(worlds, cuts=asked.gail.horizon == "fixed")


def batches(demos: Path) -> tuple[list[Batch], list[Batch]]:
    """A few of the demonstrations, and the same observations with other actions."""
    held = load_demonstrations(demos)
    random = np.random.default_rng(3)
    expert = [
        held.batch(np.sort(random.choice(len(held.actions), BATCH)), with_next=True)
        for _ in range(4)
    ]
    other = [dict(one) for one in reversed(expert)]
    for one in other:
        one["acts"] = random.uniform(-1, 1, one["acts"].shape).astype(np.float32)
    return expert, other


def tensors(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """States and actions."""
    return torch.from_numpy(batch["obs"]), torch.from_numpy(batch["acts"])
