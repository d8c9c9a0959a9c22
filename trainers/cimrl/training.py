"""The learner in the middle of its training: where it stands, and how it goes on from there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.sim.actions import ACTION_COLUMNS, PROPOSALS
from drivetrain.sim.world import Worlds
from trainers import randomness
from trainers.checkpoints import Checkpoint, State
from trainers.cimrl.deciding import Choice, Deciding, Decisions
from trainers.cimrl.learner import Learner
from trainers.cimrl.policy import CIMRLPolicy
from trainers.cimrl.ring import Batch, Ring, risk_weights
from trainers.cimrl.violations import Violations
from trainers.gradients import Gradients
from trainers.hybrid_request import HybridRequest
from trainers.moment import Moment, copied
from trainers.policy import load_weights
from trainers.validation import Validation


@dataclass(slots=True)
class CIMRLTraining:
    """Policy, worlds and both buffers, as a `Resumable`.

    task: what was proposed and what the drive earned.  risk: what was driven, and whether it
    violated.  step: environment steps so far.
    """

    request: HybridRequest
    learner: Learner
    deciding: Deciding
    task: Ring
    risk: Ring
    scenarios: ScenarioSet
    validation: Validation
    gradients: Mapping[str, Gradients]
    violations: Violations = field(default_factory=Violations)
    step: int = 0
    is_pretrained: bool = False
    unlearned: int = 0

    @property
    def policy(self) -> CIMRLPolicy:
        """The policy that learns."""
        return self.learner.policy

    def begin(self) -> None:
        """Start from the policy as it is now: its targets are what they follow."""
        learner = self.learner
        learner.critic_targets.load_state_dict(self.policy.critics.state_dict())
        learner.risk_targets.load_state_dict(self.policy.risks.state_dict())

    @property
    def worlds(self) -> Worlds:
        """Where it learns."""
        return self.deciding.worlds

    @property
    def is_warming_up(self) -> bool:
        """Whether chance and the prior still drive."""
        return self.step < self.request.cimrl.warmup_steps

    def collect(self, on_step: Callable[[], None]) -> None:
        """Drive to the next boundary.  on_step: called after each step of all worlds."""
        end = self.step + self.request.cimrl.update_every
        end = min(end, self.request.training.total_steps)
        while self.step < end:
            choose = self._by_chance if self.is_warming_up else self.learner.choose
            self._keep(self.deciding.step(choose))
            self.step += self.worlds.num_worlds
            on_step()

    def _by_chance(self, seen: Tensor) -> Choice:
        """Half of all choices by the prior, half by a die."""
        with torch.inference_mode():
            chances = self.policy.log_prior(seen.to(self.policy.device)).exp()
            by_prior = torch.multinomial(chances, 1).squeeze(1).cpu()
        by_die = torch.randint(PROPOSALS, (len(seen),))
        number = torch.where(torch.rand(len(seen)) < 0.5, by_prior, by_die)
        return Choice(number, number, torch.zeros(len(seen), dtype=torch.bool))

    def _keep(self, done: Decisions) -> None:
        relabels = self.request.cimrl.relabel == "on"
        proposed = done.proposed if relabels else done.driven
        self.task.add(done.seen, done.next_seen, proposed, done.earned, done.ahead)
        violated = done.violated.astype(np.float32)
        self.risk.add(done.seen, done.next_seen, done.driven, violated, done.ahead)
        self.unlearned += len(done.driven)
        self.violations.count(done)

    def learn(self, on_update: Callable[[], None]) -> None:
        """Updates for what was driven since the last ones; none while it warms up.

        on_update: called after each.
        """
        if self.is_warming_up:
            return
        cimrl = self.request.cimrl
        positives = self.risk.positives()
        if not self.is_pretrained:
            for _ in range(cimrl.pretrain_updates):
                self.learner.update_risk(*self._risky(positives))
                on_update()
            self.is_pretrained = True
        updates = max(1, round(cimrl.utd * self.unlearned / cimrl.batch_size))
        for _ in range(updates):
            batch = self.task.sample(cimrl.batch_size).to(self.policy.device)
            self.learner.update(batch, *self._risky(positives))
            on_update()
        self.unlearned = 0

    def _risky(self, positives: Tensor) -> tuple[Batch, Tensor]:
        """A batch for the risk, and how much each of its decisions counts.

        Violations are rare: they are drawn more often than they happen, and count for less, so
        that the risk stays a probability.
        """
        cimrl, share = self.request.cimrl, self.request.cimrl.positive_share
        batch = self.risk.sample(cimrl.batch_size, positives, share).to(self.policy.device)
        weights = risk_weights(batch.outcome, share, self.risk.held, len(positives))
        return batch, weights

    def moment(self) -> Moment:
        """Where training stands; call it at a boundary."""
        learner = self.learner
        targets = {"critics": learner.critic_targets, "risks": learner.risk_targets}
        algo = {
            "updates": learner.updates,
            "is_pretrained": self.is_pretrained,
            "unlearned": self.unlearned,
            "targets": {name: copied(each.state_dict()) for name, each in targets.items()},
            "validation": self.validation.state(),
            "gradients": {name: each.state() for name, each in self.gradients.items()},
            "threads": torch.get_num_threads(),
        }
        optimisers = {name: each.state_dict() for name, each in learner.optimisers.items()}
        memory = self.worlds.memory().items()
        parts: dict[str, State] = {
            "optim.pt": copied(optimisers),
            "algo.pt": algo,
            "rng.pt": randomness.draw_state(),
            "worlds.pt": {name: torch.from_numpy(column) for name, column in memory},
            "choices.pt": self.deciding.state(),
            "replay.pt": {"task": self.task.state(), "risk": self.risk.state()},
        }
        return Moment(self._checkpoint(), parts)

    def _checkpoint(self) -> Checkpoint:
        environment = self.request.environment
        return Checkpoint(
            algorithm=self.request.algorithm,
            step=self.step,
            policy=copied(self.policy.state_dict()),
            request=self.request.model_dump(mode="json"),
            observation_size=self.worlds.layout.size,
            action_size=ACTION_COLUMNS[environment.actions],
        )

    def go_on_from(self, moment: Moment) -> tuple[str, ...]:
        """Stand where the moment stood; returns what could not be taken back, in words."""
        algo, parts, learner = moment.parts["algo.pt"], moment.parts, self.learner
        load_weights(self.policy, moment.policy)
        for name, optimiser in learner.optimisers.items():
            optimiser.load_state_dict(dict(parts["optim.pt"][name]))
        learner.critic_targets.load_state_dict(algo["targets"]["critics"])
        learner.risk_targets.load_state_dict(algo["targets"]["risks"])
        learner.updates, self.step = algo["updates"], moment.step
        self.is_pretrained, self.unlearned = algo["is_pretrained"], algo["unlearned"]
        self.validation.restore(algo["validation"])
        for name, gradients in self.gradients.items():
            gradients.restore(algo["gradients"][name])
        self.task.restore(parts["replay.pt"]["task"])
        self.risk.restore(parts["replay.pt"]["risk"])
        lost = []
        if not self._recall(parts):
            lost.append("the worlds begin new episodes")
        if not randomness.set_state(parts["rng.pt"]):
            lost.append("the GPUs are others, and draw other random numbers")
        if algo["threads"] != torch.get_num_threads():
            lost.append("another number of threads sums in another order")
        return tuple(lost)

    def _recall(self, parts: Mapping[str, State]) -> bool:
        """Whether the worlds stand again where they stood; if not, they begin anew."""
        columns = {name: column.numpy() for name, column in parts["worlds.pt"].items()}
        try:
            self.worlds.restore(columns)
        except (KeyError, ValueError):
            self.worlds.reset()
            return False
        self.deciding.restore(parts["choices.pt"])
        return True
