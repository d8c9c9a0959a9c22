"""One request to the model, as rules and tests read it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple


class Result(NamedTuple):
    """What a tool answered, beside what it was asked."""

    tool: str
    arguments: Mapping[str, Any]
    text: str
    is_error: bool


@dataclass(frozen=True)
class Asked:
    """One request.  body: as the client sent it."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @cached_property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools that the model may use."""
        return tuple(tool["name"] for tool in self.body.get("tools") or ())

    @property
    def is_streaming(self) -> bool:
        """Whether the client wants the answer in pieces."""
        return bool(self.body.get("stream"))

    @property
    def retry(self) -> int:
        """How often the client has sent this before; 0 for the first time."""
        return int(self.header("x-stainless-retry-count") or 0)

    @cached_property
    def system(self) -> str:
        """The system prompt."""
        return "\n".join(text_of(self.body.get("system") or ""))

    @cached_property
    def last(self) -> str:
        """The words of the last message, without what tools answered."""
        return "\n".join(text_of(self.body["messages"][-1]["content"]))

    @cached_property
    def results(self) -> tuple[Result, ...]:
        """What tools answered so far, oldest first."""
        uses = {block["id"]: block for block in self._blocks("tool_use")}
        return tuple(
            Result(
                tool=uses[block["tool_use_id"]]["name"],
                arguments=uses[block["tool_use_id"]]["input"],
                text="\n".join(text_of(block.get("content") or "")),
                is_error=bool(block.get("is_error")),
            )
            for block in self._blocks("tool_result")
        )

    @cached_property
    def text(self) -> str:
        """All that the model reads: system prompt, messages, and what tools answered."""
        parts = [self.system]
        for message in self.body["messages"]:
            parts.extend(text_of(message["content"]))
        parts.extend(result.text for result in self.results)
        return "\n".join(parts)

    def header(self, name: str) -> str | None:
        """A header, in whatever case it came."""
        return next(
            (value for key, value in self.headers.items() if key.lower() == name.lower()), None
        )

    def _blocks(self, kind: str) -> Iterator[Mapping[str, Any]]:
        for message in self.body["messages"]:
            content = message["content"]
            if not isinstance(content, str):
                yield from (block for block in content if block["type"] == kind)


def text_of(content: Any) -> list[str]:
    """The texts of a message's content, of a system prompt, or of what a tool answered."""
    if isinstance(content, str):
        return [content]
    return [block["text"] for block in content if block.get("type") == "text"]
