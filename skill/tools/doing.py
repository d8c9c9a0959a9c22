"""What each call does, once it may: the same as its words behind `/train`."""

import io
from pathlib import Path
from typing import Final

from drivetrain.runs.asker import Asker
from skill.actions import act
from skill.command import parse
from skill.report import Report
from skill.room import Room
from skill.tools.acting import EvalCall, ProposeCall
from skill.tools.answers import answered
from skill.tools.calls import call_text
from skill.tools.catalog import Tool
from skill.tools.contract import Contract, words_of
from skill.tools.looking import CompareCall, DataCall, StatusCall

ANSWERS_WITHIN_S: Final = 45.0
"""How long a call waits for what is found in the background."""


def report_of(tool: Tool, asked: Contract, home: Path, asked_by: Asker | None = None) -> Report:
    """Do it.

    asked_by: who starts, stops or resumes a run by this; what only looks needs nobody.

    Raises:
        UserError: it cannot be done; the message says what can.
    """
    match asked:
        case ProposeCall():
            from skill.tools.proposal import propose

            return propose(asked, home)
        case DataCall():
            return _data(tool, asked, home)
        case EvalCall() | CompareCall():
            return _found(tool, asked, home)
        case StatusCall(run=None, detail="detailed"):
            return _with_checks(_said(tool, asked, Room(home, io.StringIO())), home)
        case _:
            return _said(tool, asked, Room(home, io.StringIO(), asked_by))


def _said(tool: Tool, asked: Contract, room: Room) -> Report:
    """What the same words in a chat are answered with."""
    command = parse([*words_of(tool.verb, asked), "--json"])
    return act(command, room)


def _data(tool: Tool, asked: DataCall, home: Path) -> Report:
    if asked.folder is not None:
        return _found(tool, asked, home)
    from skill.tools.sets import list_sets

    return list_sets(Path.cwd(), home)


def _found(tool: Tool, asked: Contract, home: Path) -> Report:
    """What a process in the background finds, or that it is still at it."""
    words = words_of(tool.verb, asked)
    # What cannot be asked is refused here and now.
    parse(words)
    found = answered(home, words, ANSWERS_WITHIN_S)
    if found is not None:
        return found
    again = call_text(tool.name, asked.model_dump(exclude_unset=True, mode="json"))
    return Report(f"Still at it, in the background. Ask again for the answer: `{again}`.")


def _with_checks(status: Report, home: Path) -> Report:
    """The status with what is wrong with the home."""
    from drivetrain.doctor.examine import HOME_CHECKS, examine
    from skill.doctor_page import doctor_report

    checks = doctor_report(examine(home, HOME_CHECKS, fix=False))
    both = f"{status.markdown}\n\n{checks.markdown}"
    return Report(both, {**status.facts, "doctor": checks.facts})
