"""The hybrid's mode `finetune`: PPO that stays near what was imitated.

As in HR-PPO (Cornelisse and Vinitsky 2024, arXiv 2403.19648), the policy that imitates is kept
as it was, and a KL to it is a part of the loss.
"""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

from drivetrain.data.integrity import sha256_of
from trainers import checkpoints
from trainers.contract import Outcome, Places, Telemetry
from trainers.finetune_request import FinetuneSettings
from trainers.finetune_training import FinetuneTraining, Start
from trainers.hybrid_request import HybridRequest
from trainers.learning import learn
from trainers.policy import Interrupt, load_weights, untrained_actor_critic
from trainers.ppo import make_parts
from trainers.ppo_learner import Pull
from trainers.warm_start import spread

FALL = 5.0
"""An exponential lam falls to exp(-FALL) of what it was, as in HR-PPO."""


def train(
    request: HybridRequest, telemetry: Telemetry, places: Places, imitated: Path
) -> Outcome:
    """Train until all steps are done or a stop is asked for; see `learning.learn`.

    imitated: the policy file to start from.
    """
    make = partial(make_training, request, imitated)
    begun = request.model_copy(update={"init_from": imitated})
    return learn(begun, telemetry, places, make)


def make_training(
    request: HybridRequest, imitated: Path, interrupt: Interrupt
) -> FinetuneTraining:
    """Everything that trains, as it stands before the first step.

    interrupt: called before every step of the optimiser; it may raise to leave.
    """
    parts = make_parts(request, interrupt)
    settings, learner = request.finetune, parts["learner"]
    learner.pull = make_pull(request, imitated)
    learner.pull.towards.to(learner.device)
    start = Start(sha256_of(imitated), settings, parts["validation"].groups)
    return FinetuneTraining(**parts, start=start, judges_start=True)


def make_pull(request: HybridRequest, imitated: Path) -> Pull:
    """What keeps the policy near the one that imitates.

    Of that, only where it drives counts, and not how surely: its spread is that which PPO
    begins to explore with, where one is asked for.
    """
    towards = untrained_actor_critic(request, seed=0)
    load_weights(towards, checkpoints.load(imitated))
    if request.warm_start.log_std is not None:
        spread(towards, request.warm_start.log_std)
    towards.requires_grad_(requires_grad=False)
    return Pull(towards, request.finetune.kl_direction, weight_of(request.finetune))


def weight_of(settings: FinetuneSettings) -> Callable[[float], float]:
    """Lam by the share of the run that is done, from 0 to 1."""
    weight = settings.kl_weight
    match settings.kl_schedule:
        case "constant":
            return lambda _: weight
        case "linear":
            return lambda done: weight * max(0.0, 1.0 - done)
        case "exponential":
            return lambda done: weight * math.exp(-FALL * done)
