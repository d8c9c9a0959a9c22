"""What an agent is: one Markdown file, which Claude Code and the tool loop here both read."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from drivetrain.errors import RequestError
from drivetrain.text import listing, nearest, quote
from skill.tools.roles import ROLES

PREFIXES = ("mcp__plugin_train_train__", "mcp__train__")
"""What Claude Code puts before a tool's name: of the plugin, and of a project that is one."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One agent.  tools: as Claude Code names them.  prompt: all that it is told beforehand."""

    role: str
    description: str
    tools: tuple[str, ...]
    prompt: str


def definition_of(role: str) -> Definition:
    """The agent of this name.

    Raises:
        RequestError: there is none.
    """
    if role not in ROLES:
        meant = nearest(role, ROLES) or "model-trainer"
        raise RequestError(
            f"There is no agent {quote(role)}; there are {listing(ROLES)}. "
            f'Try `python -m agents {meant} "How is training going?"`.'
        )
    text = (Path(__file__).parent / f"{role}.md").read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    facts = yaml.safe_load(head)
    tools = tuple(name.strip() for name in facts["tools"].split(","))
    return Definition(facts["name"], facts["description"], tools, body.strip())
