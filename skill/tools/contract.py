"""A call as data: what a tool takes, and the chat words that stand for the same.

A contract is the shape of one tool, published to every host. Its fields are words of the chat
grammar: what an option means is stated there, and read from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_origin

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from drivetrain.options import Given
from skill.grammar import Verb

Detail = Literal["concise", "detailed"]


class Contract(BaseModel):
    """What one tool takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Flag:
    """Marks a field as an option of a verb, whose meaning it has."""

    verb: Verb
    flag: str

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The field's schema, described as help describes the option."""
        (meaning,) = (each.meaning for each in self.verb.options if each.flag == self.flag)
        return handler(core_schema) | {"description": meaning}


@dataclass(frozen=True, slots=True)
class Argument:
    """Marks a field as a plain word behind the verb; a tuple takes all that are left."""


def words_of(verb: str, asked: Contract) -> list[str]:
    """The words behind `/train` that ask for the same.

    A field without a mark is a matter of tools alone, and no word stands for it.
    """
    flags, arguments = [], []
    for name, field in type(asked).model_fields.items():
        for value in _values(getattr(asked, name)):
            match _mark(field):
                case Flag(flag=flag):
                    # Joined: a value that begins with a dash must not become an option.
                    flags.append(flag if value is True else f"{flag}={value}")
                case Argument():
                    arguments.append(str(value))
                case None:
                    continue
    return [*verb.split(), *arguments, *flags]


def arguments_of(contract: type[Contract], given: Given) -> dict[str, Any] | None:
    """What a tool is called with for the same as these words; None where it cannot be told."""
    left, told = list(given.arguments), {}
    flags = set(given.values)
    for name, field in contract.model_fields.items():
        match _mark(field):
            case Flag(flag=flag) if flag in given:
                flags.discard(flag)
                texts = given.values[flag]
                told[name] = list(texts) if _is_many(field) else texts[-1] or True
            case Argument() if left:
                told[name] = left if _is_many(field) else left[0]
                left = [] if _is_many(field) else left[1:]
    return None if left or flags else told


def _values(value: object) -> tuple[object, ...]:
    """Those that words stand for: no switch that is off, nothing that was left out."""
    if value is None or value is False:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _mark(field: FieldInfo) -> Flag | Argument | None:
    return next((mark for mark in field.metadata if isinstance(mark, Flag | Argument)), None)


def _is_many(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is tuple


def published(contract: type[Contract]) -> dict[str, Any]:
    """The schema that hosts are told: flat, every field described, without empty titles."""
    schema = contract.model_json_schema()
    fields: Mapping[str, dict[str, Any]] = schema["properties"]
    return {
        "type": "object",
        "properties": {name: _bare(field) for name, field in fields.items()},
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def _bare(field: Mapping[str, Any]) -> dict[str, Any]:
    """A field's schema without what says nothing: its name as a title, and null as a choice."""
    kept = {name: value for name, value in field.items() if name != "title"}
    choices = [one for one in kept.pop("anyOf", []) if one.get("type") != "null"]
    kept.update(choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})
    if kept.get("default", ...) is None:
        del kept["default"]
    return kept
