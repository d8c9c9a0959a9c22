"""How well a policy drives, in numbers or drawn: a child simulates it."""

import json
from pathlib import Path

from drivetrain.errors import NotFoundError
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import Run
from drivetrain.runs.record import Ended
from drivetrain.runs.registry import find_run
from drivetrain.text import nearest, quote
from skill.children import run_child
from skill.evaluation_page import evaluation_report
from skill.grammar import (
    BASELINE_NAMES,
    BASELINES,
    EVERY_BASELINE,
    Checkpoint,
    Compare,
    Eval,
    Export,
    Replay,
)
from skill.report import Report
from skill.room import Room


def act_on_driver(command: Eval | Replay | Export | Compare, room: Room) -> Report:
    """Judge a driver, draw how it drives, hand it on, or compare several."""
    match command:
        case Eval():
            return evaluate(command, room)
        case Replay():
            from skill.actions.replaying import replay

            return replay(command, room)
        case Export():
            from skill.actions.exporting import export

            return export(command, room)
        case Compare():
            from skill.actions.comparing import compare

            return compare(command, room)


def evaluate(command: Eval, room: Room) -> Report:
    """Drive held-out scenarios with a run's checkpoint, beside the baselines."""
    driver = command.driver
    if driver == EVERY_BASELINE and not _is_run(driver, room):
        words = ["--baseline", driver]
    else:
        words = driver_words(driver, command.checkpoint, room)
    said = run_child("trainers.evaluate", [*words, *_evaluated(command)])
    if said.exit_code:
        return Report("", exit_code=said.exit_code)
    return evaluation_report(json.loads(said.text.splitlines()[-1]))


def driver_words(
    driver: str, checkpoint: Checkpoint, room: Room, verb: str = "eval"
) -> list[str]:
    """The words that tell a child who drives.

    verb: what was typed, for the command that a typo is answered with.

    Raises:
        NotFoundError: there is no such run, or it has no checkpoint yet.
    """
    if not _is_run(driver, room):
        if driver in BASELINES:
            return ["--baseline", driver]
        known = (*BASELINES, EVERY_BASELINE) if verb == "eval" else BASELINES
        meant = nearest(driver.replace("-", "_"), known, cutoff=0.6)
        if meant:
            raise NotFoundError(
                f"There is neither a run nor a baseline {quote(driver)}; baselines are "
                f"{BASELINE_NAMES}. Try `/train {verb} {meant}`."
            )
    return checkpoint_words(driver, checkpoint, room)


def checkpoint_words(run_id: str, checkpoint: Checkpoint, room: Room) -> list[str]:
    """The words that tell a child which policy of a run is meant.

    Raises:
        NotFoundError: there is no such run, or it has no checkpoint yet.
    """
    run = find_run(room.home, run_id)
    return ["--checkpoint", str(checkpoint_of(run, checkpoint)), "--name", run.id]


def checkpoint_of(run: Run, checkpoint: Checkpoint) -> Path:
    """The file of a run's policy.

    Raises:
        NotFoundError: there is none yet.
    """
    best, last = run.folder.best_checkpoint, run.folder.last_checkpoint
    file = best if checkpoint == "best" else last
    if not file.is_file():
        comes = "it comes with the first evaluation or save"
        why = "it left none, or it was deleted" if isinstance(run.state, Ended) else comes
        raise NotFoundError(
            f"Run `{run.id}` has no `{file.name}`; {why}. Try `/train status {run.id}`."
        )
    return file


def _is_run(driver: str, room: Room) -> bool:
    # A run may have a baseline's name: then it is the one that is meant.
    return RunFolder(room.home, driver).path.exists()


def _evaluated(command: Eval) -> list[str]:
    # Joined: a name that begins with a dash must not become an option of the child.
    words = [] if command.data is None else [f"--data={command.data}"]
    return words + (
        [] if command.scenarios is None else ["--scenarios", str(command.scenarios)]
    )
