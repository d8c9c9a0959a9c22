"""What watches BC: numbers out, evaluations at their time, whole states kept."""

from functools import partial

import torch

from trainers.bc_training import BCTraining, open_loop
from trainers.boundary import Boundary
from trainers.contract import Telemetry, leave_if_asked
from trainers.episodes import summary
from trainers.health import check_numbers
from trainers.keeper import Keeper
from trainers.tensorboard import TensorBoard


class BCWatch:
    """Writes telemetry and curves, evaluates open and closed loop, has every boundary kept."""

    def __init__(
        self, training: BCTraining, keeper: Keeper, telemetry: Telemetry, curves: TensorBoard
    ) -> None:
        self._training = training
        self._telemetry = telemetry
        self._curves = curves
        self._boundary = Boundary(training, keeper, telemetry, training.step)

    def on_batch(self) -> None:
        """Between two batches of a stretch: the run is alive."""
        self._boundary.beat(self._training.seen)

    def settle(self, *, is_last: bool = False) -> None:
        """Tell what the last stretch was; evaluate and save when it is time.

        Raises:
            FloatingPointError: the stretch broke the policy.
            StopRequested: somebody asked the run to stop.
        """
        step = self._training.step
        self._tell(step)
        self._boundary.settle(step, self._evaluate, is_first=False, is_last=is_last)

    def _tell(self, step: int) -> None:
        """The numbers of the last stretch, if there was one."""
        learned = self._training.losses.told()
        if not learned:
            return
        check_numbers({name: learned[name] for name in ("neglogp", "loss")}, step)
        learned |= self._boundary.norms(step, {"grad_norm": self._training.gradients})
        log_std = self._training.policy.log_std.detach()
        learned |= {
            "std": float(torch.exp(log_std).mean()),
            "log_std": float(log_std.mean()),
            "epoch": self._training.epoch,
            "learning_rate": self._training.bc.optimizer.param_groups[0]["lr"],
        }
        curves = {f"train/{name}": value for name, value in learned.items()}
        self._curves.draw(step, curves | {"time/fps": self._boundary.speed(step)})
        self._telemetry.write(step, learned)

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
