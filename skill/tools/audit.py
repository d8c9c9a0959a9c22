"""Who called what, and what came of it: one line a call in `audit.jsonl` of the home."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivetrain.clock import SYSTEM
from drivetrain.runs.asker import Asker
from drivetrain.text import plain

LONGEST_ARGUMENT = 500
LONGEST_SAYING = 300


@dataclass(frozen=True, slots=True)
class Audited:
    """One call.  outcome: `done`, `declined` or `refused`."""

    caller: Asker
    tool: str
    arguments: Mapping[str, Any]
    outcome: str
    said: str
    run_ids: Sequence[str] = ()


def audit(home: Path, call: Audited) -> None:
    """Add a call to the home's audit; lines of calls at the same time do not mix."""
    facts = {
        "at": round(SYSTEM.wall(), 3),
        **call.caller.as_facts(),
        "pid": os.getpid(),
        "tool": plain(call.tool, 80),
        "arguments": {
            plain(str(name), 80): plain(str(value), LONGEST_ARGUMENT)
            for name, value in list(call.arguments.items())[:40]
        },
        "outcome": call.outcome,
        "said": plain(call.said, LONGEST_SAYING),
        "run_ids": list(call.run_ids),
    }
    line = (json.dumps(facts, ensure_ascii=False) + "\n").encode()
    home.mkdir(parents=True, exist_ok=True)
    # One write to a file opened for appending is whole, whoever else appends.
    descriptor = os.open(audit_file(home), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def audit_file(home: Path) -> Path:
    """Where the calls of a home are written down."""
    return home / "audit.jsonl"
