"""SAC (Haarnoja et al. 2018) on ADPlanning-v0, through stable-baselines3.

All worlds take a step, then a few updates follow, as many as the update-to-data ratio says.
"""

from functools import partial

from drivetrain.data.open import open_set
from drivetrain.sim.sb3_env import DrivingVecEnv
from trainers.contract import Outcome, Places, Telemetry
from trainers.experience import Experience
from trainers.gradients import Gradients
from trainers.learning import learn, make_env
from trainers.policy import Interrupt, policy_arguments
from trainers.sac_learner import SACLearner
from trainers.sac_request import SACRequest, SACSettings
from trainers.sac_training import SACTraining
from trainers.validation import Validation


def train(request: SACRequest, telemetry: Telemetry, places: Places) -> Outcome:
    """Train until all steps are done or a stop is asked for; see `learning.learn`."""
    make = partial(make_training, request)
    return learn(request, telemetry, places, make, look_every=request.sac.look_every)


def make_training(request: SACRequest, interrupt: Interrupt) -> SACTraining:
    """Everything that trains, as it stands before the first step.

    interrupt: called before every step of actor and critics; it may raise to leave.
    """
    scenarios = open_set(request.data)
    env = make_env(request, scenarios)
    experience = make_experience(request, env)
    learner = make_learner(request, env, experience)
    watched = {"grad_norm": learner.critic, "actor_grad_norm": learner.actor}
    limit = request.sac.max_grad_norm
    return SACTraining(
        request=request,
        algorithm=request.algorithm,
        learner=learner,
        worlds=env.worlds,
        validation=Validation(request, scenarios),
        gradients={
            name: Gradients(network.optimizer, limit, interrupt)
            for name, network in watched.items()
        },
        experience=experience,
        settings=request.sac,
    )


def make_experience(request: SACRequest, env: DrivingVecEnv) -> Experience:
    """The replay buffer, with room for what is driven from one boundary to the next."""
    return Experience(
        request.sac.buffer_size,
        env,
        request.device,
        spare_rows=request.sac.look_every // env.num_envs + 2,
    )


def make_learner(request: SACRequest, env: DrivingVecEnv, experience: Experience) -> SACLearner:
    """The stable-baselines3 learner that the request describes."""
    sac = request.sac
    learner = SACLearner(
        "MlpPolicy",
        env,
        learning_rate=sac.learning_rate,
        # Ours takes its place; until then, a buffer of one row.
        buffer_size=env.num_envs,
        learning_starts=sac.learning_starts,
        batch_size=sac.batch_size,
        tau=sac.tau,
        gamma=sac.gamma,
        gradient_steps=updates_per_rollout(sac, env.num_envs),
        ent_coef=f"auto_{sac.initial_ent_coef}" if sac.ent_coef == "auto" else sac.ent_coef,
        target_entropy="auto" if sac.target_entropy is None else sac.target_entropy,
        policy_kwargs=policy_arguments(request),
        seed=request.seed,
        device=request.device,
    )
    learner.replay_buffer = experience
    learner.random_until = sac.learning_starts
    return learner


def updates_per_rollout(sac: SACSettings, worlds: int) -> int:
    """Updates after each step of all worlds."""
    return max(1, round(sac.utd * worlds))
