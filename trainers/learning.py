"""A run of a stable-baselines3 learner, whichever it is, from its first step to its last.

Reads in the order of a run: worlds, learner, what an earlier attempt saved, then rollouts and
updates, watched by a callback that writes telemetry, evaluates, saves, and ends the run when it
is asked to stop.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from stable_baselines3.common.logger import Logger

from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.machine import cores
from drivetrain.sim.sb3_env import DrivingVecEnv
from drivetrain.sim.world import Worlds
from trainers import checkpoints
from trainers.callbacks import Watch
from trainers.contract import Outcome, Places, StopRequested, Telemetry, leave_if_asked
from trainers.keeper import Keeper
from trainers.policy import Interrupt
from trainers.policy_origin import check_start
from trainers.stopwatch import TimedVecEnv
from trainers.tensorboard import TensorBoard
from trainers.train_request import TrainRequest
from trainers.training import Training

NEVER = sys.maxsize
"""For stable-baselines3's own dump of curves: the watch does it, once per boundary."""

T = TypeVar("T", bound=Training)


def learn(
    request: TrainRequest,
    telemetry: Telemetry,
    places: Places,
    make: Callable[[Interrupt], T],
    look_every: int = 0,
    prepare: Callable[[T], None] | None = None,
) -> Outcome:
    """Train until all steps are done or a stop is asked for; the best and last are kept.

    Where an earlier attempt left a whole state, training goes on from it.

    make: everything that trains, as it stands before the first step; it is given what to call
    before every step of an optimiser, which may raise to leave.
    look_every: steps between two boundaries at least, where rollouts are shorter than that.
    prepare: slow work before the first step of every attempt.
    """
    set_threads(request)
    keeper = Keeper(places, telemetry, request.training.save_every_s)
    try:
        with telemetry.phase("import"):
            training = make(partial(leave_if_asked, telemetry))
            done = keeper.resume(training)
            if done is None:
                _begin(training, request.init_from)
            leave_if_asked(telemetry)
        telemetry.begin_at(done or 0)
        with keeper.rescuing():
            if prepare is not None:
                training.stand()
                keeper.hold(training.moment())
                # Before minutes of work: whether anything can be saved at all.
                keeper.save()
                prepare(training)
            curves = TensorBoard(places.logs, resumed_at=done or 0)
            with _precision(request):
                _go_through(training, Watch(training, keeper, telemetry, look_every), curves)
    except StopRequested:
        return Outcome("stopped", keeper.save())
    return Outcome("completed", training.learner.num_timesteps)


def _go_through(training: Training, watch: Watch, curves: TensorBoard) -> None:
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


@contextmanager
def _precision(request: TrainRequest) -> Iterator[None]:
    """Matrix products as the request asks for them, and afterwards as they were.

    Judging, exports and whatever else the process does stay exact.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.training.matmul_precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _begin(training: Training, given: Path | None) -> None:
    """Start from this checkpoint, if there is one.

    Raises:
        DataError: another algorithm made it, or it is for another observation or network.
    """
    if given is None:
        return
    check_start(training.algorithm, given)
    training.begin_from(checkpoints.load(given))


def set_threads(request: TrainRequest) -> None:
    """Give the learner its threads; more than the cores would slow it many times over."""
    torch.set_num_threads(request.training.threads or cores())


def make_env(request: TrainRequest, scenarios: ScenarioSet) -> DrivingVecEnv:
    """Worlds that draw from the training split, as stable-baselines3 sees them."""
    return TimedVecEnv(make_worlds(request, scenarios))


def make_worlds(request: TrainRequest, scenarios: ScenarioSet) -> Worlds:
    """Worlds that draw from the training split, their first episodes staggered."""
    return Worlds(
        scenarios.arrays,
        request.environment,
        num_worlds=request.environment.num_envs,
        seed=request.seed,
        picks=scenarios.picks("train"),
        stagger=True,
    )
