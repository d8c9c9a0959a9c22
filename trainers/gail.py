"""GAIL (Ho and Ermon 2016) on ADPlanning-v0: a discriminator by imitation, PPO by SB3."""

import math
from functools import partial

from drivetrain.data.open import open_set
from drivetrain.sim.sb3_env import DrivingVecEnv
from trainers.contract import Outcome, Places, Telemetry
from trainers.discriminator import make_discriminator
from trainers.experts import open_demonstrations
from trainers.gail_learner import Adversary, GAILLearner, SilentVecEnv
from trainers.gail_request import GAILRequest
from trainers.gail_training import GAILTraining
from trainers.gradients import Gradients
from trainers.learning import learn, make_worlds
from trainers.policy import Interrupt
from trainers.ppo import make_learner
from trainers.validation import Validation

VARIABLE = (
    "the horizon is variable: episodes end in failures, which tells expert from policy without "
    "any driving; `gail.horizon=fixed` is the sound choice"
)


def train(request: GAILRequest, telemetry: Telemetry, places: Places) -> Outcome:
    """Train until all steps are done or a stop is asked for; see `learning.learn`."""
    make = partial(make_training, request)
    prepare = partial(_open, request, telemetry, places)
    return learn(request, telemetry, places, make, prepare=prepare)


def make_training(request: GAILRequest, interrupt: Interrupt) -> GAILTraining:
    """Everything that trains, save demonstrations, as it stands before the first step.

    interrupt: called before every step of an optimiser; it may raise to leave.
    """
    scenarios = open_set(request.course)
    env = SilentVecEnv(make_worlds(request, scenarios), cuts=request.gail.horizon == "fixed")
    learner = make_gail_learner(request, env)
    discriminator = learner.adversary.discriminator
    clip = request.ppo.max_grad_norm
    return GAILTraining(
        request=request,
        algorithm=request.algorithm,
        learner=learner,
        worlds=env.worlds,
        validation=Validation(request, scenarios),
        gradients={
            "grad_norm": Gradients(learner.policy.optimizer, clip, interrupt),
            "disc_grad_norm": Gradients(discriminator.optimiser, math.inf, interrupt),
        },
    )


def make_gail_learner(request: GAILRequest, env: DrivingVecEnv) -> GAILLearner:
    """The learner that the request describes, whose adversary has no demonstrations yet.

    env: keeps its rewards, see `SilentVecEnv`.
    """
    learner = make_learner(request, env, GAILLearner)
    seen, done, device = env.observation_space, env.action_space, learner.device
    discriminator = make_discriminator(request, seen, done, device)
    return learner.judged_by(Adversary(request, discriminator, device))


def _open(
    request: GAILRequest, telemetry: Telemetry, places: Places, training: GAILTraining
) -> None:
    """Let the discriminator have its demonstrations."""
    gail, learner = request.gail, training.learner
    found = open_demonstrations(request, gail.driver, gail.noise, places, telemetry)
    if not learner.adversary.open(found):
        text = "resumed, not bit-identical: the demonstrations are others"
        telemetry.event(learner.num_timesteps, "warning", text=text)
    if gail.horizon == "variable":
        telemetry.event(learner.num_timesteps, "warning", text=VARIABLE)
