"""The stage before the first environment step: a prior over proposals, by imitation.

An expert drives, pushed off its line now and then, and every state is labelled with the
proposal that it drove by; the prior learns these by cross entropy.  A step of the stage is one
labelled state, counted again in each epoch.
"""

import time
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import torch
from stable_baselines3.common.utils import get_device
from torch import Tensor
from torch.nn import functional
from torch.optim import Adam

from drivetrain.data.demonstrate import Asked, Demonstrator
from drivetrain.data.demonstrations import are_demonstrations, read_demonstration_manifest
from drivetrain.data.open import open_set
from drivetrain.data.proposal_labels import Labelled, labelled
from drivetrain.errors import DataError
from trainers import randomness
from trainers.checkpoints import Checkpoint, State
from trainers.cimrl.policy import CIMRLPolicy, cimrl_policy
from trainers.contract import Outcome, Places, StopRequested, Telemetry, leave_if_asked
from trainers.episodes import summary
from trainers.gradients import Gradients
from trainers.health import check_numbers
from trainers.hybrid_request import HybridRequest
from trainers.keeper import Keeper
from trainers.learning import set_threads
from trainers.moment import Moment, copied
from trainers.policy import Interrupt, load_weights, numbers_in
from trainers.tensorboard import TensorBoard
from trainers.validation import Validation

HEARTBEAT_S = 1.0
JUDGED_AT_ONCE = 4096


