"""What the Messages API refuses by itself, before any model sees it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.clients.asked import Asked
from tests.clients.replies import Refuse

COMBINATORS = ("oneOf", "anyOf", "allOf")
TOOL_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")


def objection(asked: Asked) -> Refuse | None:
    """Why the request cannot be answered, None where it can."""
    if not (asked.header("x-api-key") or asked.header("authorization")):
        return Refuse(401, message="x-api-key header is required")
    found = (
        _about_body(asked.body)
        or _about_tools(asked.body.get("tools") or ())
        or _about_results(asked.body["messages"])
    )
    return Refuse(400, message=found) if found else None


def _about_body(body: Mapping[str, Any]) -> str | None:
    if not isinstance(body.get("max_tokens"), int) or not isinstance(body.get("model"), str):
        return "model: Field required; max_tokens: Field required"
    if not body.get("messages") or body["messages"][0]["role"] != "user":
        return "messages: at least one message is required, and the first is the user's"
    if "thread" in body:
        return "thread: no history is kept here"
    return None


def _about_tools(tools: Sequence[Mapping[str, Any]]) -> str | None:
    names = [tool["name"] for tool in tools]
    if len(set(names)) != len(names):
        return "tools: Tool names must be unique."
    for tool in tools:
        if not TOOL_NAME.match(tool["name"]):
            return f"tools: {tool['name']}: String should match pattern '{TOOL_NAME.pattern}'"
        schema = tool.get("input_schema")
        if schema is None:  # a tool of the API's own
            continue
        if schema.get("type") != "object" or set(COMBINATORS) & set(schema):
            return (
                f"tools: {tool['name']}: input_schema: a plain object at the root is required"
            )
    return None


def _about_results(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """A tool's answer stands in the very next message, and only there."""
    waiting: set[str] = set()
    for message in messages:
        if message["role"] == "system":
            continue
        found = _ids(message, "tool_result", "tool_use_id")
        if found != waiting:
            return f"messages: tool_use {sorted(waiting)} against tool_result {sorted(found)}"
        waiting = _ids(message, "tool_use", "id")
    return f"messages: no tool_result for {sorted(waiting)}" if waiting else None


def _ids(message: Mapping[str, Any], kind: str, key: str) -> set[str]:
    if isinstance(message["content"], str):
        return set()
    return {block[key] for block in message["content"] if block["type"] == kind}
