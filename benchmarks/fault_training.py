"""Faults of whole PPO runs: killed and gone on, and numbers that are none."""

import sys
from collections.abc import Sequence
from unittest.mock import patch

from benchmarks.fault_scene import RUN, Scene
from drivetrain.checkpoint_units import newest
from drivetrain.runs.resume import request_resume
from tests.runs.living import kill
from tests.written_sets import written_set
from trainers import launch
from trainers.ppo_request import PPORequest

WORLDS, ROLLOUT = 16, 64
STEPS = 40 * WORLDS * ROLLOUT
POISONED = """
import math, runpy, sys
from torch.nn import functional
mse_loss, seen = functional.mse_loss, []
def poisoned(*args, **more):
    seen.append(1)
    return mse_loss(*args, **more) * (math.nan if len(seen) > 40 else 1.0)
functional.mse_loss = poisoned
runpy.run_module("trainers", run_name="__main__", alter_sys=True)
"""
"""A trainer whose value loss becomes NaN after 40 batches."""


def kill_and_resume(scene: Scene) -> None:
    """Killed in the middle and resumed, it ends at the step it was asked for."""
    start_ppo(scene)
    scene.until(lambda: (unit := newest(scene.folder.units)) is not None and unit.step > 0)
    scene.remember()
    kill(scene.folder, "trainer")
    assert scene.end().reason == "killed"
    assert request_resume(scene.home, RUN).from_step > 0
    assert scene.end().step == STEPS


def poison_loss(scene: Scene) -> None:
    """A loss becomes NaN: the policy before it is kept."""
    start_ppo(scene, (sys.executable, "-P", "-c", POISONED))
    end = scene.end()
    assert end.resumable, end


def start_ppo(scene: Scene, trainer: Sequence[str] = launch.TRAINER) -> None:
    """Start a small PPO run that saves often."""
    data = written_set(scene.home.parent / "set")
    request = PPORequest.model_validate(
        {
            "run_id": RUN,
            "data": data,
            "environment": {"num_envs": WORLDS},
            "policy": {"hidden": [16]},
            "ppo": {"n_steps": ROLLOUT, "batch_size": 256},
            "training": {"total_steps": STEPS, "threads": 1, "save_every_s": 0.5},
        }
    )
    with patch.object(launch, "TRAINER", tuple(trainer)):
        launch.launch(request, home=scene.home)
