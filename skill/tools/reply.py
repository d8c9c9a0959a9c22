"""What a tool answers: the chat's Markdown and what to call next, within a budget of tokens."""

import json
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from drivetrain.text import plain
from skill.report import Report, finite
from skill.tools.calls import suggested_calls
from skill.tools.contract import Detail

CHARACTERS_PER_TOKEN: Final = 4
BUDGETS: Final = {"train_logs": 2000, "train_compare": 1500}
"""Tokens of a concise reply, where it is not the usual one."""
CONCISE, DETAILED = 600, 2500
MOST_RUNS = 20
MOST_CALLS = 5
FEWER: Final = "ask for one run, or for fewer"
LONGEST_FACT = 500
_ROOM_FOR_REST = 400
"""Characters that are kept for what stands beside the report."""


class Reply(BaseModel):
    """What a tool answers."""

    model_config = ConfigDict(frozen=True)
    report: str
    run_ids: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    truncated: bool = False
    facts: dict[str, Any] | None = None
    images: tuple[str, ...] = ()


def reply_of(tool: str, report: Report, detail: Detail, more: str = FEWER) -> Reply:
    """The report as a reply that no context is flooded by.

    more: how to see what is cut off.
    """
    tokens = DETAILED if detail == "detailed" else BUDGETS.get(tool, CONCISE)
    left = tokens * CHARACTERS_PER_TOKEN - _ROOM_FOR_REST
    text, is_cut = bounded(report.markdown, left, more)
    facts = _shown(finite(report.facts)) if detail == "detailed" else None
    if facts is not None and len(json.dumps(facts)) > left - len(text):
        facts, is_cut = None, True
    return Reply(
        report=text,
        run_ids=_run_ids(report.facts),
        next=suggested_calls(text)[:MOST_CALLS],
        truncated=is_cut,
        facts=facts if isinstance(facts, dict) else None,
    )


def _shown(facts: object) -> object:
    """Facts whose texts are as plain as those of a page: a model reads both."""
    if isinstance(facts, dict):
        return {plain(str(name)): _shown(value) for name, value in facts.items()}
    if isinstance(facts, list):
        return [_shown(value) for value in facts]
    return plain(facts, LONGEST_FACT) if isinstance(facts, str) else facts


def bounded(text: str, most: int, more: str = FEWER) -> tuple[str, bool]:
    """The text in `most` characters, by whole lines, and whether any are missing.

    more: how to see those; stands behind the number of them.

    A block that was open where it is cut is closed, so that what follows is not read as code.
    """
    if len(text) <= most:
        return text, False
    kept: list[str] = []
    lines = text.splitlines()
    room = most - len(more) - 40
    for line in lines:
        if len(line) + 1 > room:
            break
        kept.append(line)
        room -= len(line) + 1
    is_open = sum(line.startswith("```") for line in kept) % 2 == 1
    ending = ["```"] if is_open else []
    rest = f"… {len(lines) - len(kept)} more lines; {more}."
    return "\n".join([*kept, *ending, rest]), True


def _run_ids(facts: dict[str, Any]) -> tuple[str, ...]:
    """The runs that facts are about."""
    rows = [facts]
    for name in ("active", "queued", "ended", "runs"):
        listed = facts.get(name)
        rows += listed if isinstance(listed, list) else []
    found = (row.get("run") for row in rows if isinstance(row, dict))
    return tuple(dict.fromkeys(name for name in found if isinstance(name, str)))[:MOST_RUNS]
