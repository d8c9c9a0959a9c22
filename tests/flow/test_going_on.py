"""A real training that is killed and goes on: it ends where an undisturbed one ends."""

from pathlib import Path

import torch

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.launched import read_launch
from drivetrain.runs.look import Run
from drivetrain.runs.resume import Raised, request_resume
from drivetrain.runs.saved import newest_step
from drivetrain.sim.config import EnvironmentSettings
from tests.fakes import FakeTelemetry
from tests.runs.living import attempt_of, ended, kill, meet
from tests.written_sets import written_set
from trainers import checkpoints, ppo
from trainers.contract import Places
from trainers.launch import launch
from trainers.ppo_request import PPORequest, PPOSettings
from trainers.train_request import PolicySettings, TrainingSettings

ROLLOUT = 1024
TOTAL = 60 * ROLLOUT


def asked(data: Path) -> PPORequest:
    return PPORequest(
        run_id="r1",
        data=data,
        seed=1,
        device="cpu",
        environment=EnvironmentSettings(num_envs=16, threads=1),
        training=TrainingSettings(
            total_steps=TOTAL, eval_every=4 * ROLLOUT, eval_scenarios=2, threads=1
        ),
        policy=PolicySettings(hidden=(16,)),
        ppo=PPOSettings(n_steps=64, batch_size=256),
    )


def has_saved_twice(run: Run) -> bool:
    return (newest_step(run.folder) or 0) >= 8 * ROLLOUT


def test_a_run_that_was_killed_goes_on_and_ends_where_an_undisturbed_one_does(
    tmp_path: Path,
) -> None:
    request = asked(written_set(tmp_path / "set"))
    home, folder = tmp_path / "home", RunFolder(tmp_path / "home", "r1")
    launch(request, home=home)
    meet(home, "r1", has_saved_twice)
    kill(folder, "trainer")
    first = ended(home)
    assert (first.how, first.reason, first.resumable) == ("failed", "killed", True)

    reply = request_resume(home, "r1")
    assert reply.from_step >= 8 * ROLLOUT
    last = ended(home)
    assert (last.how, last.step) == ("succeeded", TOTAL)
    launched = read_launch(attempt_of(folder))
    assert launched is not None
    assert launched.from_step == reply.from_step

    assert_as_undisturbed(request, folder, tmp_path / "whole")

    request_resume(home, "r1", Raised(total_steps=TOTAL + 2 * ROLLOUT))
    further = ended(home)
    assert (further.how, further.step) == ("succeeded", TOTAL + 2 * ROLLOUT)


def assert_as_undisturbed(request: PPORequest, folder: RunFolder, elsewhere: Path) -> None:
    """The same training in one go, in this process, makes the same policy bit for bit."""
    whole = Places(elsewhere / "checkpoints", elsewhere / "logs")
    assert ppo.train(request, FakeTelemetry(), whole).step == TOTAL
    there = checkpoints.load(folder.last_checkpoint)
    here = checkpoints.load(whole.last)
    assert there.step == here.step == TOTAL
    assert all(torch.equal(there.policy[name], here.policy[name]) for name in here.policy)
