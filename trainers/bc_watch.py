"""What watches BC: numbers out, evaluations at their time, whole states kept."""

import time
from functools import partial

import torch

from trainers.bc_training import BCTraining, open_loop
from trainers.contract import Telemetry, leave_if_asked
from trainers.episodes import summary
from trainers.health import check_numbers
from trainers.keeper import Keeper
from trainers.tensorboard import TensorBoard

HEARTBEAT_S = 1.0


class BCWatch:
    """Writes telemetry and curves, evaluates open and closed loop, has every boundary kept."""

    def __init__(
        self, training: BCTraining, keeper: Keeper, telemetry: Telemetry, curves: TensorBoard
    ) -> None:
        self._training = training
        self._keeper = keeper
        self._telemetry = telemetry
        self._curves = curves
        self._heard_at = -float("inf")
        # An earlier attempt may know of a best that this one's status does not show yet.
        self._untold = self._known_best()
        self._begun = (training.step, time.monotonic())

    def on_batch(self) -> None:
        """Between two batches of a stretch: the run is alive."""
        now = time.monotonic()
        if now - self._heard_at >= HEARTBEAT_S:
            self._heard_at = now
            self._telemetry.write(self._training.seen, {})

    def settle(self, *, is_last: bool = False) -> None:
        """Tell what the last stretch was; evaluate and save when it is time.

        Raises:
            FloatingPointError: the stretch broke the policy.
            StopRequested: somebody asked the run to stop.
        """
        step, validation = self._training.step, self._training.validation
        self._tell(step)
        self._keeper.hold(self._training.moment())
        ends = is_last and not validation.is_done(step)
        if ends or (step > 0 and validation.is_due(step)):
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
        learned = self._training.losses.told()
        if not learned:
            return
        check_numbers({name: learned[name] for name in ("neglogp", "loss")}, step)
        norms = self._training.gradients.told()
        if norms is not None:
            learned["grad_norm"] = norms.mean
        if norms is not None and norms.are_exploding():
            text = f"a gradient's norm was {norms.longest:.3g}, usually {norms.usual:.3g}"
            self._telemetry.event(step, "warning", text=text)
        log_std = self._training.policy.log_std.detach()
        learned |= {
            "std": float(torch.exp(log_std).mean()),
            "log_std": float(log_std.mean()),
            "epoch": self._training.epoch,
            "learning_rate": self._training.bc.optimizer.param_groups[0]["lr"],
        }
        curves = {f"train/{name}": value for name, value in learned.items()}
        self._curves.draw(step, curves | {"time/fps": self._speed(step)})
        self._telemetry.write(step, learned | self._untold)
        self._untold = {}

    def _speed(self, step: int) -> float:
        """Transitions per second of this attempt, evaluations and saves included."""
        first_step, begun_at = self._begun
        return (step - first_step) / max(time.monotonic() - begun_at, 1e-6)

    def _evaluate(self, step: int) -> bool:
        """Drive the validation scenarios; whether no policy drove better before."""
        training, leave = self._training, partial(leave_if_asked, self._telemetry)
        with self._telemetry.phase("eval"):
            told = self._open_loop()
            table = training.validation.drive(training.policy, leave)
        driven = summary(table)
        curves = {f"eval/{name}": value for name, value in (told | driven).items()}
        self._curves.draw(step, curves)
        self._telemetry.write(step, told | {"reward": driven["reward"]})
        self._telemetry.event(step, "evaluated", **driven, **told)
        return training.validation.takes(step, table, tie=-told.get("val_nll", 0.0))

    def _open_loop(self) -> dict[str, float]:
        """How likely and how near what was demonstrated is, learned from and held out."""
        demonstrations = self._training.demonstrations
        told: dict[str, float] = {}
        if demonstrations is not None:
            for split in ("train", "val"):
                rows = demonstrations.rows(split)
                found = open_loop(self._training.policy, demonstrations, rows)
                told |= {f"{split}_{name}": value for name, value in found.items()}
        return told

    def _tell_best(self, step: int) -> None:
        self._telemetry.write(step, self._known_best())
        reward = self._training.validation.best_reward
        self._telemetry.event(step, "best", file="best.pt", reward=reward)

    def _known_best(self) -> dict[str, float]:
        """The reward of the best evaluation so far, if there was one."""
        reward = self._training.validation.best_reward
        return {} if reward is None else {"best_reward": reward}
