"""Who asked for a start, a stop or a resume, and through which door."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from drivetrain.runs.atomic import read_json

Through = Literal["shell", "foreground", "mcp", "sdk"]
"""The doors.

shell: a command that a person typed, or a chat by its own shell; they look the same here.
foreground: `python -m trainers.train_rl` and its like, which stay until the run ends.
"""
ROLE = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks.  role: of an agent; None for a person, or a chat that speaks for one."""

    door: Through
    role: str | None = None

    @classmethod
    def parse(cls, facts: object) -> "Asker | None":
        """The asker that these facts name; None for whatever no door of ours has written."""
        if not isinstance(facts, dict):
            return None
        door, role = facts.get("door"), facts.get("role")
        if door not in get_args(Through):
            return None
        if role is not None and not (isinstance(role, str) and ROLE.fullmatch(role)):
            return None
        return cls(cast(Through, door), role)

    def as_facts(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"door": self.door, "role": self.role}

    @property
    def words(self) -> str:
        """`the model-trainer agent, over MCP`."""
        agent = f"the {self.role} agent, "
        match self.door:
            case "mcp":
                return f"{agent if self.role else 'a chat, '}over MCP"
            case "sdk":
                return f"{agent if self.role else 'a program, '}over the SDK"
            case "foreground":
                return "a command in the foreground"
            case "shell":
                return "a command in a shell"


SHELL = Asker("shell")
FOREGROUND = Asker("foreground")


def facts_of(asker: Asker | None) -> dict[str, Any] | None:
    """For a record; None where nobody is known to have asked."""
    return None if asker is None else asker.as_facts()


def asker_in(request: Path) -> Asker | None:
    """Who left a `stop.request` or `resume.request`; None where nobody is known."""
    return Asker.parse((read_json(request) or {}).get("asked_by"))
