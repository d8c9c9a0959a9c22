"""What `install` answers: facts → Markdown. Pure."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from drivetrain.text import quote
from skill.grammar import Install
from skill.hosts import Host, Scope, Told, Written
from skill.report import Facts, Report

Done = Literal["put", "was there", "taken away", "was gone"]


@dataclass(frozen=True, slots=True)
class Installed:
    """What was done, and where."""

    host: Host
    scope: Scope
    link: Path
    checkout: Path
    done: Done


def install_report(command: Install, installed: Installed) -> Report:
    """Where the skill stands now, how it is used, and how its tools are registered."""
    facts: Facts = {
        "agent": command.agent,
        "scope": "project" if command.in_project else "personal",
        "link": str(installed.link),
        "checkout": str(installed.checkout),
        "is_installed": not command.remove,
        "changed": installed.done in ("put", "taken away"),
        "tools": _tools_facts(installed.scope.tools),
    }
    again = f"/train install --agent {command.agent}{' --project' * command.in_project}"
    lines = _farewell(installed, again) if command.remove else _welcome(installed, again)
    return Report("\n".join(lines), facts)


def _welcome(installed: Installed, again: str) -> list[str]:
    host, there = installed.host, "" if installed.done == "put" else " already"
    return [
        f"## Skill `train` is{there} installed for {host.name}",
        "",
        f"- Link: {quote(str(installed.link), 300)} → {quote(str(installed.checkout), 300)}",
        f"- Use: `{host.use}` in a new chat",
        *_tools_lines(installed.scope.tools),
        f"- Take it away: `{again} --remove`",
        "",
        "Next: `/train doctor`.",
    ]


def _farewell(installed: Installed, again: str) -> list[str]:
    found = "is no longer" if installed.done == "taken away" else "was not"
    return [
        f"## Skill `train` {found} installed for {installed.host.name}",
        "",
        f"- Link: {quote(str(installed.link), 300)} is gone; the checkout and all runs stay",
        *_undo_lines(installed.scope.tools),
        "",
        f"Next: `{again}` installs it again.",
    ]


def _tools_facts(tools: Told | Written | None) -> Facts:
    match tools:
        case Told(command, undo):
            return {"command": list(command), "undo": list(undo)}
        case Written(file, block):
            return {"file": file, "block": dict(block)}
        case None:
            return {}


def _tools_lines(tools: Told | Written | None) -> list[str]:
    match tools:
        case Told(command):
            return [f"- Tools: once, in a shell: `{shlex.join(command)}`"]
        case Written(file, block):
            written = json.dumps(block, ensure_ascii=False)
            return [f"- Tools: put into `{file}`, beside what stands there: `{written}`"]
        case None:
            return ["- Tools and agents: come with the skill"]


def _undo_lines(tools: Told | Written | None) -> list[str]:
    match tools:
        case Told(_, undo):
            return [f"- Tools: if they were registered, `{shlex.join(undo)}`"]
        case Written(file):
            return [f"- Tools: if they were registered, take `train` out of `{file}`"]
        case None:
            return []
