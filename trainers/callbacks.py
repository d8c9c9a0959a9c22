"""What watches a stable-baselines3 learner: numbers out, stops in, whole states kept.

All of it happens at the boundary between an update and the next rollout: there the policy, its
optimiser, the worlds and every random generator belong together, and can be gone on from.
"""

import time
from functools import partial

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from typing_extensions import override

from trainers.contract import Telemetry, leave_if_asked
from trainers.episodes import EndedEpisodes, summary
from trainers.health import check_numbers, check_worlds
from trainers.keeper import Keeper
from trainers.saturation import Saturation
from trainers.stopwatch import Stopwatch
from trainers.training import Training

HEARTBEAT_S = 1.0


class Watch(BaseCallback):
    """Writes telemetry, evaluates on validation scenarios, and has every boundary kept.

    look_every: steps between two boundaries at least.  A rollout may be a single step of all
    worlds, after which looking at everything would cost more than learning.
    """

    def __init__(
        self, training: Training, keeper: Keeper, telemetry: Telemetry, look_every: int = 0
    ) -> None:
        super().__init__()
        self._look_every = look_every
        self._looked_at: int | None = None
        self._training = training
        self._worlds = training.worlds
        self._validation = training.validation
        self._keeper = keeper
        self._telemetry = telemetry
        self._ended = EndedEpisodes()
        self._heard_at = -np.inf
        # An earlier attempt may know of a best that this one's status does not show yet.
        self._untold = self._known_best()
        self._begun = (0, 0.0)
        self._times = Stopwatch()
        self._saturation = Saturation()

    @override
    def _on_step(self) -> bool:
        self._ended.collect(self._worlds)
        self._saturation.collect(self.locals.get("actions"))
        check_worlds(self._worlds, self.num_timesteps)
        now = time.monotonic()
        if now - self._heard_at >= HEARTBEAT_S:
            self._heard_at = now
            self._telemetry.write(self.num_timesteps, self._untold)
            self._untold = {}
        leave_if_asked(self._telemetry)
        return True

    @override
    def _on_rollout_start(self) -> None:
        if self._looked_at is None or self.num_timesteps >= self._looked_at + self._look_every:
            self.settle()
        self._times.begin("rollout")

    @override
    def _on_rollout_end(self) -> None:
        self._times.begin("update")

    def settle(self, *, is_last: bool = False) -> None:
        """Tell what the last rollout and its update were; evaluate and save when it is time.

        is_last: training is complete; what the last update made may be the best.

        Raises:
            FloatingPointError: the update broke the policy.
            StopRequested: somebody asked the run to stop.
        """
        self._times.begin(None)
        step = self.model.num_timesteps
        self._looked_at = step
        self._tell(step)
        self._keeper.hold(self._training.moment())
        ends = is_last and not self._validation.is_done(step)
        if ends or self._begins(step) or self._validation.is_due(step):
            is_best = self._evaluate(step)
            # What is known of the best belongs to the moment.
            self._keeper.hold(self._training.moment())
            self._keeper.save(as_best=is_best)
            if is_best:
                self._tell_best(step)
        elif is_last or self._keeper.is_due():
            self._keeper.save()

    def _begins(self, step: int) -> bool:
        """Whether this is what training starts from, to be evaluated as well."""
        is_known = self._validation.best_reward is not None
        return step == 0 and self._training.judges_start and not is_known

    def _tell(self, step: int) -> None:
        """The numbers of the last rollout and its update, if there was one."""
        episodes = self._ended.means() | self._saturation.told()
        self._ended = EndedEpisodes()
        learned = self._learned(step)
        if not learned and not episodes:
            return
        for name, value in episodes.items():
            self.logger.record(f"rollout/{name}", value)
        self._record_speed(step)
        times = self._times.told()
        for name, seconds in times.items():
            self.logger.record(name, seconds)
        self.logger.dump(step)
        self._telemetry.write(step, {**learned, **episodes, **times})

    def _learned(self, step: int) -> dict[str, float]:
        """What the updates reported: losses, KL, clip fraction, the gradients' norms.

        Raises:
            FloatingPointError: a loss is NaN or infinite.
        """
        if self._record_norms(step):
            for name, value in self._training.measured().items():
                self.logger.record(f"train/{name}", value)
        learned = {
            name.removeprefix("train/"): float(value)
            for name, value in self.logger.name_to_value.items()
            if name.startswith("train/") and isinstance(value, int | float | np.number)
        }
        losses = {name: value for name, value in learned.items() if name.endswith("loss")}
        check_numbers(losses, step)
        return learned

    def _record_norms(self, step: int) -> bool:
        """Record how long gradients were, and warn of those that explode; whether any were."""
        told = {name: each.told() for name, each in self._training.gradients.items()}
        norms = {name: norm for name, norm in told.items() if norm is not None}
        for name, norm in norms.items():
            self.logger.record(f"train/{name}", norm.mean)
            if norm.are_exploding():
                text = f"a gradient's norm was {norm.longest:.3g}, usually {norm.usual:.3g}"
                self._telemetry.event(step, "warning", text=text)
        return bool(norms)

    def _record_speed(self, step: int) -> None:
        """Steps per second of this attempt, evaluations and saves included."""
        first_step, begun_at = self._begun
        took_s = max(time.monotonic() - begun_at, 1e-6)
        self.logger.record("time/fps", int((step - first_step) / took_s))

    @override
    def _on_training_start(self) -> None:
        self._begun = (self.model.num_timesteps, time.monotonic())
        self._times.watch(self.training_env)

    def _evaluate(self, step: int) -> bool:
        """Drive the validation scenarios; whether no policy drove better before."""
        leave = partial(leave_if_asked, self._telemetry)
        with self._telemetry.phase("eval"):
            table = self._validation.drive(self._training.policy, leave)
        told = {**summary(table), **self._training.judged(step, table)}
        for name, value in told.items():
            self.logger.record(f"eval/{name}", value)
        self.logger.dump(step)
        self._telemetry.event(step, "evaluated", **told)
        return self._validation.takes(step, table)

    def _tell_best(self, step: int) -> None:
        self._telemetry.write(step, self._known_best())
        reward = self._validation.best_reward
        self._telemetry.event(step, "best", file="best.pt", reward=reward)

    def _known_best(self) -> dict[str, float]:
        """The reward of the best evaluation so far, if there was one."""
        reward = self._validation.best_reward
        return {} if reward is None else {"best_reward": reward}
