"""PPO (Schulman et al. 2017) on ADPlanning-v0, through stable-baselines3.

Reads in the order of a run: worlds, learner, what an earlier attempt saved, then rollouts and
updates, watched by a callback that writes telemetry, evaluates, saves, and ends the run when it
is asked to stop.
"""

import math
import sys
from functools import partial
from typing import Any

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger

from drivetrain.data.open import open_set
from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.machine import cores
from drivetrain.sim.sb3_env import DrivingVecEnv
from drivetrain.sim.world import Worlds
from trainers import checkpoints
from trainers.callbacks import Watch
from trainers.contract import Outcome, Places, StopRequested, Telemetry, leave_if_asked
from trainers.gradients import Gradients
from trainers.keeper import Keeper
from trainers.policy import Interrupt, load_weights, policy_arguments
from trainers.ppo_request import ROLLOUT_STEPS, PPORequest, PPOSettings
from trainers.ppo_training import PPOTraining
from trainers.stopwatch import TimedVecEnv
from trainers.tensorboard import TensorBoard
from trainers.validation import Validation

NEVER = sys.maxsize
"""For stable-baselines3's own dump of curves: the watch does it, once per boundary."""


def train(request: PPORequest, telemetry: Telemetry, places: Places) -> Outcome:
    """Train until all steps are done or a stop is asked for; the best and last are kept.

    Where an earlier attempt left a whole state, training goes on from it.
    """
    set_threads(request)
    keeper = Keeper(places, telemetry, request.training.save_every_s)
    try:
        with telemetry.phase("import"):
            training = make_training(request, partial(leave_if_asked, telemetry))
            done = keeper.resume(training)
            if done is None:
                _begin(training)
            leave_if_asked(telemetry)
        telemetry.begin_at(done or 0)
        with keeper.rescuing():
            curves = TensorBoard(places.logs, resumed_at=done or 0)
            _learn(training, Watch(training, keeper, telemetry), curves)
    except StopRequested:
        return Outcome("stopped", keeper.save())
    return Outcome("completed", training.learner.num_timesteps)


def _learn(training: PPOTraining, watch: Watch, curves: TensorBoard) -> None:
    """All steps that are left, on the same axis and schedule as if it were one go."""
    learner, total = training.learner, training.request.training.total_steps
    learner.set_logger(Logger(folder=None, output_formats=[curves]))
    try:
        learner.learn(
            max(0, total - learner.num_timesteps),
            callback=watch,
            log_interval=NEVER,
            reset_num_timesteps=False,
        )
        watch.settle(is_last=True)
    finally:
        curves.close()


def _begin(training: PPOTraining) -> None:
    """Start from the checkpoint that the request names, if it names one."""
    given = training.request.init_from
    if given is not None:
        load_weights(training.policy, checkpoints.load(given))


def make_training(request: PPORequest, interrupt: Interrupt) -> PPOTraining:
    """Everything that trains, as it stands before the first step.

    interrupt: called before every step of the optimiser; it may raise to leave.
    """
    scenarios = open_set(request.data)
    env = make_env(request, scenarios)
    learner = make_learner(request, env)
    optimiser = learner.policy.optimizer
    gradients = Gradients(optimiser, request.ppo.max_grad_norm, interrupt)
    return PPOTraining(request, learner, env.worlds, Validation(request, scenarios), gradients)


def set_threads(request: PPORequest) -> None:
    """Give the learner its threads; more than the cores would slow it many times over."""
    torch.set_num_threads(request.training.threads or cores())


def make_env(request: PPORequest, scenarios: ScenarioSet) -> DrivingVecEnv:
    """Worlds that draw from the training split, their first episodes staggered."""
    worlds = Worlds(
        scenarios.arrays,
        request.environment,
        num_worlds=request.environment.num_envs,
        seed=request.seed,
        picks=scenarios.picks("train"),
        stagger=True,
    )
    return TimedVecEnv(worlds)


def make_learner(request: PPORequest, env: DrivingVecEnv) -> PPO:
    """The stable-baselines3 learner that the request describes."""
    ppo = request.ppo
    return PPO(
        "MlpPolicy",
        env,
        learning_rate=_learning_rate(ppo),
        n_steps=ppo.n_steps or _rollout_length(request, env.num_envs),
        batch_size=ppo.batch_size,
        n_epochs=ppo.n_epochs,
        gamma=ppo.gamma,
        gae_lambda=ppo.gae_lambda,
        clip_range=ppo.clip_range,
        ent_coef=ppo.ent_coef,
        vf_coef=ppo.vf_coef,
        # `Gradients` clips, once it has seen the norm.
        max_grad_norm=math.inf,
        target_kl=ppo.target_kl,
        policy_kwargs=policy_arguments(request),
        seed=request.seed,
        device=request.device,
    )


def _rollout_length(request: PPORequest, worlds: int) -> int:
    """Steps per world and rollout; a rollout is never longer than the whole run."""
    steps = min(ROLLOUT_STEPS, request.training.total_steps)
    return max(2, math.ceil(steps / worlds))


def _learning_rate(ppo: PPOSettings) -> Any:
    """A number, or SB3's schedule over the remaining share of the run, from 1 down to 0."""
    if ppo.learning_rate_schedule == "constant":
        return ppo.learning_rate
    # The last rollout may end beyond the last step; a negative rate would climb the loss.
    return lambda remaining: ppo.learning_rate * max(0.0, remaining)
