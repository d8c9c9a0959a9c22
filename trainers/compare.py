"""Compares runs and baselines on the same held-out scenarios.

`python -m trainers.compare ASKED` prints one JSON object; ASKED is JSON: `runs` (each with
`run`, `request`, `checkpoint`, `evaluation`), `baselines`, `data` and `traffic`.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from drivetrain.errors import RequestError, UserError
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.metrics import EpisodeTable
from drivetrain.sim.planners import Driver
from drivetrain.sim.score.terms import METRICS
from drivetrain.text import quote, typed
from trainers import checkpoints
from trainers.baselines import BASELINES
from trainers.comparison import COMFORT, TOLD, Columns, Entry, Scenes, contrasts, standing
from trainers.evaluate import CONDITIONS, Course
from trainers.judgement import groups_of
from trainers.policy import PolicyDriver, restored_policy
from trainers.requests import request_of
from trainers.train_request import NO_MATTER, TrainRequest

BUILT_IN = "built-in"


class AskedRun(BaseModel):
    """A run to compare.  evaluation: its stored judgement, which may not be there."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    run: str
    request: dict[str, Any]
    checkpoint: Path
    evaluation: Path


class Asked(BaseModel):
    """What is to be compared, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    runs: tuple[AskedRun, ...]
    baselines: tuple[str, ...]
    data: Path | None
    traffic: str | None


@dataclass(frozen=True, slots=True)
class Contestant:
    """A run with its request as it is understood today."""

    asked: AskedRun
    request: TrainRequest

    @property
    def data(self) -> str:
        """The set that it would be judged on."""
        return BUILT_IN if self.request.course is None else str(self.request.course)


@dataclass(frozen=True, slots=True)
class Result:
    """How a run drove.  columns: [episodes].  is_stored: it was known from before."""

    columns: Columns
    step: int | None
    is_stored: bool


def compare(asked: Asked) -> dict[str, Any]:
    """Every driver on the same scenarios, by what is known of it or driven anew.

    Raises:
        UserError: they cannot be compared, or a checkpoint or the set cannot be used.
    """
    runs = [Contestant(one, request_of(one.request)) for one in asked.runs]
    check_alike(runs, asked)
    course = _course(runs, asked)
    results = {one.asked.run: _result(one, course) for one in runs}
    kinds = list(of_one_kind(runs))
    if len(kinds) + len(asked.baselines) < 2:
        # Seeds alone are compared: then it is they that were asked about.
        kinds = [[one] for one in runs]
    entries = [
        *(_entry(alike, results) for alike in kinds),
        *(_baseline(name, course) for name in asked.baselines),
    ]
    scenes = Scenes(groups_of(course.catalogue), course.catalogue["type"])
    return {
        "data": asdict(course.facts),
        **{name: getattr(course.environment, name) for name in CONDITIONS},
        "stored": [run for run, result in results.items() if result.is_stored],
        "drivers": [asdict(standing(entry, scenes)) for entry in entries],
        "comparisons": [asdict(one) for one in contrasts(entries, scenes)],
    }


def check_alike(runs: Sequence[Contestant], asked: Asked) -> None:
    """Refuse drivers that would not meet the same.

    Raises:
        RequestError: says what differs, and what to type.
    """
    names = " ".join(
        typed(name) for name in (*(one.asked.run for one in runs), *asked.baselines)
    )
    sets = {one.data: one.asked.run for one in runs}
    if asked.data is None and len(sets) > 1:
        told = ", ".join(f"`{run}` on {quote(name, 200)}" for name, run in sets.items())
        meant = next(name for name in sets if name != BUILT_IN)
        raise RequestError(
            f"The runs were trained on different data: {told}; drivers compare only on the "
            f"same scenarios. Try `/train compare {names} --data {typed(meant)}`."
        )
    for condition in CONDITIONS:
        if condition == "traffic" and asked.traffic is not None:
            continue
        ways = {getattr(_judged(one, asked), condition): one.asked.run for one in runs}
        if len(ways) > 1:
            told = ", ".join(f"`{run}` with {way}" for way, run in ways.items())
            first = next(iter(ways))
            cure = f"compare {names} --traffic {first}"
            cure = cure if condition == "traffic" else f"eval {typed(ways[first])}"
            raise RequestError(
                f"The runs are judged in different worlds, `environment.{condition}`: {told}; "
                f"drivers compare only in the same. Try `/train {cure}`."
            )


def of_one_kind(runs: Sequence[Contestant]) -> Iterator[list[Contestant]]:
    """The runs whose requests differ in the seed alone, together."""
    kinds: dict[str, list[Contestant]] = {}
    for one in runs:
        facts = one.request.model_dump(mode="json", exclude={"seed", *NO_MATTER})
        kinds.setdefault(json.dumps(facts, sort_keys=True), []).append(one)
    yield from kinds.values()


def _judged(run: Contestant, asked: Asked) -> EnvironmentSettings:
    changes = {} if asked.traffic is None else {"traffic": asked.traffic}
    return run.request.environment.model_copy(update=changes).for_judging()


def _course(runs: Sequence[Contestant], asked: Asked) -> Course:
    """The scenarios of all of them; how each sees and acts is its own matter."""
    changes = {} if asked.traffic is None else {"traffic": asked.traffic}
    plain = EnvironmentSettings().model_copy(update=changes).for_judging()
    environment = _judged(runs[0], asked) if runs else plain
    own = runs[0].request.course if runs else None
    return Course.of(asked.data or own, environment, None)


def _result(run: Contestant, course: Course) -> Result:
    """What is stored of a run, if that is of these scenarios and this policy; else a drive."""
    stored = _stored(run.asked, course)
    if stored is not None:
        return stored
    checkpoint = checkpoints.load(run.asked.checkpoint)
    own = run.request.environment
    changes = {name: getattr(course.environment, name) for name in CONDITIONS}
    seeing = replace(course, environment=own.model_copy(update=changes).for_judging())
    driver = PolicyDriver(restored_policy(checkpoint), own.actions)
    _tell(course, run.asked.run)
    return Result(_columns(seeing.drive(driver)), checkpoint.step, is_stored=False)


def _stored(run: AskedRun, course: Course) -> Result | None:
    try:
        if run.evaluation.stat().st_mtime < run.checkpoint.stat().st_mtime:
            return None  # The run went on since, and found a better policy.
        known = json.loads(run.evaluation.read_bytes())
        if (known["digest"], known["checkpoint"]) != (course.digest(), run.checkpoint.name):
            return None
        rows = known["scenarios"]
        if [row["id"] for row in rows] != course.catalogue["id"].tolist():
            return None
        columns = {name: np.array([_told(row, name) for row in rows]) for name in TOLD}
        return Result(columns, known["step"], is_stored=True)
    except (OSError, ValueError, KeyError, TypeError):
        # An older program's or a damaged one: the drive tells the same.
        return None


def _told(row: Mapping[str, Any], name: str) -> float:
    """A number of a stored scenario; NaN where its map did not tell it."""
    value = row["metrics"][name] if name == COMFORT else row[name]
    return float("nan") if value is None else float(value)


def _columns(table: EpisodeTable) -> Columns:
    comfort = table.metrics[:, METRICS.index(COMFORT)]
    plain = (name for name in TOLD if name != COMFORT)
    return {name: getattr(table, name).astype(np.float64) for name in plain} | {
        COMFORT: comfort
    }


def _entry(runs: Sequence[Contestant], results: Mapping[str, Result]) -> Entry:
    names = tuple(one.asked.run for one in runs)
    of_each = [results[name] for name in names]
    return Entry(
        name=", ".join(names),
        algorithm=str(runs[0].asked.request["algorithm"]),
        runs=names,
        seeds=tuple(one.request.seed for one in runs),
        steps=tuple(result.step for result in of_each),
        columns={name: np.stack([result.columns[name] for result in of_each]) for name in TOLD},
    )


def _baseline(name: str, course: Course) -> Entry:
    driver: Driver = BASELINES[name].make()
    _tell(course, BASELINES[name].title)
    columns = {key: column[None, :] for key, column in _columns(course.drive(driver)).items()}
    return Entry(BASELINES[name].title, None, (), (), (), columns)


def _tell(course: Course, name: str) -> None:
    sys.stderr.write(f"Driving {len(course.picks)} scenarios with {name}.\n")


def main(arguments: Sequence[str]) -> int:
    """The command line; the exit code is the error's own."""
    try:
        result = compare(Asked.model_validate_json(arguments[0]))
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
