"""How well a policy drives: a child simulates it."""

import json

from drivetrain.errors import NotFoundError
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.record import Ended
from drivetrain.runs.registry import find_run
from skill.children import run_child
from skill.grammar import BASELINES, Eval
from skill.report import Report
from skill.room import Room
from skill.run_page import evaluation_report


def evaluate(command: Eval, room: Room) -> Report:
    """Drive held-out scenarios with a run's checkpoint, beside the baselines."""
    said = run_child("trainers.evaluate", [*_driver(command, room), *_evaluated(command)])
    if said.exit_code:
        return Report("", exit_code=said.exit_code)
    return evaluation_report(json.loads(said.text.splitlines()[-1]))


def _driver(command: Eval, room: Room) -> list[str]:
    """The words that tell the child who drives.

    Raises:
        NotFoundError: there is no such run, or it has no checkpoint yet.
    """
    # A run may have a baseline's name: then it is the one that is meant.
    is_run = RunFolder(room.home, command.driver).path.exists()
    if command.driver in BASELINES and not is_run:
        return ["--baseline", command.driver]
    run = find_run(room.home, command.driver)
    best, last = run.folder.best_checkpoint, run.folder.last_checkpoint
    checkpoint = best if command.checkpoint == "best" else last
    if not checkpoint.is_file():
        comes = "it comes with the first evaluation or save"
        why = "it left none, or it was deleted" if isinstance(run.state, Ended) else comes
        raise NotFoundError(
            f"Run `{run.id}` has no `{checkpoint.name}`; {why}. Try `/train status {run.id}`."
        )
    return ["--checkpoint", str(checkpoint), "--name", run.id]


def _evaluated(command: Eval) -> list[str]:
    # Joined: a name that begins with a dash must not become an option of the child.
    words = [] if command.data is None else [f"--data={command.data}"]
    return words + (
        [] if command.scenarios is None else ["--scenarios", str(command.scenarios)]
    )
