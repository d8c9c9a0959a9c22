"""How all runs stand, and the machine."""

from drivetrain.clock import SYSTEM
from drivetrain.machine import read_machine
from drivetrain.runs.registry import find_run
from skill.actions.queue import moved_on
from skill.grammar import Status
from skill.report import Report
from skill.room import Room
from skill.status_page import Scene, fresh_sample, status_report


def show_status(command: Status, room: Room) -> Report:
    """All runs and the machine, or the page of one run."""
    if command.run is not None:
        from skill.actions.page import page_of

        return page_of(find_run(room.home, command.run))
    overview, queue = moved_on(room.home)
    now = SYSTEM.wall()
    machine = read_machine(fresh_sample(overview.active, now))
    return status_report(Scene(overview, queue, machine, room.home, now))
