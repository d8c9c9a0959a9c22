"""The stage before the first environment step: a prior over proposals, by imitation.

An expert drives, pushed off its line now and then, and every state is labelled with the
proposal that it drove by; the prior learns these by cross entropy.  A step of the stage is one
labelled state, counted again in each epoch.
"""

import time
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Adam

from drivetrain.data.demonstrate import Asked
from drivetrain.data.open import open_set
from drivetrain.data.proposal_labels import Labelled, labelled
from drivetrain.errors import DataError
from trainers import randomness
from trainers.checkpoints import Checkpoint, State
from trainers.cimrl.policy import CIMRLPolicy
from trainers.contract import Outcome, Places, StopRequested, Telemetry, leave_if_asked
from trainers.episodes import summary
from trainers.gradients import Gradients
from trainers.health import check_numbers
from trainers.hybrid_request import HybridRequest
from trainers.keeper import Keeper
from trainers.learning import set_threads
from trainers.moment import Moment, copied
from trainers.policy import load_weights, numbers_in, untrained_policy
from trainers.tensorboard import TensorBoard
from trainers.validation import Validation

HEARTBEAT_S = 1.0
JUDGED_AT_ONCE = 4096


@dataclass(slots=True)
class PriorTraining:
    """The prior in the middle of its training, as a `Resumable`.

    done: batches learned from.  labels: what it learns from, once they are made.
    """

    request: HybridRequest
    policy: CIMRLPolicy
    optimiser: Adam
    gradients: Gradients
    validation: Validation
    labels: Labelled | None = None
    done: int = 0

    @property
    def step(self) -> int:
        """Labelled states learned from so far."""
        return self.done * self.request.bc.batch_size

    def learn_epoch(self, labels: Labelled, total: int) -> float:
        """What is left of an epoch; the mean loss.  total: batches of all epochs."""
        bc, losses = self.request.bc, []
        rows = torch.from_numpy(np.flatnonzero(labels.is_train))
        per_epoch = total // bc.epochs
        epoch = self.done // per_epoch
        order = np.random.default_rng([self.request.seed, epoch]).permutation(len(rows))
        for at in range(self.done % per_epoch, per_epoch):
            picked = rows[torch.from_numpy(order[at * bc.batch_size :][: bc.batch_size])]
            share = 1.0 if bc.learning_rate_schedule == "constant" else 1 - self.done / total
            self.optimiser.param_groups[0]["lr"] = bc.learning_rate * share
            seen, number = labels.seen[picked.numpy()], labels.number[picked.numpy()]
            losses.append(self._update(torch.from_numpy(seen), torch.from_numpy(number)))
            self.done += 1
        return float(torch.stack(losses).mean())

    def _update(self, seen: Tensor, number: Tensor) -> Tensor:
        """Cross entropy of what the expert chose."""
        device = self.policy.device
        loss = functional.nll_loss(self.policy.log_prior(seen.to(device)), number.to(device))
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()
        return loss.detach()

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
        self.done = algo["done"]
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
