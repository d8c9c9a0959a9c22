"""The verbs on scenario sets: a child reads and writes them, since that takes NumPy."""

import json

from skill.children import run_child
from skill.grammar import DataConvert, DataGenerate, DataInfo
from skill.report import Report


def act_on_data(command: DataConvert | DataInfo | DataGenerate) -> Report:
    """Make or describe a scenario set."""
    match command:
        case DataConvert():
            return convert_data(command)
        case DataInfo():
            return describe_data(command)
        case DataGenerate():
            return generate_data(command)


def convert_data(command: DataConvert) -> Report:
    """Make a scenario set of recorded files."""
    words = ["convert", command.format, *command.sources, f"--out={command.out}"]
    return _make_set(words, command.out, as_json=command.as_json)


def generate_data(command: DataGenerate) -> Report:
    """Make a scenario set of generated traffic."""
    words = ["generate", f"--out={command.out}"]
    words += [] if command.count is None else ["--count", str(command.count)]
    words += [] if command.seed is None else ["--seed", str(command.seed)]
    return _make_set(words, command.out, as_json=command.as_json)


def describe_data(command: DataInfo) -> Report:
    """What a scenario set holds."""
    return _told_by_data(["info", command.folder], as_json=command.as_json)


def _make_set(words: list[str], out: str, *, as_json: bool) -> Report:
    made = _told_by_data(words, as_json=False)
    return made if made.exit_code or not as_json else describe_data(DataInfo(out, as_json=True))


def _told_by_data(words: list[str], *, as_json: bool) -> Report:
    said = run_child("drivetrain.data", [*words, "--json"] if as_json else words)
    if said.exit_code:
        return Report("", exit_code=said.exit_code)
    if as_json:
        return Report("", json.loads(said.text))
    return Report(said.text.rstrip())
