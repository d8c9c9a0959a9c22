"""BC in the middle of its training: where it stands, and how it goes on from there.

It stands at the boundary between two stretches of batches.  A step is one demonstrated
transition that was learned from, counted again in each epoch, so that (seed, step) alone tell
which batch comes next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from imitation.algorithms.bc import BC, BCLogger, BCTrainingMetrics
from imitation.util.logger import HierarchicalLogger
from numpy.typing import NDArray
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor, nn
from typing_extensions import override

from drivetrain.data.demonstrations import Batches, Demonstrations
from drivetrain.sim.actions import ACTION_COLUMNS
from trainers import randomness
from trainers.bc_request import BCRequest
from trainers.checkpoints import Checkpoint, State
from trainers.gradients import Gradients
from trainers.moment import Moment, copied
from trainers.policy import Interrupt, load_weights, numbers_in, untrained_actor_critic
from trainers.validation import Validation

TOLD = ("neglogp", "entropy", "prob_true_act", "l2_norm", "loss")


class Silent(BCLogger):
    """In the place of imitation's log, which counts anew in every call: the watch tells."""

    @override
    def log_batch(self, *_: object) -> None:
        """Nothing."""


class Losses:
    """Imitation's loss, and the sums of what it was made of since the last look."""

    def __init__(self, loss: Callable[..., BCTrainingMetrics]) -> None:
        self._loss = loss
        self._sums: dict[str, Tensor] = {}
        self._batches = 0

    def __call__(
        self, policy: ActorCriticPolicy, obs: Tensor, acts: Tensor
    ) -> BCTrainingMetrics:
        """The loss of a batch."""
        found = self._loss(policy, obs, acts)
        for name in TOLD:
            part = getattr(found, name).detach()
            self._sums[name] = self._sums[name] + part if name in self._sums else part
        self._batches += 1
        return found

    def told(self) -> dict[str, float]:
        """Means over the batches since this was last asked; empty without any."""
        sums, batches = self._sums, self._batches
        self._sums, self._batches = {}, 0
        return {name: float(total) / batches for name, total in sums.items()}


