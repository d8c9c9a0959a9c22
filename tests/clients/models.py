"""Scripted models that several tests of real clients share."""

from tests.clients.claude_code import TOOL
from tests.clients.messages_api import Answer, Asked, Rule, Say, Use


def is_chat(asked: Asked) -> bool:
    """Whether the chat itself asks: agents are not offered agents."""
    return "Agent" in asked.tools


def has_used(asked: Asked, tool: str) -> bool:
    """Whether a tool has answered already."""
    return any(result.tool == tool for result in asked.results)


def using(tool: str, **arguments: object) -> Rule:
    """A model that finds a tool, and uses it once."""

    def rule(asked: Asked) -> Answer | None:
        if not is_chat(asked) or has_used(asked, TOOL + tool):
            return None
        if not has_used(asked, "ToolSearch"):
            return Say(Use("ToolSearch", {"query": f"select:{TOOL}{tool}"}))
        return Say(Use(TOOL + tool, arguments))

    return rule


def delegating(agent: str, *uses: Use) -> Rule:
    """A model that lets an agent do something.  agent: its name as the chat knows it."""

    def rule(asked: Asked) -> Answer | None:
        if not is_chat(asked):
            return None if asked.results else Say(*uses)
        if has_used(asked, "Agent"):
            return None
        task = {"description": "do it", "prompt": "Do it.", "subagent_type": agent}
        return Say(Use("Agent", task))

    return rule
