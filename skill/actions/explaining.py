"""What can be typed, and what is wrong with a home or with a run's learning."""

from skill.grammar import Diagnose, Doctor, Help
from skill.report import Report
from skill.room import Room


def explain(command: Doctor | Help | Diagnose, room: Room) -> Report:
    """Say what can be typed, or what is wrong."""
    match command:
        case Doctor():
            return examine_home(command, room)
        case Help():
            return show_help(command)
        case Diagnose():
            from skill.actions.diagnosing import diagnose

            return diagnose(command, room)


def examine_home(command: Doctor, room: Room) -> Report:
    """What is wrong with the machine and the home, after repairs where they are wanted."""
    from drivetrain.doctor.examine import examine
    from skill.doctor_page import doctor_report

    return doctor_report(examine(room.home, fix=command.fix))


def show_help(command: Help) -> Report:
    """All verbs, or one."""
    # The help of a start verb loads Pydantic; a status need not wait for that.
    from skill.help import help_report

    return help_report(command.topic)
