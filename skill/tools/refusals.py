"""Arguments that do not fit a contract → one sentence with a call that would."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from drivetrain.errors import RequestError
from drivetrain.text import listing, nearest, quote
from skill.tools.calls import call_text
from skill.tools.catalog import Tool
from skill.tools.contract import Contract

LONGEST_ARGUMENTS = 20_000
"""Characters of all arguments together."""
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "train_logs": {"run": "ppo_v1"},
    "train_wait": {"run": "ppo_v1"},
    "train_compare": {"runs": ["ppo_v1", "ppo_v2"]},
    "train_eval": {"driver": "ppo_v1"},
    "train_propose": {
        "hypothesis": "…",
        "falsifier": "…",
        "commands": ["/train ppo --run-id ppo_v2"],
    },
    "train_resume": {"run": "ppo_v1"},
    "train_stop": {"run": "ppo_v1"},
}
"""A call of each tool that needs an argument."""
Asked = TypeVar("Asked", bound=Contract)


def read_call(tool: Tool, arguments: Mapping[str, Any]) -> Contract:
    """The call, checked.

    Raises:
        RequestError: an argument is unknown, missing or out of range.
    """
    if len(str(arguments)) > LONGEST_ARGUMENTS:
        raise RequestError(
            f"The arguments of `{tool.name}` have more than {LONGEST_ARGUMENTS:,} characters. "
            f"Try `{example_of(tool)}`."
        )
    for name, value in arguments.items():
        if not all(map(_can_be_typed, _texts_in(value))):
            raise RequestError(
                f"{quote(name)} holds a character that nothing here can have in its name. "
                f"Try `{example_of(tool)}`."
            )
    try:
        return tool.contract.model_validate(dict(arguments))
    except ValidationError as error:
        raise RequestError(_sentence(tool, error, arguments)) from None


def example_of(tool: Tool) -> str:
    """A call of the tool that it takes."""
    return call_text(tool.name, EXAMPLES.get(tool.name, {}))


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts_in(each)


def _can_be_typed(text: str) -> bool:
    """Whether a process can be handed this word: JSON knows characters that no word has."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _sentence(tool: Tool, error: ValidationError, arguments: Mapping[str, Any]) -> str:
    found = error.errors(include_url=False, include_context=False)
    # A misspelt name is why another one is missing.
    first = min(found, key=lambda each: each["type"] != "extra_forbidden")
    name = str(first["loc"][0]) if first["loc"] else "arguments"
    fields = tool.contract.model_fields
    if first["type"] == "extra_forbidden":
        meant = nearest(name, fields)
        hint = f" Did you mean {quote(meant)}?" if meant else ""
        return (
            f"{quote(name)} is not an argument of `{tool.name}`; there are {listing(fields)}."
            f"{hint} Try `{_mended(tool, arguments, name, meant)}`."
        )
    if first["type"] == "missing":
        return f"`{tool.name}` needs {quote(name)}. Try `{example_of(tool)}`."
    said = first["msg"].removeprefix("Input ").removeprefix("should ")
    return (
        f"`{name}` is {quote(str(first['input']))}; it should {said}. "
        f"Try `{_mended(tool, arguments, name, None)}`."
    )


def _mended(tool: Tool, arguments: Mapping[str, Any], wrong: str, instead: str | None) -> str:
    """The same call without what is wrong in it, if the tool takes that; else an example."""
    mended = {name: value for name, value in arguments.items() if name != wrong}
    if instead is not None and instead not in mended:
        mended[instead] = arguments[wrong]
    try:
        tool.contract.model_validate(mended)
    except ValidationError:
        return example_of(tool)
    text = call_text(tool.name, mended)
    return text if quote(text, 300) == f"`{text}`" else example_of(tool)
