"""The program of Claude Code's hook before each use of our tools; see `hooks/note-caller`.

It reads the use from stdin, as JSON.  Only a caller that is one of our agents is noted, and
only such a caller is kept from acting where that fails.  It needs no installed package.
"""

import json
import sys
from typing import Any, Final

from drivetrain.text import quote
from skill.callers import forget_caller, note_caller, role_called

DONE: Final = 0
UNREADABLE: Final = 1
REFUSED: Final = 2
"""Keeps Claude Code from using the tool; its model reads what stands on stderr."""

MEND: Final = (
    "Make that folder writable for you alone, or name another with `XDG_STATE_HOME`; "
    "see `/train doctor`."
)


def main(text: bytes) -> int:
    """Note the caller of the use that is described; returns the exit code."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return _say(UNREADABLE, "A hook's input is one JSON object; there is none on stdin.")
    return _noted(told)


def _noted(told: dict[str, Any]) -> int:
    agent, use = told.get("agent_type"), told.get("tool_use_id")
    role = role_called(agent) if isinstance(agent, str) else None
    if role is None:
        if isinstance(use, str):
            forget_caller(use)
        return DONE
    if not isinstance(use, str) or not use:
        return _refuse(role, "this use of a tool has no id", "Try a newer Claude Code.")
    try:
        note_caller(use, role)
    except OSError as error:
        why = f"{quote(str(error.filename), 200)}: " if error.filename else ""
        return _refuse(role, f"{why}{error.strerror or error}", MEND)
    return DONE


def _refuse(role: str, why: str, mend: str) -> int:
    sentence = f"Nothing was done, since {quote(role)} cannot be noted as the caller ({why})."
    return _say(REFUSED, f"{sentence} Agents act under their own names only. {mend}")


def _say(code: int, sentence: str) -> int:
    sys.stderr.write(f"error: {sentence}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer.read()))
