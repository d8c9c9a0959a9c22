"""An agent's hands: its role's tools, each call limited, done by the door, written down."""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anthropic import transform_schema
from anthropic.lib.tools import BetaFunctionTool, ToolError, beta_tool

from agents.limits import Budget
from agents.notebook import Comparison, comparison_of
from agents.repetition import Repetition
from agents.settings import STRICT
from agents.started import StartedRuns
from agents.terminal import Terminal
from agents.transcript import Transcript
from drivetrain.errors import UserError
from skill.report import json_text
from skill.tools.catalog import Tool, tool_named
from skill.tools.door import Door
from skill.tools.reply import Reply
from skill.tools.roles import ROLES

REPORT_NOW = "Call nothing more; report what there is."
Content = str | list[Any]
"""What the model gets: text, or text and pictures."""


@dataclass
class Hands:
    """What carries out an agent's calls.

    closing: why nothing more is done, once that is so; the model has one reply left then.
    compared: what was compared, by question.
    """

    door: Door
    budget: Budget
    started: StartedRuns
    transcript: Transcript
    terminal: Terminal
    closing: str | None = None
    compared: dict[str, Comparison] = field(default_factory=dict)
    _repetition: Repetition = field(default_factory=Repetition)

    @property
    def role(self) -> str:
        """Whose they are."""
        return str(self.door.caller.role)

    def tools(self) -> list[BetaFunctionTool[Any]]:
        """The role's tools, as the SDK's loop calls them."""
        return [self._tool(tool_named(name)) for name in ROLES[self.role]]

    def refuse_unheld(self, name: str, arguments: object) -> None:
        """Let the door refuse a tool that the role lacks, and write it down; the loop tells."""
        if name not in ROLES[self.role]:
            given = arguments if isinstance(arguments, dict) else {}
            self._written(name, given, lambda: self._through_door(name, given))

    def call(self, tool: Tool, arguments: Mapping[str, Any]) -> Content:
        """Do one call.

        Raises:
            ToolError: it was not done; the sentence says why, and what can be.
        """
        content, failure = self._written(
            tool.name, arguments, lambda: self._done(tool, arguments)
        )
        if failure is not None:
            raise ToolError(failure)
        return content

    def _tool(self, tool: Tool) -> BetaFunctionTool[Any]:
        def function(**arguments: Any) -> Content:
            return self.call(tool, arguments)

        is_strict = tool.name in STRICT
        schema = transform_schema(tool.schema) if is_strict else tool.schema
        return beta_tool(
            function,
            name=tool.name,
            description=tool.description,
            input_schema=schema,
            strict=is_strict or None,
        )

    def _written(
        self, name: str, arguments: Mapping[str, Any], do: Callable[[], Content]
    ) -> tuple[Content, str | None]:
        """What a call gives, or why it failed: shown, and kept in the transcript."""
        self.terminal.call(name, arguments)
        self.transcript.write("called", tool=name, arguments=dict(arguments))
        failure: str | None = None
        content: Content = ""
        begun = time.monotonic()
        try:
            self._require_open()
            content = do()
        except UserError as error:
            failure = str(error)
            self.terminal.refuse(failure)
        took_s = time.monotonic() - begun
        failure = self._circle(name, arguments, failure or _text_in(content), took_s) or failure
        text = failure or _text_in(content)
        self.transcript.write("answered", tool=name, is_error=failure is not None, text=text)
        return content, failure

    def _circle(
        self, name: str, arguments: Mapping[str, Any], text: str, took_s: float
    ) -> str | None:
        """The answer with the end of the work, where it came for the third time."""
        if self.closing or not self._repetition.is_circle(name, arguments, text, took_s):
            return None
        self.closing = f"`{name}` was called and answered the same for the third time."
        return f"{text}\n\n{self.closing} {REPORT_NOW}"

    def _require_open(self) -> None:
        if self.closing is not None:
            raise UserError(f"{self.closing} {REPORT_NOW}")

    def _done(self, tool: Tool, arguments: Mapping[str, Any]) -> Content:
        refused = self.budget.refusal(tool, arguments)
        if refused is not None:
            raise UserError(refused)
        before = self.started.look(arguments)
        reply = self.door.call(tool.name, arguments)
        self.started.note(tool, before, reply)
        if tool.name == "train_compare":
            found = comparison_of(self.door.home, arguments)
            # A comparison that takes long has no answer yet.
            self.compared |= {found.id: found} if found else {}
        return content_of(reply)

    def _through_door(self, name: str, arguments: Mapping[str, Any]) -> Content:
        return content_of(self.door.call(name, arguments))


def content_of(reply: Reply) -> Content:
    """A reply for the model: the report, what to call next, the facts, and the pictures."""
    parts = [reply.report]
    if reply.next:
        parts.append("Calls that follow: " + ", ".join(f"`{call}`" for call in reply.next))
    if reply.facts is not None:
        parts.append(json_text(reply.facts))
    text = "\n\n".join(parts)
    if not reply.images:
        return text
    return [{"type": "text", "text": text}, *map(_picture, reply.images)]


def _picture(path: str) -> dict[str, Any]:
    data = base64.b64encode(Path(path).read_bytes()).decode()
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": data},
    }


def _text_in(content: Content) -> str:
    return content if isinstance(content, str) else str(content[0]["text"])
