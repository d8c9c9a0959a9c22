"""What watches the learner: numbers out, evaluations at their time, whole states kept."""

import time
from functools import partial

from trainers.cimrl.calibration import calibrate
from trainers.cimrl.training import CIMRLTraining
from trainers.contract import Telemetry, leave_if_asked
from trainers.episodes import EndedEpisodes, summary
from trainers.health import check_numbers, check_worlds
from trainers.keeper import Keeper
from trainers.stopwatch import Stopwatch
from trainers.tensorboard import TensorBoard

HEARTBEAT_S = 1.0


class CIMRLWatch:
    """Writes telemetry and curves, evaluates, calibrates, and has every boundary kept."""

    def __init__(
        self,
        training: CIMRLTraining,
        keeper: Keeper,
        telemetry: Telemetry,
        curves: TensorBoard,
    ) -> None:
        self._training = training
        self._keeper = keeper
        self._telemetry = telemetry
        self._curves = curves
        self._ended = EndedEpisodes()
        self._heard_at = -float("inf")
        # An earlier attempt may know of a best that this one's status does not show yet.
        self._untold = self._known_best()
        self._begun = (training.step, time.monotonic())
        self.times = Stopwatch()

    def on_step(self) -> None:
        """After a step of all worlds."""
        worlds = self._training.worlds
        self._ended.collect(worlds)
        check_worlds(worlds, self._training.step)
        self.on_update()
        leave_if_asked(self._telemetry)

    def on_update(self) -> None:
        """The run is alive."""
        now = time.monotonic()
        if now - self._heard_at >= HEARTBEAT_S:
            self._heard_at = now
            self._telemetry.write(self._training.step, self._untold)
            self._untold = {}

    def settle(self, *, is_last: bool = False) -> None:
        """Tell what the last stretch was; evaluate and save when it is time.

        Raises:
            FloatingPointError: the updates broke the policy.
            StopRequested: somebody asked the run to stop.
        """
        self.times.begin(None)
        step, validation = self._training.step, self._training.validation
        self._tell(step)
        self._keeper.hold(self._training.moment())
        ends = is_last and not validation.is_done(step)
        # What the prior alone does is the first to beat.
        begins = step == 0 and validation.best_reward is None
        if ends or begins or validation.is_due(step):
            is_best = self._evaluate(step)
            # What is known of the best belongs to the moment.
            self._keeper.hold(self._training.moment())
            self._keeper.save(as_best=is_best)
            if is_best:
                self._tell_best(step)
        elif is_last or self._keeper.is_due():
            self._keeper.save()

    def _tell(self, step: int) -> None:
        """The numbers of the last stretch, if there was one."""
        episodes, self._ended = self._ended.means(), EndedEpisodes()
        learned = self._learned(step) | self._training.violations.told()
        if not learned and not episodes:
            return
        times = self.times.told()
        curves = {f"rollout/{name}": value for name, value in episodes.items()}
        curves |= {f"train/{name}": value for name, value in learned.items()}
        self._curves.draw(step, {**curves, **times, "time/fps": self._speed(step)})
        self._telemetry.write(step, {**learned, **episodes, **times})

    def _learned(self, step: int) -> dict[str, float]:
        """What the updates reported, and the gradients' norms.

        Raises:
            FloatingPointError: a loss is NaN or infinite.
        """
        learned = self._training.learner.told()
        losses = {name: value for name, value in learned.items() if name.endswith("loss")}
        check_numbers(losses, step)
        for name, gradients in self._training.gradients.items():
            norms = gradients.told()
            if norms is None:
                continue
            learned[name] = norms.mean
            if norms.are_exploding():
                text = f"a gradient's norm was {norms.longest:.3g}, usually {norms.usual:.3g}"
                self._telemetry.event(step, "warning", text=text)
        if learned:
            training = self._training
            learned["replay_fill"] = training.task.held / training.task.capacity
        return learned

    def _speed(self, step: int) -> float:
        """Steps per second of this attempt, evaluations and saves included."""
        first_step, begun_at = self._begun
        return (step - first_step) / max(time.monotonic() - begun_at, 1e-6)

    def _evaluate(self, step: int) -> bool:
        """Drive the validation scenarios; whether no policy drove better before."""
        training, leave = self._training, partial(leave_if_asked, self._telemetry)
        with self._telemetry.phase("eval"):
            table = training.validation.drive(training.policy, leave)
            told = calibrate(training.policy, training.request, training.scenarios, leave)
        driven, calibrated = summary(table), told.numbers()
        self._curves.draw(step, {f"eval/{name}": value for name, value in driven.items()})
        self._curves.draw(step, {f"train/{name}": calibrated[name] for name in calibrated})
        self._telemetry.write(step, calibrated)
        self._telemetry.event(step, "calibrated", curve=told.curve())
        self._telemetry.event(step, "evaluated", **driven)
        return training.validation.takes(step, table)

    def _tell_best(self, step: int) -> None:
        self._telemetry.write(step, self._known_best())
        reward = self._training.validation.best_reward
        self._telemetry.event(step, "best", file="best.pt", reward=reward)

    def _known_best(self) -> dict[str, float]:
        """The reward of the best evaluation so far, if there was one."""
        reward = self._training.validation.best_reward
        return {} if reward is None else {"best_reward": reward}
