"""What a run printed; the first line comes at once, whatever else there is to load."""

import json
from collections.abc import Iterator

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.logs import follow, tail
from drivetrain.text import plain
from skill.grammar import Logs
from skill.report import Report
from skill.room import Room
from skill.table import log_block


def show_logs(command: Logs, room: Room) -> Report:
    """The last lines of a run's log, and with `--follow` all that come."""
    folder = RunFolder(room.home, command.run)
    if not folder.request.is_file():
        return _with_state(command, room, [])  # which says what is wrong
    if command.follow:
        coming = follow(folder, command.tail, command.grep)
        return Report("", stream=_as_they_come(coming, command))
    newest = list(tail(folder, command.tail + command.skip, command.grep))
    lines = [plain(line) for line in newest[: max(0, len(newest) - command.skip)]]
    # Finding out how a run stands takes longer than finding its last lines.
    if lines and not command.as_json:
        return Report(log_block(command.run, lines))
    return _with_state(command, room, lines)


def _with_state(command: Logs, room: Room, lines: list[str]) -> Report:
    from drivetrain.runs.registry import find_run
    from skill.log_page import logs_report

    return logs_report(find_run(room.home, command.run), lines, command.grep)


def _as_they_come(lines: Iterator[str], command: Logs) -> Iterator[str]:
    for line in lines:
        text = plain(line)
        yield json.dumps({"run": command.run, "line": text}) if command.as_json else text
