"""Which of several drivers is better: a child drives those that are not known yet."""

import json
from typing import Any

from drivetrain.errors import NotFoundError
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import read_request
from drivetrain.runs.registry import find_run
from skill.actions.judging import checkpoint_of
from skill.children import run_child
from skill.compare_page import Compared, compare_report
from skill.grammar import BASELINES, Compare
from skill.report import Facts, Report
from skill.room import Room


def compare(command: Compare, room: Room) -> Report:
    """Runs and baselines on the same held-out scenarios.

    Raises:
        NotFoundError: there is no such run, or it has no checkpoint yet.
    """
    runs, baselines = [], list(command.baselines)
    for name in command.names:
        # A run may have a baseline's name: then it is the one that is meant.
        if name in BASELINES and not RunFolder(room.home, name).path.exists():
            baselines.append(name)
        else:
            runs.append(_asked(name, room))
    asked = {
        "runs": runs,
        "baselines": list(dict.fromkeys(baselines)),
        "data": command.data,
        "traffic": command.traffic,
    }
    said = run_child("trainers.compare", [json.dumps(asked)])
    if said.exit_code:
        return Report("", exit_code=said.exit_code)
    facts = json.loads(said.text.splitlines()[-1])
    return compare_report(Compared(facts, [run["request"] for run in runs]))


def _asked(name: str, room: Room) -> Facts:
    """What the child must know of a run."""
    run = find_run(room.home, name)
    asked = read_request(run.folder)
    if asked is None:
        raise NotFoundError(f"What run `{name}` was asked for is gone. Try `/train doctor`.")
    request: dict[str, Any] = {**asked.request, "run_id": name}
    return {
        "run": name,
        "request": request,
        "checkpoint": str(checkpoint_of(run, "best")),
        "evaluation": str(run.folder.evaluation),
    }
