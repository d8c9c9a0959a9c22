"""The verbs on scenario sets: a child reads and writes them, since that takes NumPy."""

import json

from skill.children import run_child
from skill.grammar import DataConvert, DataDemos, DataGenerate, DataInfo, DataJoin
from skill.report import Report

LEFT_OUT = 5
"""How the child ends that made a set and had to leave out files it failed on."""


def act_on_data(
    command: DataConvert | DataJoin | DataInfo | DataGenerate | DataDemos,
) -> Report:
    """Make or describe a scenario set."""
    match command:
        case DataConvert():
            return convert_data(command)
        case DataJoin():
            words = ["join", f"--out={command.out}", "--", *command.folders]
            return _make_set(words, command.out, as_json=command.as_json)
        case DataInfo():
            return describe_data(command)
        case DataGenerate():
            return generate_data(command)
        case DataDemos():
            return demonstrate(command)


def convert_data(command: DataConvert) -> Report:
    """Make a scenario set of recorded files."""
    given = {
        "--out": command.out,
        "--maps": command.maps,
        "--types": ",".join(command.types) or None,
        "--per-type": command.per_type,
        "--workers": command.workers,
    }
    options = [f"{flag}={value}" for flag, value in given.items() if value is not None]
    # Behind `--` no source can be taken for an option.
    words = ["convert", *options, "--", command.format, *command.sources]
    return _make_set(words, command.out, as_json=command.as_json)


def generate_data(command: DataGenerate) -> Report:
    """Make a scenario set of generated traffic."""
    words = ["generate", f"--out={command.out}"]
    words += [] if command.count is None else ["--count", str(command.count)]
    words += [] if command.seed is None else ["--seed", str(command.seed)]
    return _make_set(words, command.out, as_json=command.as_json)


def demonstrate(command: DataDemos) -> Report:
    """Let a driver drive a scenario set, for others to learn from."""
    given = {
        "--driver": command.driver,
        "--out": command.out,
        "--set": command.scenarios,
        "--scenarios": command.most,
        "--noise": command.noise,
        "--seed": command.seed,
    }
    words = [f"{flag}={value}" for flag, value in given.items() if value is not None]
    return _make_set(["demos", *words], command.out, as_json=command.as_json)


def describe_data(command: DataInfo) -> Report:
    """What a scenario set holds."""
    options = [] if command.sheet is None else [f"--sheet={command.sheet}"]
    return _told_by_data(["info", *options], command.folder, as_json=command.as_json)


def _make_set(words: list[str], out: str, *, as_json: bool) -> Report:
    said = run_child("drivetrain.data", words)
    if said.exit_code not in (0, LEFT_OUT):
        return Report("", exit_code=said.exit_code)
    facts = {}
    if as_json:
        facts = describe_data(DataInfo(out, as_json=True)).facts
    return Report(said.text.rstrip(), facts, exit_code=said.exit_code)


def _told_by_data(words: list[str], folder: str, *, as_json: bool) -> Report:
    options = ["--json"] if as_json else []
    said = run_child("drivetrain.data", [*words, *options, "--", folder])
    if said.exit_code:
        return Report("", exit_code=said.exit_code)
    return Report("", json.loads(said.text)) if as_json else Report(said.text.rstrip())
