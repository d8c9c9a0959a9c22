"""A call from a host: confirmed by a person where it must be, waited for, done in a thread."""

import base64
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import anyio.to_thread
from mcp import types
from mcp.server.elicitation import AcceptedElicitation, DeclinedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, Elicit, Resolve
from pydantic import BaseModel

from drivetrain.errors import UserError
from drivetrain.runs.attend import progress_line
from drivetrain.runs.record import is_active
from drivetrain.runs.wait import wait_for
from skill.callers import noted_role
from skill.tools.catalog import Tool
from skill.tools.door import Caller, Door
from skill.tools.looking import WaitCall
from skill.tools.refusals import read_call
from skill.tools.reply import Reply

AT_ONCE: Final = 16
"""Calls that are done at the same time; more wait for their turn."""
LOOK_S: Final = 1.0
"""How long a waiting call looks before it says how far the run is."""
USE: Final = "claudecode/toolUseId"
"""Where Claude Code says which use of a tool a call is: its hooks are told the same id."""
Answered = types.CallToolResult
Function = Callable[..., Awaitable[Answered]]
T = TypeVar("T")
log = logging.getLogger(__name__)


class Confirmation(BaseModel):
    """What a person fills in: nothing, as accepting is agreeing."""


class Calls:
    """Every tool as a function that the library can call."""

    def __init__(self, home: Path, role: str | None) -> None:
        self._home = home
        self._role = role
        self._turns = anyio.CapacityLimiter(AT_ONCE)

    def function(self, tool: Tool) -> Function:
        """The tool, taking its arguments as one and asking a person where it must."""

        async def ask(arguments: dict[str, Any], ctx: Context) -> Elicit[Confirmation] | None:
            question = await self._question(tool, arguments, ctx) if _can_ask(ctx) else None
            return Elicit(question, Confirmation) if question else None

        async def call(
            arguments: dict[str, Any],
            ctx: Context,
            answer: Annotated[ElicitationResult[Confirmation], Resolve(ask)],
        ) -> Answered:
            if tool.contract is WaitCall:
                arguments = await self._waited(tool, arguments, ctx)
            door = self._door(ctx, _answering(answer) if _can_ask(ctx) else None)
            return await self._done(door, tool.name, arguments, may_leave=_may_leave(tool))

        return call

    async def refusal(
        self, name: str, arguments: Mapping[str, Any], ctx: Context[Any, Any] | None
    ) -> Answered:
        """What a call of no tool is answered with."""
        return await self._done(self._door(ctx), name, arguments, may_leave=True)

    async def _door(
        self, ctx: Context[Any, Any] | None, ask: Callable[[str], bool | None] | None = None
    ) -> Door:
        """The door for whoever calls: the role of this server, else the one that is noted.

        Raises:
            RequestError: the note cannot be read.
        """
        role, use = self._role, _use_of(ctx)
        if role is None and use is not None:
            role = await self._in_thread(partial(noted_role, use))
        return Door(self._home, Caller("mcp", role, ask))

    async def _question(
        self, tool: Tool, arguments: Mapping[str, Any], ctx: Context
    ) -> str | None:
        try:
            door = await self._door(ctx)
            return await self._in_thread(partial(door.question, tool.name, arguments))
        except UserError:
            return None  # the door says so again, and writes it down

    async def _waited(
        self, tool: Tool, arguments: dict[str, Any], ctx: Context
    ) -> dict[str, Any]:
        """Wait as long as was asked for; returns the call that is left to be done."""
        try:
            (await self._door(ctx)).question(tool.name, arguments)
            asked = read_call(tool, arguments)
            assert isinstance(asked, WaitCall)  # noqa: S101 - tells mypy
            is_over = await self._is_over(asked, ctx)
        except UserError:
            return arguments  # likewise
        return arguments if is_over else {**arguments, "timeout_s": 0}

    async def _is_over(self, asked: WaitCall, ctx: Context) -> bool:
        began_at = anyio.current_time()
        while (waited_s := anyio.current_time() - began_at) < asked.timeout_s:
            look_s = min(LOOK_S, asked.timeout_s - waited_s)
            run = await self._in_thread(partial(wait_for, self._home, asked.run, look_s))
            waited_s = anyio.current_time() - began_at
            await ctx.report_progress(waited_s, asked.timeout_s, progress_line(run))
            if not is_active(run.state):
                return True
        return False

    async def _done(
        self,
        door: Awaitable[Door],
        name: str,
        arguments: Mapping[str, Any],
        *,
        may_leave: bool,
    ) -> Answered:
        try:
            call = partial((await door).call, name, arguments)
            reply = await self._in_thread(call, may_leave=may_leave)
        except UserError as error:
            return Answered(content=[_text(str(error))], is_error=True)
        pictures = await self._in_thread(partial(_pictures, reply))
        return Answered(
            content=[_text(reply.report), *pictures],
            structured_content=reply.model_dump(mode="json", exclude_defaults=True),
        )

    async def _in_thread(self, do: Callable[[], T], *, may_leave: bool = True) -> T:
        return await anyio.to_thread.run_sync(
            do, abandon_on_cancel=may_leave, limiter=self._turns
        )


def _may_leave(tool: Tool) -> bool:
    """Whether a call may go on unheard when its request is cancelled.

    What acts on runs is done within a second, and is not left half-way when a host leaves.
    """
    return tool.effect in ("reads", "computes")


def _use_of(ctx: Context[Any, Any] | None) -> str | None:
    """Which use of a tool this call is, where the host says so."""
    meta = ctx.request_context.meta if ctx else None
    use = meta.get(USE) if meta else None
    return use if isinstance(use, str) else None


def _can_ask(ctx: Context) -> bool:
    known = ctx.client_capabilities
    return known is not None and known.elicitation is not None


def _answering(
    outcome: ElicitationResult[Confirmation],
) -> Callable[[str], bool | None]:
    """What the person said, for a door that asks."""

    def answer(_question: str) -> bool | None:
        match outcome:
            case AcceptedElicitation():
                return True
            case DeclinedElicitation():
                return False
            case _:
                return None  # they were not asked, or closed the question

    return answer


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def _pictures(reply: Reply) -> list[types.ImageContent]:
    return [
        types.ImageContent(
            type="image",
            data=base64.b64encode(Path(file).read_bytes()).decode(),
            mime_type="image/png",
        )
        for file in reply.images
    ]
