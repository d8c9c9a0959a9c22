"""BC: behavioural cloning on ADPlanning-v0, through imitation.

Reads in the order of a run: learner, what an earlier attempt saved, demonstrations, then
stretches of batches with a look around between them.  The loss is imitation's: the mean
negative log likelihood of what was demonstrated, less an entropy bonus.
"""

from functools import partial

import torch
from stable_baselines3.common.utils import set_random_seed

from drivetrain.data.open import open_set
from drivetrain.machine import cores
from trainers import checkpoints
from trainers.bc_request import BCRequest
from trainers.bc_training import BCTraining, make_training
from trainers.bc_watch import BCWatch
from trainers.contract import Outcome, Places, StopRequested, Telemetry, leave_if_asked
from trainers.experts import open_demonstrations
from trainers.keeper import Keeper
from trainers.policy import load_weights
from trainers.tensorboard import TensorBoard
from trainers.validation import Validation


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
            _open(training, places, telemetry)
            _learn(training, keeper, telemetry, places)
    except StopRequested:
        return Outcome("stopped", keeper.save())
    return Outcome("completed", training.step)


def _open(training: BCTraining, places: Places, telemetry: Telemetry) -> None:
    """Let the training have its demonstrations, and the status its end."""
    request = training.request
    bc = request.bc
    demonstrations = open_demonstrations(request, bc.driver, bc.noise, places, telemetry)
    if not training.open(demonstrations):
        text = "resumed, not bit-identical: the demonstrations are others"
        telemetry.event(training.step, "warning", text=text)
    telemetry.expect(
        training.total * bc.batch_size,
        eval_every=request.training.eval_every,
        save_every_s=request.training.save_every_s,
    )


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
