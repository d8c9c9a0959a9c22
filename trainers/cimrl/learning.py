"""A run of mode `cimrl`, from its first environment step to its last.

Reads in the order of a run: worlds, policy, what an earlier attempt saved or what the prior
learned, then stretches of driving and updates with a look around between them.
"""

from functools import partial
from pathlib import Path

from stable_baselines3.common.utils import get_device, set_random_seed

from drivetrain.data.open import open_set
from drivetrain.sim.world import Worlds
from trainers import checkpoints
from trainers.cimrl.deciding import Deciding
from trainers.cimrl.learner import Learner
from trainers.cimrl.policy import cimrl_policy
from trainers.cimrl.ring import Ring
from trainers.cimrl.training import CIMRLTraining
from trainers.cimrl.watch import CIMRLWatch
from trainers.contract import Outcome, Places, StopRequested, Telemetry, leave_if_asked
from trainers.gradients import Gradients
from trainers.hybrid_request import HybridRequest
from trainers.keeper import Keeper
from trainers.learning import set_threads
from trainers.policy import Interrupt, load_weights
from trainers.policy_origin import check_start
from trainers.tensorboard import TensorBoard
from trainers.validation import Validation


def train(
    request: HybridRequest, telemetry: Telemetry, places: Places, imitated: Path
) -> Outcome:
    """Train until all steps are done or a stop is asked for; the best and last are kept.

    imitated: the policy file whose prior it starts from.
    """
    set_threads(request)
    set_random_seed(request.seed)
    keeper = Keeper(places, telemetry, request.training.save_every_s)
    try:
        with telemetry.phase("import"):
            training = make_training(request, partial(leave_if_asked, telemetry))
            done = keeper.resume(training)
            if done is None:
                check_start(request.algorithm, imitated)
                load_weights(training.policy, checkpoints.load(imitated))
                training.begin()
            leave_if_asked(telemetry)
        telemetry.begin_at(done or 0)
        with keeper.rescuing():
            curves = TensorBoard(places.logs, resumed_at=done or 0)
            _go_through(training, CIMRLWatch(training, keeper, telemetry, curves), curves)
    except StopRequested:
        return Outcome("stopped", keeper.save())
    return Outcome("completed", training.step)


def _go_through(training: CIMRLTraining, watch: CIMRLWatch, curves: TensorBoard) -> None:
    """All steps that are left."""
    try:
        while training.step < training.request.training.total_steps:
            watch.settle()
            watch.times.begin("rollout")
            training.collect(watch.on_step)
            watch.times.begin("update")
            training.learn(watch.on_update)
        watch.settle(is_last=True)
    finally:
        curves.close()


def make_training(request: HybridRequest, interrupt: Interrupt) -> CIMRLTraining:
    """Everything that trains, as it stands before the first step.

    interrupt: called before every step of an optimiser; it may raise to leave.
    """
    cimrl, scenarios = request.cimrl, open_set(request.data)
    worlds = Worlds(
        scenarios.arrays,
        request.environment,
        num_worlds=request.environment.num_envs,
        seed=request.seed,
        picks=scenarios.picks("train"),
        stagger=True,
    )
    worlds.reset()
    learner = Learner(cimrl_policy(request, request.seed).to(get_device(request.device)), cimrl)
    # As many decisions end at most from one boundary to the next.
    spare = cimrl.update_every + 2 * worlds.num_worlds
    rings = [Ring(cimrl.buffer_size, spare, worlds.layout.size) for _ in range(2)]
    return CIMRLTraining(
        request=request,
        learner=learner,
        deciding=Deciding(worlds, cimrl.hold, cimrl.gamma),
        task=rings[0],
        risk=rings[1],
        scenarios=scenarios,
        validation=Validation(request, scenarios),
        gradients={
            f"{name}_grad_norm": Gradients(optimiser, cimrl.max_grad_norm, interrupt)
            for name, optimiser in learner.optimisers.items()
        },
    )
