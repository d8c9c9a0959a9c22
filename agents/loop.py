"""The loop: the model replies, its calls are done, and again, until it is done or stopped."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import anthropic
from anthropic.lib.streaming import BetaMessageStream
from anthropic.lib.tools import BetaStreamingToolRunner
from anthropic.types.beta import BetaMessage

from agents.definition import definition_of
from agents.faults import UnreachedError
from agents.settings import REPLY_TOKENS
from agents.tools import Hands
from drivetrain.text import whole

CACHED: Final[Any] = {"type": "ephemeral"}
UNREADABLE: Final = (
    "The model's reply cannot be read; none of its calls was done. Try the same again."
)
CUT_SHORT: Final = {
    None: "The connection broke within the model's reply; none of its calls was done.",
    "max_tokens": f"The model's reply was cut at {REPLY_TOKENS:,} tokens.",
    "model_context_window_exceeded": "The conversation became too long for the model.",
    "refusal": "The model refused to go on.",
}
"""How a reply can end that is no answer; without a word where the way to the model broke."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How the work ended.  said: the model's last words.  stopped: why it is not done."""

    said: str
    stopped: tuple[str, ...]


def work(hands: Hands, client: anthropic.Anthropic, model: str, task: str) -> Ending:
    """Let the model work on the task, and show what it says as it comes.

    Raises:
        anthropic.AnthropicError: the model cannot be asked.
        httpx2.HTTPError: the way to it broke.
    """
    hands.transcript.write("task", role=hands.role, model=model, text=task)
    said = ""
    with _quiet_about_unheld_tools():
        for stream in _runner(hands, client, model, task):
            message = _heard(hands, stream)
            said = _words(message) or said
            if _words(message):
                hands.terminal.say("\n")
                hands.transcript.write("said", text=_words(message))
            if not _goes_on(hands, message):
                return _ending(hands, message, said)
    raise AssertionError("the loop ends with a reply")


def _runner(
    hands: Hands, client: anthropic.Anthropic, model: str, task: str
) -> BetaStreamingToolRunner[Any]:
    prompt = definition_of(hands.role).prompt
    return client.beta.messages.tool_runner(
        model=model,
        max_tokens=REPLY_TOKENS,
        # Without a clock or a status: what is cached must not change between requests.
        system=[{"type": "text", "text": prompt, "cache_control": CACHED}],
        messages=[{"role": "user", "content": task}],
        tools=hands.tools(),
        cache_control=CACHED,
        max_iterations=hands.budget.limits.turns + 2,
        stream=True,
        # A call whose reply breaks off must not have been done.
        run_tools_eagerly=False,
        # The whole history goes with each request: not every gateway keeps one.
        thread=False,
    )


def _heard(hands: Hands, stream: BetaMessageStream[Any]) -> BetaMessage:
    """The reply, shown as it comes.

    Raises:
        UnreachedError: it ended before it began, or is no text; the SDK takes both for a bug.
    """
    has_begun = False
    try:
        for event in stream:
            has_begun = True
            if event.type == "text":
                hands.terminal.say(event.text)
    except ValueError:  # a call that is no JSON
        raise UnreachedError(UNREADABLE) from None
    if not has_begun:
        raise UnreachedError("The connection broke within an empty reply. Try the same again.")
    message = stream.get_final_message()
    # What is half a character could not be sent back with the next request.
    if _words(message) != whole(_words(message)):
        raise UnreachedError(UNREADABLE)
    return message


def _goes_on(hands: Hands, message: BetaMessage) -> bool:
    """Whether the calls of this reply are to be answered, and another one follows."""
    usage = message.usage
    read = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    hands.budget.count_reply(usage.input_tokens + read + usage.output_tokens)
    hands.transcript.write(
        "replied", stop_reason=message.stop_reason, tokens=hands.budget.tokens
    )
    if message.stop_reason == "pause_turn":
        return True
    if message.stop_reason != "tool_use" or hands.closing is not None:
        return False
    _close_if_spent(hands)
    for block in message.content:
        if block.type == "tool_use":
            hands.refuse_unheld(block.name, block.input)
    return True


def _close_if_spent(hands: Hands) -> None:
    budget = hands.budget
    if budget.is_out_of_turns:
        hands.closing = budget.reach(
            f"The limit of {budget.limits.turns} turns (`--max-turns`) is reached."
        )
    elif budget.is_out_of_tokens:
        hands.closing = budget.reach(
            f"The limit of {budget.limits.tokens:,} tokens (`--max-tokens`) is reached."
        )


def _ending(hands: Hands, message: BetaMessage, said: str) -> Ending:
    stopped = [*hands.budget.reached]
    if hands.closing is not None and hands.closing not in stopped:
        stopped.append(hands.closing)
    if message.stop_reason in CUT_SHORT:
        stopped.append(CUT_SHORT[message.stop_reason])
    return Ending(said, tuple(stopped))


def _words(message: BetaMessage) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


@contextmanager
def _quiet_about_unheld_tools() -> Iterator[None]:
    """The SDK warns of a tool that it does not have; the door refused and noted it already."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", r"(?s:Tool '.*' not found in tool runner)", UserWarning
        )
        yield
