"""What a run printed."""

import json
from collections.abc import Iterator

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.logs import follow, tail
from drivetrain.runs.look import Run, look_at
from drivetrain.text import plain
from skill.grammar import Logs
from skill.log_page import logs_report
from skill.report import Report
from skill.room import Room


def show_logs(command: Logs, room: Room) -> Report:
    """The last lines of a run's log, and with `--follow` all that come."""
    run = _found(command, room)
    if command.follow:
        lines = follow(run.folder, command.tail, command.grep)
        return Report("", stream=_as_they_come(lines, command))
    found = tail(run.folder, command.tail, command.grep)
    return logs_report(run, [plain(line) for line in found], command.grep)


def _found(command: Logs, room: Room) -> Run:
    """The run of that name, mostly without the index: it would double the time to a line."""
    run = look_at(RunFolder(room.home, command.run))
    if run is not None:
        return run
    from drivetrain.runs.registry import find_run

    return find_run(room.home, command.run)


def _as_they_come(lines: Iterator[str], command: Logs) -> Iterator[str]:
    for line in lines:
        text = plain(line)
        yield json.dumps({"run": command.run, "line": text}) if command.as_json else text