@dataclass(slots=True)
class PriorTraining:
    """The prior in the middle of its training, as a `Resumable`.

    done: batches learned from.  total: of all epochs, 0 until the labels are made.
    """

    request: HybridRequest
    policy: CIMRLPolicy
    optimiser: Adam
    gradients: Gradients
    validation: Validation
    done: int = 0
    total: int = 0

    @property
    def step(self) -> int:
        """Labelled states learned from so far."""
        return self.done * self.request.bc.batch_size

    @property
    def is_done(self) -> bool:
        """Whether it has learned from all."""
        return 0 < self.total <= self.done

    def open(self, labels: Labelled) -> None:
        """Know how many batches there are to learn from.

        Raises:
            DataError: the labels do not fill one.
        """
        bc, held = self.request.bc, int(labels.is_train.sum())
        if held < bc.batch_size:
            raise _too_few(held, bc.batch_size)
        self.total = bc.epochs * (held // bc.batch_size)

    def learn_epoch(self, labels: Labelled) -> float:
        """What is left of an epoch; the mean loss."""
        bc, losses = self.request.bc, []
        rows = torch.from_numpy(np.flatnonzero(labels.is_train))
        per_epoch = self.total // bc.epochs
        epoch = self.done // per_epoch
        order = np.random.default_rng([self.request.seed, epoch]).permutation(len(rows))
        for at in range(self.done % per_epoch, per_epoch):
            picked = rows[torch.from_numpy(order[at * bc.batch_size :][: bc.batch_size])]
            share = (
                1.0 if bc.learning_rate_schedule == "constant" else 1 - self.done / self.total
            )
            self.optimiser.param_groups[0]["lr"] = bc.learning_rate * share
            seen, number = labels.seen[picked.numpy()], labels.number[picked.numpy()]
            losses.append(self._update(torch.from_numpy(seen), torch.from_numpy(number)))
            self.done += 1
        return float(torch.stack(losses).mean())

    def _learning_rate(self) -> float:
        bc = self.request.bc
        if bc.learning_rate_schedule == "constant":
            return bc.learning_rate
        return bc.learning_rate * (1 - self.done / self.total)

    def _update(self, seen: Tensor, number: Tensor) -> Tensor:
        """Cross entropy of what the expert chose."""
        device = self.policy.device
        loss = functional.nll_loss(self.policy.log_prior(seen.to(device)), number.to(device))
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()
        return loss.detach()

    def judged(self, labels: Labelled) -> dict[str, float]:
        """How well it tells what was chosen in drives that it does not learn from."""
        rows = np.flatnonzero(~labels.is_train)
        if not len(rows):
            return {}
        nll = right = 0.0
        for first in range(0, len(rows), JUDGED_AT_ONCE):
            picked = rows[first : first + JUDGED_AT_ONCE]
            seen = torch.from_numpy(labels.seen[picked]).to(self.policy.device)
            number = torch.from_numpy(labels.number[picked]).to(self.policy.device)
            with torch.inference_mode():
                told = self.policy.log_prior(seen)
            nll += float(functional.nll_loss(told, number, reduction="sum"))
            right += float((told.argmax(dim=1) == number).sum())
        return {"val_nll": nll / len(rows), "val_accuracy": right / len(rows)}

    def moment(self) -> Moment:
        """Where training stands."""
        policy = self.policy
        checkpoint = Checkpoint(
            algorithm=self.request.algorithm,
            step=self.step,
            policy=copied(policy.state_dict()),
            request=self.request.model_dump(mode="json"),
            observation_size=numbers_in(policy.observation_space),
            action_size=1,
        )
        algo = {
            "done": self.done,
            "total": self.total,
            "validation": self.validation.state(),
            "gradients": self.gradients.state(),
        }
        parts: dict[str, State] = {
            "optim.pt": copied(self.optimiser.state_dict()),
            "algo.pt": algo,
            "rng.pt": randomness.draw_state(),
        }
        return Moment(checkpoint, parts)

    def go_on_from(self, moment: Moment) -> tuple[str, ...]:
        """Stand where the moment stood."""
        algo = moment.parts["algo.pt"]
        load_weights(self.policy, moment.policy)
        self.optimiser.load_state_dict(dict(moment.parts["optim.pt"]))
        self.done, self.total = algo["done"], algo["total"]
        self.validation.restore(algo["validation"])
        self.gradients.restore(algo["gradients"])
        randomness.set_state(moment.parts["rng.pt"])
        return ()


def train(request: HybridRequest, telemetry: Telemetry, places: Places) -> Outcome:
    """Imitate until all epochs are done or a stop is asked for; the best is kept."""
    set_threads(request)
    keeper = Keeper(places, telemetry, request.training.save_every_s)
    try:
        with telemetry.phase("import"):
            training = _untrained(request, partial(leave_if_asked, telemetry))
            done = keeper.resume(training)
            leave_if_asked(telemetry)
        telemetry.begin_at(done or 0)
        with keeper.rescuing():
            keeper.hold(training.moment())
            if done is None:
                keeper.save()
            _learn(training, keeper, telemetry, places)
    except StopRequested:
        return Outcome("stopped", keeper.save())
    return Outcome("completed", training.step)


def _untrained(request: HybridRequest, interrupt: Interrupt) -> PriorTraining:
    """Everything that trains, as it stands before the first step."""
    bc, policy = request.bc, cimrl_policy(request, request.seed)
    policy.to(get_device(request.device))
    optimiser = Adam(policy.prior.parameters(), bc.learning_rate, fused=True)
    gradients = Gradients(optimiser, bc.max_grad_norm, interrupt)
    validation = Validation(request, open_set(request.data))
    return PriorTraining(request, policy, optimiser, gradients, validation)


def _learn(
    training: PriorTraining, keeper: Keeper, telemetry: Telemetry, places: Places
) -> None:
    """Every epoch that is left, each with a look around behind it."""
    watch = _PriorWatch(training, keeper, telemetry, places)
    try:
        if not training.is_done:
            labels = _labels(training, telemetry)
            training.open(labels)
            telemetry.expect(training.total * training.request.bc.batch_size)
            while not training.is_done:
                watch.settle(labels, training.learn_epoch(labels))
        watch.judge()
    finally:
        watch.curves.close()


def _labels(training: PriorTraining, telemetry: Telemetry) -> Labelled:
    """What the prior learns from: an expert's drives, made anew by each attempt."""
    request, step = training.request, training.step
    heard_at = -float("inf")

    def heed() -> None:
        nonlocal heard_at
        leave_if_asked(telemetry)
        if time.monotonic() - heard_at >= HEARTBEAT_S:
            heard_at = time.monotonic()
            telemetry.write(step, {})

    driver, noise = request.bc.driver, request.bc.noise
    if request.data is not None and are_demonstrations(request.data):
        # What was recorded are actions; their drives are driven again, for the proposals.
        manifest = read_demonstration_manifest(request.data)
        driver, noise = cast(Demonstrator, manifest.driver), manifest.noise
    asked = Asked(driver, request.environment, noise=noise, seed=request.seed)
    with telemetry.phase("warmup"):
        labels = labelled(open_set(request.data), asked, heed)
    telemetry.event(step, "labelled", states=len(labels.number), driver=driver)
    return labels


def _too_few(held: int, batch_size: int) -> DataError:
    return DataError(
        f"The drives hold {held:,} labelled states to train on, too few for a batch of "
        f"{batch_size:,}. Try `--set bc.batch_size={max(2, held)}`."
    )


class _PriorWatch:
    """Tells what every epoch was, and has it kept; at the end drives the prior alone."""

    def __init__(
        self, training: PriorTraining, keeper: Keeper, telemetry: Telemetry, places: Places
    ) -> None:
        self._training = training
        self._keeper = keeper
        self._telemetry = telemetry
        self.curves = TensorBoard(places.logs, resumed_at=training.step)

    def settle(self, labels: Labelled, loss: float) -> None:
        """Tell of an epoch; save when it is time."""
        training = self._training
        check_numbers({"prior_loss": loss}, training.step)
        told = {"prior_loss": loss} | training.judged(labels)
        norms = training.gradients.told()
        if norms is not None:
            told["grad_norm"] = norms.mean
        self.curves.draw(training.step, {f"train/{name}": told[name] for name in told})
        self._telemetry.write(training.step, told)
        self._keeper.hold(training.moment())
        if self._keeper.is_due():
            self._keeper.save()

    def judge(self) -> None:
        """Drive the validation scenarios by the prior alone, unless that was done; save."""
        training, validation = self._training, self._training.validation
        if not validation.is_done(training.step):
            leave = partial(leave_if_asked, self._telemetry)
            with self._telemetry.phase("eval"):
                table = validation.drive(training.policy, leave)
            driven = summary(table)
            self.curves.draw(training.step, {f"eval/{name}": driven[name] for name in driven})
            self._telemetry.event(training.step, "evaluated", **driven)
            validation.takes(training.step, table)
        self._keeper.hold(training.moment())
        self._keeper.save(as_best=True)
