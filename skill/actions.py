"""One function per verb: Command → Report."""

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from drivetrain.clock import SYSTEM
from drivetrain.machine import read_machine
from drivetrain.runs import registry
from drivetrain.runs.atomic import read_json
from drivetrain.runs.look import read_request
from skill.grammar import Command, Help, Status
from skill.report import Report, fresh_sample, status_report
from skill.run_page import Page, run_report


@dataclass(frozen=True, slots=True)
class Room:
    """Where a command acts.  home: of the runs.  notify: for progress and notes, never data."""

    home: Path
    notify: TextIO


def act(command: Command, room: Room) -> Report:
    """Do what the command says.

    Raises:
        UserError: it cannot be done; the message says what can.
    """
    match command:
        case Status():
            return show_status(command, room)
        case Help(topic=topic):
            # The help of a start verb loads Pydantic; a status need not wait for that.
            from skill.help import help_report

            return help_report(topic)
        case _:
            raise NotImplementedError(command)


def show_status(command: Status, room: Room) -> Report:
    """All runs and the machine, or the page of one run."""
    now = SYSTEM.wall()
    if command.run is None:
        overview = registry.overview(room.home)
        machine = read_machine(fresh_sample(overview.active, now))
        return status_report(overview, machine, room.home, now)
    run = registry.find_run(room.home, command.run)
    evaluation = read_json(run.folder.path / "evaluation.json")
    return run_report(Page(run, read_request(run.folder), evaluation, now))
