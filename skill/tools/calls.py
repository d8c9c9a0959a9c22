"""What chat commands are as calls of tools, wherever a report suggests one."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from drivetrain.errors import UserError
from drivetrain.options import Given, read_options, split_text
from skill.command import find_verb
from skill.tools.catalog import Tool, tools
from skill.tools.contract import Contract, arguments_of

SUGGESTED = re.compile(r"`/train ([^`]+)`")


def call_text(tool: str, arguments: Mapping[str, Any]) -> str:
    """`train_logs(run='ppo_v1', tail=40)`."""
    return f"{tool}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"


def call_of(command: str) -> tuple[Tool, dict[str, Any]] | None:
    """The tool and the arguments that do what this command does, if a tool does.

    command: chat text without `/train`.
    """
    try:
        words = split_text(command)
        verb = find_verb(words[0]) if words else None
        if verb is None:
            return None
        given = read_options(verb.name, words[1:], verb.options)
    except UserError:
        return None
    typed = [verb.name, *given.arguments]
    for tool in tools():
        own = tool.verb.split()
        if own and typed[: len(own)] == own:
            behind = Given(tuple(typed[len(own) :]), given.values)
            told = arguments_of(tool.contract, behind)
            return None if told is None else _accepted(tool, told)
    return None


def suggested_calls(report: str) -> tuple[str, ...]:
    """The calls behind the commands that a report suggests, each once."""
    found: Iterable[str] = SUGGESTED.findall(report)
    calls = [call_text(call[0].name, call[1]) for call in map(call_of, found) if call]
    return tuple(dict.fromkeys(calls))


def with_calls(sentence: str) -> str:
    """A sentence whose commands are calls, where tools do the same."""

    def instead(match: re.Match[str]) -> str:
        call = call_of(match[1])
        return f"`{call_text(call[0].name, call[1])}`" if call else match[0]

    return SUGGESTED.sub(instead, sentence)


def _accepted(tool: Tool, told: dict[str, Any]) -> tuple[Tool, dict[str, Any]] | None:
    """The call, if the tool takes it: what a chat may ask for can be more than a tool does."""
    try:
        asked: Contract = tool.contract.model_validate(told)
    except ValidationError:
        return None
    return tool, asked.model_dump(mode="json", include=set(told))
