"""PPO (Schulman et al. 2017) on ADPlanning-v0, through stable-baselines3.

Reads in the order of a run: worlds, learner, then rollouts and updates, watched by a callback
that writes telemetry, evaluates, saves, and ends the run when it is asked to stop.
"""

import math
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
from trainers.contract import How, Outcome, Places, StopRequested, Telemetry
from trainers.policy import load_weights, policy_arguments
from trainers.requests import ROLLOUT_STEPS, PPORequest, PPOSettings
from trainers.trackers import TensorBoard


def train(request: PPORequest, telemetry: Telemetry, places: Places) -> Outcome:
    """Train until all steps are done or a stop is asked for; the best and last are kept."""
    set_threads(request)
    with telemetry.phase("import"):
        scenarios = open_set(request.data)
        env = make_env(request, scenarios)
        learner = make_learner(request, env)
    tracker = TensorBoard(places.logs)
    learner.set_logger(Logger(folder=None, output_formats=[tracker.output]))
    watch = Watch(request, env.worlds, scenarios, telemetry, places)
    how: How = "completed"
    try:
        learner.learn(request.training.total_steps, callback=watch, log_interval=1)
        # The last update came after the last rollout: what it made may be the best.
        watch.evaluate()
        learner.logger.dump(learner.num_timesteps)
    except StopRequested:
        how = "stopped"
        watch.save_last()
    finally:
        tracker.close()
    return Outcome(how, learner.num_timesteps)


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
    return DrivingVecEnv(worlds)


def make_learner(request: PPORequest, env: DrivingVecEnv) -> PPO:
    """The stable-baselines3 learner that the request describes."""
    ppo = request.ppo
    learner = PPO(
        "MlpPolicy",
        env,
        learning_rate=_learning_rate(ppo),
        n_steps=ppo.n_steps or _rollout_length(request),
        batch_size=ppo.batch_size,
        n_epochs=ppo.n_epochs,
        gamma=ppo.gamma,
        gae_lambda=ppo.gae_lambda,
        clip_range=ppo.clip_range,
        ent_coef=ppo.ent_coef,
        vf_coef=ppo.vf_coef,
        max_grad_norm=ppo.max_grad_norm,
        target_kl=ppo.target_kl,
        policy_kwargs=policy_arguments(ppo),
        seed=request.seed,
        device=request.device,
    )
    if request.init_from is not None:
        load_weights(learner.policy, checkpoints.load(request.init_from), env.worlds.layout)
    return learner


def _rollout_length(request: PPORequest) -> int:
    """Steps per world and rollout; a rollout is never longer than the whole run."""
    steps = min(ROLLOUT_STEPS, request.training.total_steps)
    return max(2, math.ceil(steps / request.environment.num_envs))


def _learning_rate(ppo: PPOSettings) -> Any:
    """A number, or SB3's schedule over the remaining share of the run, from 1 down to 0."""
    if ppo.learning_rate_schedule == "constant":
        return ppo.learning_rate
    return lambda remaining: ppo.learning_rate * remaining
