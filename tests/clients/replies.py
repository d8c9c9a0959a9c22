"""What the scripted Messages API answers, and how that looks on the wire."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from json import dumps
from typing import Any

from tests.clients.asked import Asked

PIECE = 12
"""Characters in one event: few, so that clients have to put pieces together."""
MOST_PIECES = 1000
"""About as many has a message: a very long one comes in longer pieces."""


@dataclass(frozen=True)
class Text:
    """Words of the model."""

    text: str


@dataclass(frozen=True)
class Use:
    """A tool that the model asks for."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, init=False)
class Say:
    """One turn of the model: `Say("Done.")`, `Say(Use("train_status"))`, or several of both."""

    blocks: tuple[Text | Use, ...]
    stop_reason: str

    def __init__(self, *blocks: str | Text | Use, stop_reason: str | None = None) -> None:
        made = tuple(Text(block) if isinstance(block, str) else block for block in blocks)
        uses = any(isinstance(block, Use) for block in made)
        object.__setattr__(self, "blocks", made)
        object.__setattr__(self, "stop_reason", stop_reason or ("end_turn", "tool_use")[uses])


@dataclass(frozen=True)
class Refuse:
    """An error of the API: 401, 429, 529, ….  headers: such as `retry-after`."""

    status: int
    kind: str = ""
    message: str = "no"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The error as the API words it."""
        kind = self.kind or {
            400: "invalid_request_error",
            401: "authentication_error",
            429: "rate_limit_error",
            529: "overloaded_error",
        }.get(self.status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": self.message}}


@dataclass(frozen=True)
class Cut:
    """An answer that breaks off: after so many events, or, where none stream, half way.

    error: the kind of an error that the stream tells before it ends.
    """

    reply: Say
    after: int = 3
    error: str | None = None


Answer = Say | Refuse | Cut


def message_of(say: Say, asked: Asked, number: int) -> dict[str, Any]:
    """The turn as one message."""
    return {
        "id": f"msg_{number:06}",
        "type": "message",
        "role": "assistant",
        "model": asked.body["model"],
        "content": [_block(block, number, at) for at, block in enumerate(say.blocks)],
        "stop_reason": say.stop_reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": len(asked.text) // 4,
            "output_tokens": len(dumps([str(block) for block in say.blocks])) // 4,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }


def events_of(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same message in small pieces."""
    usage = message["usage"]
    opening = {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    yield {"type": "message_start", "message": message | opening}
    yield {"type": "ping"}
    most = MOST_PIECES // max(1, len(message["content"]))
    for index, block in enumerate(message["content"]):
        yield from _block_events(index, block, max(1, most))
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    said = {"output_tokens": usage["output_tokens"]}
    yield {"type": "message_delta", "delta": delta, "usage": said}
    yield {"type": "message_stop"}


def _block(block: Text | Use, number: int, at: int) -> dict[str, Any]:
    if isinstance(block, Text):
        return {"type": "text", "text": block.text}
    return {
        "type": "tool_use",
        "id": f"toolu_{number:06}_{at}",
        "name": block.tool,
        "input": dict(block.arguments),
    }


def _block_events(index: int, block: dict[str, Any], most: int) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        kind, name, whole = "text_delta", "text", block["text"]
        opening = block | {"text": ""}
    else:
        kind, name, whole = "input_json_delta", "partial_json", dumps(block["input"])
        opening = block | {"input": {}}
    yield {"type": "content_block_start", "index": index, "content_block": opening}
    size = max(PIECE, len(whole) // most)
    for start in range(0, len(whole), size):
        piece = {"type": kind, name: whole[start : start + size]}
        yield {"type": "content_block_delta", "index": index, "delta": piece}
    yield {"type": "content_block_stop", "index": index}