@dataclass(slots=True)
class BCTraining:
    """Imitation's learner with all that goes on beside it, as a `Resumable`.

    batches: what it learns from, once that is open.  done: batches it has learned from.
    source: the hash of the actions that it learns from.
    """

    request: BCRequest
    bc: BC
    losses: Losses
    validation: Validation
    gradients: Gradients
    batches: Batches | None = None
    demonstrations: Demonstrations | None = None
    done: int = 0
    source: str | None = None

    @property
    def policy(self) -> ActorCriticPolicy:
        """The policy that learns."""
        policy: ActorCriticPolicy = self.bc.policy
        return policy

    @property
    def step(self) -> int:
        """Transitions learned from so far."""
        return self.done * self.request.bc.batch_size

    @property
    def seen(self) -> int:
        """Likewise, in the middle of a stretch, which a stop would lose again."""
        handed_out = self.done if self.batches is None else self.batches.done
        return handed_out * self.request.bc.batch_size

    @property
    def epoch(self) -> float:
        """Passes over the demonstrations so far."""
        return 0.0 if self.batches is None else self.done / self.batches.per_epoch

    @property
    def total(self) -> int:
        """Batches to learn from in all."""
        asked, size = self.request.training.total_steps, self.request.bc.batch_size
        if asked or self.batches is None:
            return -(-asked // size)
        return self.request.bc.epochs * self.batches.per_epoch

    def open(self, demonstrations: Demonstrations) -> bool:
        """Learn from these from here on; whether they are those of an earlier attempt."""
        note = demonstrations.manifest.files["actions.npy"]
        same, self.source = self.source in (None, note.sha256), note.sha256
        self.demonstrations = demonstrations
        bc = self.request.bc
        self.batches = Batches(
            demonstrations, demonstrations.rows("train"), bc.batch_size, self.request.seed
        )
        # Any iterable of mappings will do; the types ask for one of their own.
        self.bc.set_demonstrations(cast(Any, self.batches))
        return same

    def learn(self, on_batch: Callable[[], None]) -> None:
        """A stretch of batches.  on_batch: called after each."""
        if self.batches is None:
            raise ValueError("there is nothing open to learn from")
        bc = self.request.bc
        stretch = min(max(1, bc.report_every // bc.batch_size), self.total - self.done)
        share = 1.0 if bc.learning_rate_schedule == "constant" else 1 - self.done / self.total
        for group in self.bc.optimizer.param_groups:
            group["lr"] = bc.learning_rate * share
        # Imitation looks at a first batch of its own, which counts nothing here.
        self.batches.done = self.done
        self.policy.set_training_mode(mode=True)
        self.bc.train(n_batches=stretch, on_batch_end=on_batch, progress_bar=False)
        self.done += stretch

    def moment(self) -> Moment:
        """Where training stands; call it at a boundary."""
        parts: dict[str, State] = {
            "optim.pt": copied(self.bc.optimizer.state_dict()),
            "algo.pt": {
                "done": self.done,
                "demonstrations": self.source,
                "validation": self.validation.state(),
                "gradients": self.gradients.state(),
                "threads": torch.get_num_threads(),
            },
            "rng.pt": randomness.draw_state(),
        }
        return Moment(self._checkpoint(), parts)

    def go_on_from(self, moment: Moment) -> tuple[str, ...]:
        """Stand where the moment stood; returns what could not be taken back, in words."""
        algo = moment.parts["algo.pt"]
        load_weights(self.policy, moment.policy)
        self.bc.optimizer.load_state_dict(dict(moment.parts["optim.pt"]))
        self.done, self.source = algo["done"], algo["demonstrations"]
        self.validation.restore(algo["validation"])
        self.gradients.restore(algo["gradients"])
        lost = []
        if not randomness.set_state(moment.parts["rng.pt"]):
            lost.append("the GPUs are others, and draw other random numbers")
        if algo["threads"] != torch.get_num_threads():
            lost.append("another number of threads sums in another order")
        return tuple(lost)

    def _checkpoint(self) -> Checkpoint:
        environment = self.request.environment
        return Checkpoint(
            algorithm=self.request.algorithm,
            step=self.step,
            policy=copied(self.policy.state_dict()),
            request=self.request.model_dump(mode="json"),
            observation_size=numbers_in(self.policy.observation_space),
            action_size=ACTION_COLUMNS[environment.actions],
        )


def make_training(
    request: BCRequest, validation: Validation, interrupt: Interrupt
) -> BCTraining:
    """Everything that trains, as it stands before the first step.

    interrupt: called before every step of the optimiser; it may raise to leave.
    """
    settings, policy = request.bc, untrained_actor_critic(request, request.seed)
    logger = HierarchicalLogger(Logger(folder=None, output_formats=[]))
    bc = BC(
        observation_space=policy.observation_space,
        action_space=policy.action_space,
        rng=np.random.default_rng(request.seed),
        policy=policy,
        batch_size=settings.batch_size,
        optimizer_kwargs={"lr": settings.learning_rate},
        ent_weight=settings.ent_weight,
        l2_weight=settings.l2,
        device=request.device,
        # Without one of its own, imitation writes into a folder of /tmp.
        custom_logger=logger,
    )
    bc._bc_logger = Silent(logger)  # noqa: SLF001 - imitation has no other way to it
    losses = Losses(bc.loss_calculator)
    bc.loss_calculator = cast(Any, losses)
    gradients = Gradients(bc.optimizer, settings.max_grad_norm, interrupt)
    _keep_above(policy.log_std, settings.least_log_std, bc.optimizer)
    return BCTraining(request, bc, losses, validation, gradients)


def _keep_above(log_std: nn.Parameter, least: float, optimiser: torch.optim.Optimizer) -> None:
    """A likelihood has no floor: where actions are predicted well, it asks for certainty."""

    def clamp(*_: object) -> None:
        with torch.no_grad():
            log_std.clamp_(min=least)

    optimiser.register_step_post_hook(clamp)


MOST_JUDGED = 16_384
JUDGED_AT_ONCE = 4096


def open_loop(
    policy: ActorCriticPolicy, demonstrations: Demonstrations, rows: NDArray[np.int64]
) -> dict[str, float]:
    """Negative log likelihood and mean absolute error of actions on these transitions.

    rows: evenly thinned to MOST_JUDGED; the answer is empty without any.
    """
    if not len(rows):
        return {}
    picked = rows[:: -(-len(rows) // MOST_JUDGED)]
    nll = error = 0.0
    policy.set_training_mode(mode=False)
    for first in range(0, len(picked), JUDGED_AT_ONCE):
        batch = demonstrations.batch(picked[first : first + JUDGED_AT_ONCE])
        seen = torch.from_numpy(batch["obs"]).to(policy.device)
        done = torch.from_numpy(batch["acts"]).to(policy.device)
        with torch.inference_mode():
            told = policy.get_distribution(seen)
            nll -= float(told.log_prob(done).sum())
            error += float((told.mode().clamp(-1.0, 1.0) - done).abs().mean(dim=1).sum())
    return {"nll": nll / len(picked), "mae": error / len(picked)}
