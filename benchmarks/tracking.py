"""What telemetry and MLflow cost a training: the same PPO with and without them, in turn.

`python -m benchmarks.ppo --tracking` runs it.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from drivetrain.clock import SYSTEM
from drivetrain.runs.atomic import replace_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.telemetry import RunTelemetry
from drivetrain.tracking.live import mirroring
from drivetrain.tracking.store import open_store
from trainers.contract import Phase, Places, Telemetry
from trainers.ppo import train
from trainers.ppo_request import ROLLOUT_STEPS, PPORequest


class Silent:
    """Telemetry that tells nobody anything."""

    def expect(
        self, total: int, *, eval_every: int | None = None, save_every_s: float | None = None
    ) -> None:
        """Nobody waits."""
        del total, eval_every, save_every_s

    def begin_at(self, step: int) -> None:
        """Nobody counts."""

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Nobody reads."""

    def event(self, step: int, name: str, **facts: object) -> None:
        """Nobody asks."""

    def phase(self, name: Phase) -> AbstractContextManager[None]:
        """Nobody looks."""
        del name
        return nullcontext()

    def should_stop(self) -> bool:
        """Nobody stops it."""
        return False


class Stopwatch:
    """Hands everything on, and notes when the numbers of an update were told."""

    def __init__(self, told: Telemetry) -> None:
        self._told = told
        self._laps: list[tuple[int, float]] = []
        self.expect = told.expect
        self.begin_at = told.begin_at
        self.event = told.event
        self.phase = told.phase
        self.should_stop = told.should_stop

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Hand on; an update ends a lap."""
        self._told.write(step, numbers)
        if "loss" in numbers:
            self._laps.append((step, time.perf_counter()))

    @property
    def steps_per_s(self) -> float:
        """The rate from the first update to the last."""
        (first, begun), (last, ended) = self._laps[0], self._laps[-1]
        return (last - first) / (ended - begun)


def measure_tracking(worlds: int, rounds: int, rollouts: int) -> dict[str, Any]:
    """Both rates, alternating, and what the one loses against the other, in percent."""
    steps = (rollouts + 1) * ROLLOUT_STEPS
    request = PPORequest.model_validate(
        {
            "environment": {"num_envs": worlds},
            "training": {"total_steps": steps, "eval_every": 10 * steps, "eval_scenarios": 1},
            # Every update runs to its end in both, whatever the KL: equal work is compared.
            "ppo": {"target_kl": None},
        }
    )
    told: list[float] = []
    silent: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        # The first import of MLflow costs every run the same second, however long it trains.
        open_store(home)
        for number in range(rounds):
            silent.append(_rate(request, home / f"silent_{number}", Silent()))
            with _tracked(home, f"r{number}", request) as telemetry:
                told.append(_rate(request, home / f"told_{number}", telemetry))
    losses = [1 - a / b for a, b in zip(told, silent, strict=True)]
    return {
        "benchmark": "ppo_tracking",
        "worlds": worlds,
        "steps_per_s": round(statistics.median(told)),
        "silent_steps_per_s": round(statistics.median(silent)),
        "cost_percent": round(100 * statistics.median(losses), 2),
        "rounds": rounds,
    }


def _rate(request: PPORequest, home: Path, telemetry: Telemetry) -> float:
    watch = Stopwatch(telemetry)
    train(request, watch, Places(home / "checkpoints", home / "logs"))
    return watch.steps_per_s


@contextmanager
def _tracked(home: Path, run_id: str, request: PPORequest) -> Iterator[RunTelemetry]:
    """Telemetry of a run in this process, mirrored as in every run."""
    folder = RunFolder(home, run_id)
    attempt = folder.attempt(1)
    attempt.path.mkdir(parents=True)
    facts = {"algorithm": "PPO", "digest": run_id, "created": SYSTEM.wall(), "command": []}
    replace_json(folder.request, {"v": 1, **facts, "request": request.model_dump(mode="json")})
    with (
        RunTelemetry(folder, attempt.number) as telemetry,
        mirroring(folder, attempt.number, telemetry),
    ):
        telemetry.expect(request.training.total_steps)
        yield telemetry
    if telemetry.tracker != "on":
        raise RuntimeError(f"MLflow did not follow: {telemetry.tracker}; take more --rollouts")
