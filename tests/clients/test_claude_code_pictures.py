"""A picture that a tool adds to its report, in the real Claude Code."""

from collections.abc import Iterator, Mapping
from typing import Any

from drivetrain.runs.wait import wait_for
from tests.clients.claude_code import ALLOWED, PLUGIN, TOOL, Chat
from tests.clients.messages_api import Answer, Asked, MessagesAPI, Say, Use
from tests.mcp_server.hosts import PATIENCE_S, begin


def looking(asked: Asked) -> Answer | None:
    """A model that asks once how a run learned."""
    if "Agent" not in asked.tools or asked.results:
        return None
    return Say(Use(f"{TOOL}train_status", {"run": "done", "picture": True}))


def answered(asked: Asked) -> Iterator[Mapping[str, Any]]:
    """The pieces of what tools answered, as the model gets them."""
    for message in asked.body["messages"]:
        for block in message["content"]:
            if isinstance(block, Mapping) and block["type"] == "tool_result":
                yield from block["content"]


def test_a_model_reads_the_report_and_sees_the_picture(chat: Chat) -> None:
    begin(chat.runs, "done", "succeed")
    wait_for(chat.runs, "done", PATIENCE_S)
    with MessagesAPI(looking) as api:
        chat.say("How does it learn?", *PLUGIN, ALLOWED, model=api)
    pieces = next(list(answered(asked)) for asked in api.asked if asked.results)
    (picture,) = [piece["source"] for piece in pieces if piece["type"] == "image"]
    assert picture["media_type"] == "image/png"
    assert "## Run done" in "".join(piece.get("text", "") for piece in pieces)
