"""From a request to a run that outlives whoever started it.

A run's folder is filled under a passing name and renamed: the kernel lets one starter of an
id win, and no half-written run ever has a name.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.errors import ConflictError, RequestError
from drivetrain.runs.asker import Asker, facts_of
from drivetrain.runs.atomic import replace_file, replace_json, sync_folder
from drivetrain.runs.folder import RunFolder, is_run_id, runs_folder
from drivetrain.runs.look import Run, look_at, read_request
from drivetrain.runs.plan import Plan
from drivetrain.runs.registry import note
from drivetrain.runs.schedule import schedule_step
from drivetrain.runs.source import describe_source


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What to run.  run_id: None for one made up.  digest: equal for equal requests.

    command: what trains; the run's folder is added as its last word.  plan: what the run
    needs, and when it may begin.  asked_by: None where nobody is known to have asked.
    """

    algorithm: str
    request_json: str
    digest: str
    config_yaml: str
    command: tuple[str, ...]
    run_id: str | None = None
    plan: Plan = field(default_factory=Plan)
    asked_by: Asker | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A run, and whether this very start made it."""

    run: Run
    created: bool


def start_run(home: Path, spec: RunSpec) -> Started:
    """The run of this request: a new one in the background, or the same one again.

    Raises:
        ConflictError: the id belongs to another request.
        RequestError: the id cannot name a run.
    """
    home = home.absolute()
    if spec.run_id is not None and not is_run_id(spec.run_id):
        raise RequestError(
            f"`{spec.run_id[:80]}` cannot name a run; an id has 1-64 letters, digits, `.`, `_`"
            " or `-` and begins with a letter or digit."
            f" Try `--run-id {spec.algorithm.lower()}_v1`."
        )
    folder = None if spec.run_id is None else RunFolder(home, spec.run_id)
    if folder is None or not folder.path.exists():
        folder, created = _reserve(home, spec)
    else:
        created = False
    if not created:
        _refuse_another_request(folder, spec)
    schedule_step(home, wait=True, run=folder.id)
    run = look_at(folder)
    if run is None:
        raise ConflictError(f"The folder of `{folder.id}` was taken away while it started.")
    return Started(run, created)


def _reserve(home: Path, spec: RunSpec) -> tuple[RunFolder, bool]:
    """The folder of the run, and whether it was made just now."""
    draft = _draft(home, spec)
    try:
        for run_id in _ids(home, spec):
            folder = RunFolder(home, run_id)
            if _take_name(draft, folder):
                _note(folder)
                return folder, True
            if spec.run_id is not None:
                return folder, False
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    raise AssertionError("ids do not run out")


def _draft(home: Path, spec: RunSpec) -> Path:
    """A whole run folder under a passing name."""
    draft = runs_folder(home) / f".new-{os.urandom(8).hex()}"
    draft.mkdir(parents=True)
    facts = {
        "v": 1,
        "algorithm": spec.algorithm,
        "digest": spec.digest,
        "created": SYSTEM.wall(),
        "asked_by": facts_of(spec.asked_by),
        "command": spec.command,
        "plan": spec.plan.as_facts(),
        "request": json.loads(spec.request_json),
    }
    try:
        replace_json(draft / "source.json", describe_source())
        replace_file(draft / "config.yaml", spec.config_yaml)
        replace_json(draft / "request.json", facts)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return draft


def _take_name(draft: Path, folder: RunFolder) -> bool:
    """Whether the name was free; the kernel lets one of many win."""
    try:
        draft.rename(folder.path)
    except OSError:
        if not folder.path.exists():
            raise
        return False
    sync_folder(folder.path.parent)
    return True


def _note(folder: RunFolder) -> None:
    """Tell the index of the new run, before its supervisor can tell of its end."""
    run = look_at(folder)
    if run is not None:
        note(folder.home, run)


def _ids(home: Path, spec: RunSpec) -> Iterator[str]:
    """The asked id, or `ppo_1`, `ppo_2`, ... from the first that nobody had yet."""
    if spec.run_id is not None:
        yield spec.run_id
        return
    stem = spec.algorithm.lower()
    pattern = re.compile(rf"{re.escape(stem)}_([0-9]{{1,9}})")
    matches = map(pattern.fullmatch, (entry.name for entry in os.scandir(runs_folder(home))))
    highest = max((int(match[1]) for match in matches if match), default=0)
    for number in count(highest + 1):
        yield f"{stem}_{number}"


def _refuse_another_request(folder: RunFolder, spec: RunSpec) -> None:
    """Nothing is ever overwritten."""
    asked = read_request(folder)
    if asked is not None and asked.digest == spec.digest:
        return
    holder = "holds no readable run" if asked is None else "belongs to another request"
    raise ConflictError(
        f"The run id `{folder.id}` is taken: it {holder}; only the same request under the same"
        f" id returns the same run. Try `--run-id {_free_id(folder)}`."
    )


def _free_id(folder: RunFolder) -> str:
    """An id like the taken one that nobody has."""
    numbered = (f"{folder.id[:58]}_{number}" for number in count(2))
    return next(name for name in numbered if not (runs_folder(folder.home) / name).exists())
