"""How well a policy drives, in numbers or drawn: a child simulates it."""

import json

from drivetrain.errors import NotFoundError
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.record import Ended
from drivetrain.runs.registry import find_run
from skill.children import run_child
from skill.grammar import BASELINES, Checkpoint, Eval, Replay
from skill.report import Report
from skill.room import Room
from skill.run_page import evaluation_report


def act_on_driver(command: Eval | Replay, room: Room) -> Report:
    """Judge a driver, or draw how it drives."""
    match command:
        case Eval():
            return evaluate(command, room)
        case Replay():
            from skill.actions.replaying import replay

            return replay(command, room)


def evaluate(command: Eval, room: Room) -> Report:
    """Drive held-out scenarios with a run's checkpoint, beside the baselines."""
    said = run_child(
        "trainers.evaluate",
        [*driver_words(command.driver, command.checkpoint, room), *_evaluated(command)],
    )
    if said.exit_code:
        return Report("", exit_code=said.exit_code)
    return evaluation_report(json.loads(said.text.splitlines()[-1]))


def driver_words(driver: str, checkpoint: Checkpoint, room: Room) -> list[str]:
    """The words that tell a child who drives.

    Raises:
        NotFoundError: there is no such run, or it has no checkpoint yet.
    """
    # A run may have a baseline's name: then it is the one that is meant.
    is_run = RunFolder(room.home, driver).path.exists()
    if driver in BASELINES and not is_run:
        return ["--baseline", driver]
    run = find_run(room.home, driver)
    best, last = run.folder.best_checkpoint, run.folder.last_checkpoint
    file = best if checkpoint == "best" else last
    if not file.is_file():
        comes = "it comes with the first evaluation or save"
        why = "it left none, or it was deleted" if isinstance(run.state, Ended) else comes
        raise NotFoundError(
            f"Run `{run.id}` has no `{file.name}`; {why}. Try `/train status {run.id}`."
        )
    return ["--checkpoint", str(file), "--name", run.id]


def _evaluated(command: Eval) -> list[str]:
    # Joined: a name that begins with a dash must not become an option of the child.
    words = [] if command.data is None else [f"--data={command.data}"]
    return words + (
        [] if command.scenarios is None else ["--scenarios", str(command.scenarios)]
    )
