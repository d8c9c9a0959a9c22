"""How a policy drives, drawn: a child simulates and draws it."""

import json
from pathlib import Path

from drivetrain.runs.evaluated import read_evaluation
from drivetrain.runs.folder import RunFolder
from skill.actions.judging import driver_words
from skill.children import run_child
from skill.grammar import Replay
from skill.replay_page import replay_report
from skill.report import Report
from skill.room import Room


def replay(command: Replay, room: Room) -> Report:
    """Draw scenarios as a run's best checkpoint, or a baseline, drives them."""
    folder = Path(command.out or room.home / "replays" / command.driver).absolute()
    words = driver_words(command.driver, "best", room, "replay")
    scenarios = command.scenarios or _known_worst(command, words, room)
    # Joined: a name that begins with a dash must not become an option of the child.
    words += [f"--out={folder}", "--worst", str(command.worst)]
    words += [] if command.data is None else [f"--data={command.data}"]
    words += [f"--scenario={name}" for name in scenarios]
    said = run_child("trainers.replay", words)
    if said.exit_code:
        return Report("", exit_code=said.exit_code)
    return replay_report(command.driver, json.loads(said.text.splitlines()[-1]))


def _known_worst(command: Replay, driver: list[str], room: Room) -> tuple[str, ...]:
    """The worst that the run's evaluation names; empty where they must be found by driving."""
    if command.data is not None or driver[0] == "--baseline":
        return ()
    evaluation = read_evaluation(RunFolder(room.home, command.driver)) or {}
    worst = evaluation.get("worst")
    known = [str(name) for name in worst] if isinstance(worst, list) else []
    return tuple(known[: command.worst]) if len(known) >= command.worst else ()
