"""A run's policy as a file for other programs: a child writes and compares it."""

import json
from pathlib import Path

from skill.actions.judging import checkpoint_words
from skill.children import run_child
from skill.export_page import export_report
from skill.grammar import Export
from skill.report import Report
from skill.room import Room


def export(command: Export, room: Room) -> Report:
    """Write the policy as ONNX."""
    out = Path(command.out or room.home / "exports" / f"{command.run}.onnx").absolute()
    words = checkpoint_words(command.run, command.checkpoint, room)
    # Joined: a name that begins with a dash must not become an option of the child.
    said = run_child("trainers.export", [*words, f"--out={out}"])
    if said.exit_code:
        return Report("", exit_code=said.exit_code)
    return export_report(json.loads(said.text.splitlines()[-1]))
