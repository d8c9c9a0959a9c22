"""Stages of one run: what comes before its first environment step has an axis of its own.

The axis of a run counts environment steps, so that runs compare by them.  A stage before them
is a training of its own, in folders of its own: it stops, is killed and goes on there, while
the run stands at step 0.  Its numbers are told under its name, with its own step beside them.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from drivetrain import checkpoint_units
from trainers.contract import Outcome, Phase, Places, Stage, Telemetry

SHOWN = ("reward", "best_reward")
"""Numbers that the status shows, and that mean the same in every stage."""
OWN = ("evaluated", "best", "checkpoint")
"""What happens in every stage; of the run itself it is told in its last."""


class StageTelemetry:
    """The run's telemetry, as a stage before its first environment step sees it."""

    def __init__(self, telemetry: Telemetry, stage: Stage) -> None:
        self._telemetry = telemetry
        self._stage = stage
        self._total: dict[str, float] = {}

    def expect(
        self, total: int, *, eval_every: int | None = None, save_every_s: float | None = None
    ) -> None:
        """Tell how many steps of its own the stage has; those of the run stay as they are."""
        del eval_every, save_every_s
        self._total = {f"{self._stage}/total": float(total)}

    def begin_at(self, step: int) -> None:
        """Whatever the stage's own step, the run stands at its first."""
        del step
        self._telemetry.begin_at(0)

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Record numbers of the stage."""
        told = {
            name if name in SHOWN else f"{self._stage}/{name}": value
            for name, value in numbers.items()
        }
        self._telemetry.write(0, told | {f"{self._stage}/step": float(step)} | self._total)

    def event(self, step: int, name: str, **facts: object) -> None:
        """Record that something happened in the stage."""
        named = f"{self._stage}/{name}" if name in OWN else name
        self._telemetry.event(0, named, **(facts | {"stage_step": step}))

    def phase(self, name: Phase) -> AbstractContextManager[None]:
        """What the run is busy with meanwhile."""
        return self._telemetry.phase(name)

    def should_stop(self) -> bool:
        """Whether somebody asked the run to stop."""
        return self._telemetry.should_stop()


def has_begun(places: Places) -> bool:
    """Whether a run stands in its last stage, or beyond its first environment step."""
    unit, damaged = checkpoint_units.newest_verified(places.units)
    return unit is not None or bool(damaged)


def go_through(
    stage: Stage,
    train: Callable[[Telemetry, Places], Outcome],
    telemetry: Telemetry,
    places: Places,
) -> bool:
    """Train a stage to its end, from wherever it stands; whether it got there.

    It did not where somebody asked the run to stop; then it is saved.
    """
    with telemetry.phase(stage):
        outcome = train(StageTelemetry(telemetry, stage), places.of_stage(stage))
    return outcome.how == "completed"
