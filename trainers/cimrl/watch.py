"""What watches the learner: numbers out, evaluations at their time, whole states kept."""

from functools import partial

from trainers.boundary import Boundary
from trainers.cimrl.calibration import calibrate
from trainers.cimrl.training import CIMRLTraining
from trainers.contract import Telemetry, leave_if_asked
from trainers.episodes import EndedEpisodes, summary
from trainers.health import check_numbers, check_worlds
from trainers.keeper import Keeper
from trainers.stopwatch import Stopwatch
from trainers.tensorboard import TensorBoard


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
        self._telemetry = telemetry
        self._curves = curves
        self._ended = EndedEpisodes()
        self._boundary = Boundary(training, keeper, telemetry, training.step)
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
        self._boundary.beat(self._training.step)

    def settle(self, *, is_last: bool = False) -> None:
        """Tell what the last stretch was; evaluate and save when it is time.

        Raises:
            FloatingPointError: the updates broke the policy.
            StopRequested: somebody asked the run to stop.
        """
        self.times.begin(None)
        step = self._training.step
        self._tell(step)
        # What the prior alone does is the first to beat.
        self._boundary.settle(step, self._evaluate, is_first=True, is_last=is_last)

    def _tell(self, step: int) -> None:
        """The numbers of the last stretch, if there was one."""
        episodes, self._ended = self._ended.means(), EndedEpisodes()
        learned = self._learned(step) | self._training.violations.told()
        if not learned and not episodes:
            return
        times = self.times.told()
        curves = {f"rollout/{name}": value for name, value in episodes.items()}
        curves |= {f"train/{name}": value for name, value in learned.items()}
        self._curves.draw(step, {**curves, **times, "time/fps": self._boundary.speed(step)})
        self._telemetry.write(step, {**learned, **episodes, **times})

    def _learned(self, step: int) -> dict[str, float]:
        """What the updates reported, and the gradients' norms.

        Raises:
            FloatingPointError: a loss is NaN or infinite.
        """
        learned = self._training.learner.told()
        losses = {name: value for name, value in learned.items() if name.endswith("loss")}
        check_numbers(losses, step)
        learned |= self._boundary.norms(step, self._training.gradients)
        if learned:
            training = self._training
            learned["replay_fill"] = training.task.held / training.task.capacity
        return learned

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
