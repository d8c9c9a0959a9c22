"""Runs as their folders hold them, without a process, and what MLflow shows of them."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drivetrain.runs.atomic import replace_json
from drivetrain.runs.events import append_line
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.record import Verdict
from drivetrain.tracking.store import open_store

CREATED = 1_700_000_000.5


def written_run(home: Path, run_id: str = "r1") -> RunFolder:
    """A run that has begun its first attempt."""
    folder = RunFolder(home, run_id)
    folder.attempt(1).path.mkdir(parents=True)
    request = {"seed": 3, "data": None, "ppo": {"gamma": 0.98}, "policy": {"hidden": [64, 64]}}
    facts = {"algorithm": "PPO", "digest": "d1", "created": CREATED, "command": ["train"]}
    replace_json(folder.request, {"v": 1, **facts, "request": request})
    replace_json(folder.source, {"v": 1, "commit": "c0ffee"})
    return folder


def tell(folder: RunFolder, step: int, event: str = "metrics", **facts: object) -> None:
    """Write a line of events, as a trainer does."""
    head = {"t": CREATED + step, "attempt": 1, "step": step, "event": event}
    append_line(folder, {**head, **facts})


def end(folder: RunFolder, verdict: Verdict, attempt: int = 1) -> None:
    """Write how an attempt ended."""
    replace_json(folder.attempt(attempt).exit, {"v": 1, "by": "supervisor", **asdict(verdict)})


def ledger_of(folder: RunFolder) -> Mapping[str, Any]:
    """What `mlflow.json` holds."""
    facts: Mapping[str, Any] = json.loads(folder.tracking.read_bytes())
    return facts


def shown(folder: RunFolder) -> Any:
    """The run as MLflow shows it: the only one of its name."""
    store = open_store(folder.home)
    [run] = store.client.search_runs([store.experiment_id], f"tags.run = '{folder.id}'")
    return run


def curve(folder: RunFolder, name: str) -> list[tuple[int, float]]:
    """Steps and values of a curve that MLflow shows, in the order of their steps."""
    history = open_store(folder.home).client.get_metric_history(shown(folder).info.run_id, name)
    return sorted((point.step, point.value) for point in history)
