"""What a call would let a run take on a GPU, before it is done."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from drivetrain.errors import UserError
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.hours import HOUR_S, max_hours, spent_s
from drivetrain.runs.look import look_at, read_request
from drivetrain.runs.record import Ended, Queued
from skill.command import parse
from skill.grammar import Start
from skill.tools.acting import ResumeCall
from skill.tools.calls import call_text
from skill.tools.catalog import Tool
from skill.tools.contract import words_of
from skill.tools.refusals import read_call
from skill.tools.starting import StartCall
from trainers.configs import resolve
from trainers.launch import plan_of

BOUND: Final = "max_hours"
IN_A_CONFIG: Final = f"schedule.{BOUND}"


@dataclass(frozen=True, slots=True)
class Need:
    """A start or a resume of a run that could use a GPU.

    run: its id, None where it has none yet.  bound: hours that all its attempts may take,
    None for any number.  spent: hours that those so far took.
    """

    tool: str
    arguments: Mapping[str, Any]
    run: str | None
    bound: float | None
    spent: float = 0.0

    @property
    def hours(self) -> float | None:
        """What it may take from now on, None for any number."""
        return None if self.bound is None else self.bound - self.spent

    def within(self, hours: float) -> str:
        """The same call with a bound that leaves it so many hours."""
        kept = dict(self.arguments)
        if "set" in kept:  # a value may be given once
            kept["set"] = [text for text in kept["set"] if not text.startswith(IN_A_CONFIG)]
        # Downwards: the call must fit.
        return call_text(
            self.tool, kept | {BOUND: math.floor((self.spent + hours) * 100) / 100}
        )


def need_of(tool: Tool, arguments: Mapping[str, Any], home: Path) -> Need | None:
    """What the call needs of the GPU-hours; None for nothing, or where it cannot be done."""
    with suppress(UserError):  # the door says what is wrong with it
        match read_call(tool, arguments):
            case StartCall() as asked:
                return _of_start(tool, asked, arguments, home)
            case ResumeCall() as asked:
                return _of_resume(tool, asked, arguments, home)
            case _:
                pass
    return None


def _of_start(
    tool: Tool, asked: StartCall, arguments: Mapping[str, Any], home: Path
) -> Need | None:
    command = parse(words_of(tool.verb, asked))
    if not isinstance(command, Start) or command.dry_run:
        return None
    request = resolve(command.asked)
    is_taken = request.run_id is not None and RunFolder(home, request.run_id).path.exists()
    if is_taken or plan_of(request).gpu is None:
        return None
    return Need(tool.name, arguments, request.run_id, request.schedule.max_hours)


def _of_resume(
    tool: Tool, asked: ResumeCall, arguments: Mapping[str, Any], home: Path
) -> Need | None:
    folder = RunFolder(home, asked.run)
    request, run = read_request(folder), look_at(folder)
    if request is None or request.plan.gpu is None or run is None:
        return None
    if not isinstance(run.state, Ended | Queued):
        return None
    until = run.state.at if isinstance(run.state, Ended) else None
    bound = max_hours(folder) if asked.max_hours is None else asked.max_hours
    return Need(tool.name, arguments, asked.run, bound, spent_s(folder, until) / HOUR_S)
