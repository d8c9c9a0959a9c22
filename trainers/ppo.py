"""PPO (Schulman et al. 2017) on ADPlanning-v0, through stable-baselines3."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, TypedDict

from drivetrain.data.open import open_set
from drivetrain.sim.sb3_env import DrivingVecEnv
from drivetrain.sim.world import Worlds
from trainers.contract import Outcome, Places, Telemetry
from trainers.gradients import Gradients
from trainers.learning import learn, make_env
from trainers.policy import Interrupt, policy_arguments
from trainers.ppo_learner import PPOLearner
from trainers.ppo_request import ROLLOUT_STEPS, ByPPO, PPORequest, PPOSettings
from trainers.ppo_training import PPOTraining
from trainers.validation import Validation


def train(request: PPORequest, telemetry: Telemetry, places: Places) -> Outcome:
    """Train until all steps are done or a stop is asked for; see `learning.learn`."""
    return learn(request, telemetry, places, partial(make_training, request))


class Parts(TypedDict):
    """What `PPOTraining` is made of."""

    request: ByPPO
    algorithm: str
    learner: PPOLearner
    worlds: Worlds
    validation: Validation
    gradients: Mapping[str, Gradients]


def make_training(request: PPORequest, interrupt: Interrupt) -> PPOTraining:
    """Everything that trains, as it stands before the first step.

    interrupt: called before every step of the optimiser; it may raise to leave.
    """
    return PPOTraining(**make_parts(request, interrupt))


def make_parts(request: ByPPO, interrupt: Interrupt) -> Parts:
    """The parts of a training that learns by PPO; see `make_training`."""
    scenarios = open_set(request.data)
    env = make_env(request, scenarios)
    learner = make_learner(request, env)
    limit, optimiser = request.ppo.max_grad_norm, learner.policy.optimizer
    return Parts(
        request=request,
        algorithm=request.algorithm,
        learner=learner,
        worlds=env.worlds,
        validation=Validation(request, scenarios),
        gradients={"grad_norm": Gradients(optimiser, limit, interrupt)},
    )


def make_learner(request: ByPPO, env: DrivingVecEnv) -> PPOLearner:
    """The stable-baselines3 learner that the request describes."""
    ppo = request.ppo
    return PPOLearner(
        "MlpPolicy",
        env,
        warm_start=request.warm_start,
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


def _rollout_length(request: ByPPO, worlds: int) -> int:
    """Steps per world and rollout; a rollout is never longer than the whole run."""
    steps = min(ROLLOUT_STEPS, request.training.total_steps)
    return max(2, math.ceil(steps / worlds))


def _learning_rate(ppo: PPOSettings) -> Any:
    """A number, or SB3's schedule over the remaining share of the run, from 1 down to 0."""
    if ppo.learning_rate_schedule == "constant":
        return ppo.learning_rate
    # The last rollout may end beyond the last step; a negative rate would climb the loss.
    return lambda remaining: ppo.learning_rate * max(0.0, remaining)
