"""`mlflow.json` of a run: which MLflow run mirrors it, and how far."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from drivetrain.runs.atomic import read_json, swap_file
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.locks import held
from drivetrain.runs.record import How, Reason


@dataclass(frozen=True, slots=True)
class Closed:
    """The end that MLflow was told of."""

    attempt: int
    how: How
    reason: Reason


@dataclass(frozen=True, slots=True)
class Ledger:
    """What MLflow was told so far.  offset: bytes of `events.jsonl`."""

    run_id: str
    experiment_id: str
    uri: str
    offset: int = 0
    closed: Closed | None = None


@contextmanager
def held_ledger(folder: RunFolder) -> Iterator[None]:
    """Nobody else tells MLflow of this run for the time of a block."""
    with held(folder.tracking.with_suffix(".lock")):
        yield


def read_ledger(folder: RunFolder) -> Ledger | None:
    """The ledger, or None where there is none or it is damaged: MLflow is then asked again."""
    facts = read_json(folder.tracking) or {}
    facts.pop("v", None)
    try:
        closed = facts.pop("closed", None)
        return Ledger(**facts, closed=None if closed is None else Closed(**closed))
    except TypeError:
        return None


def write_ledger(folder: RunFolder, ledger: Ledger) -> None:
    """Replace it; one lost to a power cut costs a replay, which changes nothing."""
    facts: dict[str, Any] = {"v": 1, **asdict(ledger)}
    swap_file(folder.tracking, json.dumps(facts))
