"""Command → Report: one function per verb, a file for each kind of work.

A cold answer is mostly imports, so a verb loads what it needs and nothing of the others.
"""

from typing import assert_never

from skill.grammar import (
    Command,
    Compare,
    DataConvert,
    DataDemos,
    DataGenerate,
    DataInfo,
    DataJoin,
    Diagnose,
    Doctor,
    Eval,
    Export,
    Help,
    Install,
    Logs,
    Mcp,
    Replay,
    Resume,
    Start,
    Status,
    Stop,
    Wait,
    Watch,
)
from skill.report import Report
from skill.room import Room


def act(command: Command, room: Room) -> Report:  # noqa: C901, PLR0911, PLR0912 - a case per file
    """Do what the command says.

    Raises:
        UserError: it cannot be done; the message says what can.
    """
    match command:
        case Status():
            from skill.actions.status import show_status

            return show_status(command, room)
        case Wait() | Watch():
            from skill.actions.watching import attend

            return attend(command, room)
        case Logs():
            from skill.actions.logs import show_logs

            return show_logs(command, room)
        case Start() | Stop() | Resume():
            from skill.actions.runs import act_on_run

            return act_on_run(command, room)
        case Eval() | Replay() | Export() | Compare():
            from skill.actions.judging import act_on_driver

            return act_on_driver(command, room)
        case DataConvert() | DataJoin() | DataInfo() | DataGenerate() | DataDemos():
            from skill.actions.data import act_on_data

            return act_on_data(command)
        case Install():
            from skill.actions.installing import install

            return install(command)
        case Doctor() | Help() | Diagnose():
            from skill.actions.explaining import explain

            return explain(command, room)
        case Mcp():
            from skill.actions.serving import serve

            return serve(command, room)
        case _:
            assert_never(command)
