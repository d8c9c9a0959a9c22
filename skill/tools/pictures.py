"""Pictures beside a report: how a run learned, and where a policy drove worst."""

import hashlib
import json
import time
from pathlib import Path
from typing import Final

from drivetrain.errors import RequestError
from drivetrain.runs.registry import newest
from drivetrain.text import quote
from skill.grammar import EVERY_BASELINE
from skill.report import Report
from skill.tools.acting import EvalCall
from skill.tools.answers import UnansweredError, answered
from skill.tools.calls import call_text
from skill.tools.catalog import Tool
from skill.tools.contract import Contract
from skill.tools.doing import ANSWERS_WITHIN_S, report_of
from skill.tools.looking import StatusCall

MOST_DRIVES: Final = 4
"""Drives on one sheet: it is looked at whole."""
Pictured = tuple[Report, tuple[str, ...]]
"""A report and the files of its pictures."""


def pictured(tool: Tool, asked: Contract, home: Path) -> Pictured:
    """Do what a call asks for, and draw it.

    Raises:
        UserError: it cannot be done; the message says what can.
    """
    match asked:
        case StatusCall(run=None):
            raise _without_run(home)
        case StatusCall(run=str(run_id)):
            from skill.tools.curve import learning_curve

            report = report_of(tool, asked, home)
            return report, (str(learning_curve(home, run_id)),)
        case EvalCall():
            return _evaluated(tool, asked, home)
        case _:
            return report_of(tool, asked, home), ()


def _evaluated(tool: Tool, asked: EvalCall, home: Path) -> Pictured:
    if asked.checkpoint != "best":
        raise RequestError(
            "`picture` is drawn of the policy that drove best, and `checkpoint` is "
            f"{quote(asked.checkpoint)}. Try "
            f"`{call_text(tool.name, {'driver': asked.driver, 'picture': True})}`."
        )
    began_at = time.monotonic()
    report = report_of(tool, asked, home)
    named = report.facts.get("worst")
    worst = [str(name) for name in named][:MOST_DRIVES] if isinstance(named, list) else []
    if asked.driver == EVERY_BASELINE or not worst:
        return report, ()
    left_s = ANSWERS_WITHIN_S - (time.monotonic() - began_at)
    try:
        drawn = answered(home, _replay_words(asked, worst, home), max(0.0, left_s))
    except UnansweredError as error:
        return _noted(report, f"There is no picture: {error}"), ()
    if drawn is None:
        return _noted(report, "The picture is being drawn: the same call again has it."), ()
    sheet = Path(str(drawn.facts.get("sheet")))
    if not sheet.is_file():
        return _noted(report, f"The picture {quote(str(sheet), 200)} was deleted."), ()
    return _noted(report, "The picture shows how the worst of them ended."), (str(sheet),)


def _replay_words(asked: EvalCall, worst: list[str], home: Path) -> list[str]:
    """The words behind `/train` that draw these scenarios, each question in its own folder."""
    data = [] if asked.data is None else [f"--data={asked.data}"]
    words = [asked.driver, *data, *(f"--scenario={name}" for name in worst)]
    digest = hashlib.sha256(json.dumps(words).encode()).hexdigest()[:8]
    folder = home / "pictures" / f"{asked.driver}_worst_{digest}"
    return ["replay", *words, f"--out={folder}"]


def _noted(report: Report, note: str) -> Report:
    return Report(f"{note}\n\n{report.markdown}", report.facts, report.exit_code)


def _without_run(home: Path) -> RequestError:
    run = newest(home)
    again = call_text("train_status", {"run": run.id if run else "ppo_v1", "picture": True})
    return RequestError(f"`picture` shows how one run learned and needs `run`. Try `{again}`.")
