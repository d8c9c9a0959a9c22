"""BC: behavioural cloning on ADPlanning-v0, through imitation.

Reads in the order of a run: learner, what an earlier attempt saved, demonstrations, then
stretches of batches with a look around between them.  The loss is imitation's: the mean
negative log likelihood of what was demonstrated, less an entropy bonus.
"""

import math
import shutil
import time
from functools import partial
from pathlib import Path

import torch
from stable_baselines3.common.utils import set_random_seed

from drivetrain.data.demonstrate import Asked, demonstrate
from drivetrain.data.demonstration_files import load_demonstrations
from drivetrain.data.demonstrations import Demonstrations, are_demonstrations
from drivetrain.data.open import open_set
from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.machine import cores
from trainers import checkpoints
from trainers.bc_request import BCRequest
from trainers.bc_training import BCTraining, make_training
from trainers.bc_watch import HEARTBEAT_S, BCWatch
from trainers.contract import Outcome, Places, StopRequested, Telemetry, leave_if_asked
from trainers.demonstrated import check_enough, check_layout
from trainers.keeper import Keeper
from trainers.policy import load_weights
from trainers.tensorboard import TensorBoard
from trainers.validation import Validation

OWN = "demonstrations"
"""Where a run keeps those that it made itself, beside its checkpoints."""


def train(request: BCRequest, telemetry: Telemetry, places: Places) -> Outcome:
    """Learn until all epochs are done or a stop is asked for; the best and last are kept.

    Where an earlier attempt left a whole state, training goes on from it.
    """
    torch.set_num_threads(request.training.threads or cores())
    set_random_seed(request.seed)
    keeper = Keeper(places, telemetry, request.training.save_every_s)
    try:
        with telemetry.phase("import"):
            scenarios = open_set(request.data)
            leave = partial(leave_if_asked, telemetry)
            training = make_training(request, Validation(request, scenarios), leave)
            done = keeper.resume(training)
            if done is None and request.init_from is not None:
                load_weights(training.policy, checkpoints.load(request.init_from))
            leave()
        telemetry.begin_at(done or 0)
        with keeper.rescuing():
            keeper.hold(training.moment())
            if done is None:
                # Before minutes of driving: whether anything can be saved at all.
                keeper.save()
            _open(training, scenarios, places, telemetry)
            _learn(training, keeper, telemetry, places)
    except StopRequested:
        return Outcome("stopped", keeper.save())
    return Outcome("completed", training.step)


def _open(
    training: BCTraining, scenarios: ScenarioSet, places: Places, telemetry: Telemetry
) -> None:
    """Let the training have its demonstrations, and the status its end."""
    request = training.request
    given = request.data
    if given is not None and are_demonstrations(given):
        demonstrations = load_demonstrations(given)
    else:
        given = places.checkpoints / OWN
        demonstrations = _made(request, scenarios, given, telemetry)
    check_layout(given, demonstrations.manifest, request)
    check_enough(given, demonstrations.manifest, request.bc.batch_size)
    if not training.open(demonstrations):
        text = "resumed, not bit-identical: the demonstrations are others"
        telemetry.event(training.step, "warning", text=text)
    telemetry.expect(
        training.total * request.bc.batch_size,
        eval_every=request.training.eval_every,
        save_every_s=request.training.save_every_s,
    )


def _made(
    request: BCRequest, scenarios: ScenarioSet, folder: Path, telemetry: Telemetry
) -> Demonstrations:
    """The run's own demonstrations, made unless an earlier attempt did."""
    if folder.exists():
        return load_demonstrations(folder)
    for draft in folder.parent.glob(f".{OWN}.*"):
        shutil.rmtree(draft, ignore_errors=True)
    bc = request.bc
    asked = Asked(bc.driver, request.environment, noise=bc.noise, seed=request.seed)
    heard_at = -math.inf

    def heed(*_: int) -> None:
        nonlocal heard_at
        leave_if_asked(telemetry)
        if time.monotonic() - heard_at >= HEARTBEAT_S:
            heard_at = time.monotonic()
            telemetry.write(0, {})

    with telemetry.phase("warmup"):
        demonstrate(scenarios, request.data, asked, folder, heed)
        made = load_demonstrations(folder)
    facts = {"episodes": made.manifest.episodes, "left_out": made.manifest.left_out}
    telemetry.event(0, "demonstrated", **facts, **made.manifest.quality)
    return made


def _learn(training: BCTraining, keeper: Keeper, telemetry: Telemetry, places: Places) -> None:
    """All batches that are left, on the same axis and schedule as if it were one go."""
    curves = TensorBoard(places.logs, resumed_at=training.step)
    watch = BCWatch(training, keeper, telemetry, curves)
    try:
        while training.done < training.total:
            watch.settle()
            training.learn(watch.on_batch)
        watch.settle(is_last=True)
    finally:
        curves.close()
