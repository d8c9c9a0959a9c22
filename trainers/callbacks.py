"""What watches a stable-baselines3 learner: numbers out, stops in, whole states kept.

All of it happens at the boundary between an update and the next rollout; see `boundary.py`.
"""

from functools import partial

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from typing_extensions import override

from trainers.boundary import Boundary
from trainers.contract import Telemetry, leave_if_asked
from trainers.episodes import EndedEpisodes, summary
from trainers.health import check_numbers, check_worlds
from trainers.keeper import Keeper
from trainers.saturation import Saturation
from trainers.stopwatch import Stopwatch
from trainers.training import Training


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
        self._telemetry = telemetry
        begun_at = training.learner.num_timesteps
        self._boundary = Boundary(training, keeper, telemetry, begun_at)
        self._ended = EndedEpisodes()
        self._times = Stopwatch()
        self._saturation = Saturation()

    @override
    def _on_step(self) -> bool:
        self._ended.collect(self._worlds)
        self._saturation.collect(self.locals.get("actions"))
        check_worlds(self._worlds, self.num_timesteps)
        self._boundary.beat(self.num_timesteps)
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
        judges_start = self._training.judges_start
        self._boundary.settle(step, self._evaluate, is_first=judges_start, is_last=is_last)

    def _tell(self, step: int) -> None:
        """The numbers of the last rollout and its update, if there was one."""
        episodes = self._ended.means() | self._saturation.told()
        self._ended = EndedEpisodes()
        learned = self._learned(step)
        if not learned and not episodes:
            return
        for name, value in episodes.items():
            self.logger.record(f"rollout/{name}", value)
        self.logger.record("time/fps", int(self._boundary.speed(step)))
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
        norms = self._boundary.norms(step, self._training.gradients)
        measured = self._training.measured() if norms else {}
        for name, value in {**norms, **measured}.items():
            self.logger.record(f"train/{name}", value)
        learned = {
            name.removeprefix("train/"): float(value)
            for name, value in self.logger.name_to_value.items()
            if name.startswith("train/") and isinstance(value, int | float | np.number)
        }
        losses = {name: value for name, value in learned.items() if name.endswith("loss")}
        check_numbers(losses, step)
        return learned

    @override
    def _on_training_start(self) -> None:
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
