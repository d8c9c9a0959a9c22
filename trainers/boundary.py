"""The boundary between two stretches of learning, where a run is told of, judged and saved.

At a boundary the policy, its optimiser, the worlds and every random generator belong together,
and can be gone on from. What a stretch was made of is told by each algorithm's own watch.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from trainers.contract import Telemetry
from trainers.gradients import Gradients
from trainers.keeper import Keeper
from trainers.moment import Moment
from trainers.validation import Validation

HEARTBEAT_S = 1.0


class Watched(Protocol):
    """A training, as a boundary sees it."""

    @property
    def validation(self) -> Validation:
        """What drives its validation scenarios."""

    def moment(self) -> Moment:
        """Where training stands."""


class Boundary:
    """Has every boundary kept, judged when it is due, and the best of them told.

    begun_at: the step at which this attempt begins.
    """

    def __init__(
        self, training: Watched, keeper: Keeper, telemetry: Telemetry, begun_at: int
    ) -> None:
        self._training = training
        self._keeper = keeper
        self._telemetry = telemetry
        self._heard_at = -math.inf
        self._begun = (begun_at, time.monotonic())
        # An earlier attempt may know of a best that this one's status does not show yet.
        self._untold = self._known_best()

    def beat(self, step: int) -> None:
        """Between two boundaries: the run is alive."""
        now = time.monotonic()
        if now - self._heard_at >= HEARTBEAT_S:
            self._heard_at = now
            self._telemetry.write(step, self._untold)
            self._untold = {}

    def settle(
        self, step: int, evaluate: Callable[[int], bool], *, is_first: bool, is_last: bool
    ) -> None:
        """Keep where training stands; evaluate and save when it is time.

        evaluate: drives the validation scenarios; whether no policy drove them better.
        is_first: what training starts from is to be judged as well.
        is_last: training is complete; what the last update made may be the best.

        Raises:
            FloatingPointError: the last stretch broke the policy.
            StopRequested: somebody asked the run to stop.
        """
        validation = self._training.validation
        self._keeper.hold(self._training.moment())
        ends = is_last and not validation.is_done(step)
        begins = is_first and step == 0 and validation.best_reward is None
        if begins or ends or validation.is_due(step):
            is_best = evaluate(step)
            # What is known of the best belongs to the moment.
            self._keeper.hold(self._training.moment())
            self._keeper.save(as_best=is_best)
            if is_best:
                self._tell_best(step)
        elif is_last or self._keeper.is_due():
            self._keeper.save()

    def speed(self, step: int) -> float:
        """Steps per second of this attempt, evaluations and saves included."""
        first_step, begun_at = self._begun
        return (step - first_step) / max(time.monotonic() - begun_at, 1e-6)

    def norms(self, step: int, gradients: Mapping[str, Gradients]) -> dict[str, float]:
        """How long gradients were, by name, where any were; warns of those that explode."""
        told = {name: each.told() for name, each in gradients.items()}
        norms = {name: norm for name, norm in told.items() if norm is not None}
        for norm in norms.values():
            if norm.are_exploding():
                text = f"a gradient's norm was {norm.longest:.3g}, usually {norm.usual:.3g}"
                self._telemetry.event(step, "warning", text=text)
        return {name: norm.mean for name, norm in norms.items()}

    def _tell_best(self, step: int) -> None:
        self._telemetry.write(step, self._known_best())
        reward = self._training.validation.best_reward
        self._telemetry.event(step, "best", file="best.pt", reward=reward)

    def _known_best(self) -> dict[str, float]:
        """The reward of the best evaluation so far, if there was one."""
        reward = self._training.validation.best_reward
        return {} if reward is None else {"best_reward": reward}
