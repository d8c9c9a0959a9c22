"""Judges a checkpoint in closed loop, beside drivers that everybody knows.

`python -m trainers.evaluate --checkpoint FILE --name NAME [--data SET] [--scenarios N]` prints
one JSON object; a trainer's child does the same when its run ends.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivetrain.data.open import open_set
from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.errors import DataError, UserError
from drivetrain.settings import PROJECT
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.fingerprint import fingerprint
from drivetrain.sim.metrics import EpisodeTable, drive_each
from drivetrain.sim.planners import Driver, RandomDriver
from trainers import checkpoints
from trainers.baselines import BASELINES, EVERY_BASELINE
from trainers.judgement import Driven, Judged, driven, judge, worst_of
from trainers.lineage import imitated_beside
from trainers.policy import (
    Interrupt,
    Interruptible,
    PolicyDriver,
    restored_policy,
    untrained_policy,
)
from trainers.requests import request_of

CONDITIONS = ("traffic", "horizon_s", "actuators")
"""What a run's environment decides of how it is judged."""
SIMULATOR = PROJECT / "drivetrain" / "sim"


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What was driven: which part of which set, and under which licences it came.

    groups: recorded drives that the scenarios are of.
    """

    name: str
    split: str
    scenarios: int
    groups: int
    licences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Drivers judged on the same scenarios, the run's own first.

    traffic, horizon_s, actuators: how it was driven, which a run may have chosen; tables that
    differ in them do not compare.  digest: of all that decides what a driver meets.  worst:
    where that one did worst.  scenarios: how it did in each.
    """

    run: str
    checkpoint: str | None
    step: int | None
    traffic: str
    horizon_s: float
    actuators: str
    digest: str
    data: DataFacts
    drivers: tuple[Judged, ...]
    worst: tuple[str, ...]
    scenarios: tuple[Driven, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data, as it is stored and printed."""
        return asdict(self)


def evaluate(
    name: str,
    checkpoint_file: Path,
    data: Path | None = None,
    limit: int | None = None,
    interrupt: Interrupt = lambda: None,
) -> Evaluation:
    """Drive the test scenarios with the checkpoint, its untrained self, and baselines.

    data: another set than the run's own.  limit: drive at most that many scenarios.
    interrupt: called before every step of every driver; it may raise to leave.

    Raises:
        UserError: the checkpoint or the set cannot be used.
    """
    checkpoint = checkpoints.load(checkpoint_file)
    request = request_of(checkpoint.request)
    course = Course.of(data or request.data, request.environment, limit)
    actions = request.environment.actions
    drivers: dict[str, Driver] = {
        f"{name} ({checkpoint_file.stem})": PolicyDriver(restored_policy(checkpoint), actions),
        **_imitated(checkpoint_file),
        "untrained": PolicyDriver(untrained_policy(request, request.seed), actions),
        "random": RandomDriver(request.seed),
        **{BASELINES[key].title: BASELINES[key].make() for key in ("idm", "pdm", "log")},
    }
    # Whoever drives, a large set takes minutes, in which a run is to be seen and to be stopped.
    heeding = {who: Interruptible(driver, interrupt) for who, driver in drivers.items()}
    return course.judged(name, heeding, checkpoint=checkpoint_file.name, step=checkpoint.step)


def _imitated(checkpoint_file: Path) -> dict[str, Driver]:
    """What a hybrid's checkpoint came from: whether it lost by learning on, or won."""
    file = imitated_beside(checkpoint_file)
    if file is None:
        return {}
    checkpoint = checkpoints.load(file)
    actions = request_of(checkpoint.request).environment.actions
    return {"imitated": PolicyDriver(restored_policy(checkpoint), actions)}


def evaluate_baseline(
    name: str, data: Path | None = None, limit: int | None = None
) -> Evaluation:
    """Drive the test scenarios with one of BASELINES, or with EVERY_BASELINE.

    Raises:
        UserError: the set cannot be used.
    """
    course = Course.of(data, EnvironmentSettings(), limit)
    asked = BASELINES.values() if name == EVERY_BASELINE else [BASELINES[name]]
    return course.judged(name, {baseline.title: baseline.make() for baseline in asked})


@dataclass(frozen=True, slots=True)
class Course:
    """The held-out scenarios that every driver drives."""

    scenarios: ScenarioSet
    picks: NDArray[np.int64]
    environment: EnvironmentSettings
    facts: DataFacts

    @classmethod
    def of(
        cls, data: Path | None, environment: EnvironmentSettings, limit: int | None
    ) -> "Course":
        """The test scenarios of a set, or of the built-in one."""
        scenarios = open_set(data)
        split, picks = test_scenarios(scenarios, limit)
        name = "built-in" if data is None else str(data)
        groups = len(np.unique(scenarios.catalogue["group"][picks]))
        facts = DataFacts(name, split, len(picks), groups, tuple(scenarios.licences))
        return cls(scenarios, picks, environment.for_judging(), facts)

    def judged(
        self,
        run: str,
        drivers: Mapping[str, Driver],
        checkpoint: str | None = None,
        step: int | None = None,
    ) -> Evaluation:
        """Every driver on the same scenarios; of the first one each of them is told."""
        tables = {name: self.drive(driver) for name, driver in drivers.items()}
        catalogue, own = self.catalogue, next(iter(tables.values()))
        return Evaluation(
            run=run,
            checkpoint=checkpoint,
            step=step,
            traffic=self.environment.traffic,
            horizon_s=self.environment.horizon_s,
            actuators=self.environment.actuators,
            digest=self.digest(),
            data=self.facts,
            drivers=tuple(judge(name, table, catalogue) for name, table in tables.items()),
            worst=tuple(str(catalogue["id"][row]) for row in worst_of(own)),
            scenarios=driven(own, catalogue),
        )

    @property
    def catalogue(self) -> NDArray[np.void]:
        """[episodes] the rows of what is driven, in that order."""
        return self.scenarios.catalogue[self.picks]

    def digest(self) -> str:
        """Equal where a driver meets the same: scenarios, conditions and simulator."""
        chosen = self.environment.model_dump(include=set(CONDITIONS))
        rules = EnvironmentSettings.model_validate(chosen)
        digest = hashlib.sha256(fingerprint(rules, (), self.scenarios.arrays).tobytes())
        for name in ("id", "group", "type"):
            digest.update("\n".join(map(str, self.catalogue[name])).encode())
        for file in sorted(SIMULATOR.rglob("*.py")):
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def drive(self, driver: Driver) -> EpisodeTable:
        """Every scenario, driven once."""
        return drive_each(self.scenarios.arrays, self.picks, self.environment, driver)


def test_scenarios(scenarios: ScenarioSet, limit: int | None) -> tuple[str, NDArray[np.int64]]:
    """The held-out scenarios, and the split they are from.

    Raises:
        DataError: the set holds nothing out, so a result on it would not mean anything.
    """
    for split in ("test", "val"):
        picks = scenarios.picks(split)
        if len(picks):
            return split, picks[:limit]
    raise DataError(
        "The set holds out neither `test` nor `val` scenarios; a policy is judged on scenarios "
        "it was not trained on. Convert more than one recording: `/train help data`."
    )


def main(arguments: Sequence[str]) -> int:
    """The command line; the exit code is the error's own."""
    parser = argparse.ArgumentParser(prog="python -m trainers.evaluate", description=__doc__)
    driver = parser.add_mutually_exclusive_group(required=True)
    driver.add_argument("--checkpoint", type=Path, help="`best.pt` of a run")
    baselines = (*BASELINES, EVERY_BASELINE)
    driver.add_argument("--baseline", choices=baselines, help="drivers to judge without a run")
    parser.add_argument("--name", help="how the run is called in the table")
    parser.add_argument("--data", type=Path, help="another scenario set than the run's own")
    parser.add_argument("--scenarios", type=int, help="drive at most that many")
    asked = parser.parse_args(arguments)
    try:
        result = _evaluated(asked)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stdout.write(json.dumps(result.as_json()) + "\n")
    return 0


def _evaluated(asked: argparse.Namespace) -> Evaluation:
    if asked.baseline is not None:
        return evaluate_baseline(asked.baseline, asked.data, asked.scenarios)
    name = asked.name or asked.checkpoint.parent.name
    return evaluate(name, asked.checkpoint, asked.data, asked.scenarios)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
