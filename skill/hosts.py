"""The hosts of agents that take skills: where each looks, and how it learns of the tools.

Every host looks for `SKILLS/train/SKILL.md`. The tools come over MCP: Claude Code finds them in
the skill's folder, the others are told by a command, or by a block in a file of theirs.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from drivetrain.errors import RequestError

SERVER: Final = "train"


@dataclass(frozen=True, slots=True)
class Told:
    """A host learns of the tools by a command.  undo: the command that takes it back."""

    command: tuple[str, ...]
    undo: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A host learns of the tools by a block of JSON that a person puts into a file."""

    file: str
    block: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a host looks for skills.

    skills: a folder under the person's home, or under the project.
    tools: how it learns of the tools, None where it finds them with the skill.
    variable: names a folder that stands for the first part of `skills`, where it is set.
    """

    skills: str
    tools: Told | Written | None
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """One host.  use: what a person types there."""

    name: str
    use: str
    personal: Scope
    project: Scope


def hosts(program: str) -> Mapping[str, Host]:
    """Every host by its name.  program: what starts the server of the tools."""
    codex, copilot = _told("codex", program), _told("copilot", program)
    cursor = {"mcpServers": {SERVER: {"command": program, "args": ["mcp"]}}}
    return {
        "claude": Host(
            "Claude Code",
            "/train status",
            Scope(".claude/skills", None, "CLAUDE_CONFIG_DIR"),
            # In a project's folder it is a skill and no plugin: it brings no tools.
            Scope(".claude/skills", _scoped("claude", "local", "--", program)),
        ),
        "codex": Host(
            "Codex",
            "$train:train status",
            Scope(".agents/skills", codex),
            Scope(".agents/skills", codex),
        ),
        "gemini": Host(
            "Gemini CLI",
            "Show the training status.",
            Scope(".gemini/skills", _scoped("gemini", "user", program)),
            Scope(".gemini/skills", _scoped("gemini", "project", program)),
        ),
        "copilot": Host(
            "GitHub Copilot",
            "/train status",
            Scope(".copilot/skills", copilot),
            Scope(".github/skills", copilot),
        ),
        "cursor": Host(
            "Cursor",
            "/train status",
            Scope(".cursor/skills", Written("~/.cursor/mcp.json", cursor)),
            Scope(".cursor/skills", Written(".cursor/mcp.json", cursor)),
        ),
        "opencode": _opencode(program),
    }


def link_of(scope: Scope, *, in_project: bool) -> Path:
    """Where a host looks for this skill.

    Raises:
        RequestError: nobody knows where the person is at home.
    """
    if in_project:
        return Path.cwd() / scope.skills / SERVER
    first, *others = Path(scope.skills).parts
    told = os.environ.get(scope.variable) if scope.variable else None
    base = Path(told).absolute() if told else _home() / first
    return base.joinpath(*others, SERVER)


def _told(client: str, program: str) -> Told:
    return Told(
        (client, "mcp", "add", SERVER, "--", program, "mcp"), (client, "mcp", "remove", SERVER)
    )


def _scoped(client: str, scope: str, *start: str) -> Told:
    return Told(
        (client, "mcp", "add", "--scope", scope, SERVER, *start, "mcp"),
        (client, "mcp", "remove", "--scope", scope, SERVER),
    )


def _opencode(program: str) -> Host:
    block = {"mcp": {SERVER: {"type": "local", "command": [program, "mcp"], "enabled": True}}}
    personal = Written("~/.config/opencode/opencode.json", block)
    return Host(
        "opencode",
        "Show the training status.",
        Scope(".config/opencode/skills", personal, "XDG_CONFIG_HOME"),
        Scope(".opencode/skills", Written("opencode.json", block)),
    )


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise RequestError(
            "Nobody knows where you are at home, where your skills stand. "
            "Try `/train install --agent claude --project`."
        ) from error
