"""A request model, field by field: the facts behind help, `--set` paths and error sentences.

Everything is read off the models' JSON schema; nothing is stated here a second time.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from drivetrain.options import Option
from drivetrain.text import listing
from trainers.train_request import TrainRequest

Schema = Mapping[str, Any]
_KINDS = {"integer": "a whole number", "number": "a number", "string": "text"}


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One settable value of a request."""

    path: str
    """Where it stands: `ppo.gamma`."""
    allowed: str
    """What it may be: `a number from 0 to 1`."""
    default: object
    meaning: str
    flag: str | None
    """The option that sets it, where there is one."""
    example: str
    """A value that is allowed, as one would type it."""

    limits: Schema
    """What it may be, in the words of JSON schema; null is left out."""

    @property
    def pattern(self) -> bool:
        """Whether only its meaning tells what the text must look like."""
        return "pattern" in self.limits

    @property
    def rule(self) -> str:
        """What it may be, for a sentence that began with what it is."""
        meaning = f"{self.meaning[:1].lower()}{self.meaning[1:].removesuffix('.')}"
        return f"allowed: {meaning}" if self.pattern else f"it is {self.allowed}"

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def default_text(self) -> str:
        """The default as one would type it, `-` where there is none."""
        return "-" if self.default is None else typed(self.default)


@cache
def fields_of(model: type[TrainRequest]) -> Mapping[str, FieldFacts]:
    """Every settable value of the model by its path, in the model's order."""
    schema = model.model_json_schema()
    return {facts.path: facts for facts in _walk(schema, schema.get("$defs", {}), "", {})}


@cache
def sections_of(model: type[TrainRequest]) -> Mapping[str, tuple[str, ...]]:
    """The names inside each section; the request itself is the section ``.

    A section `ppo` holds the names of `ppo.gamma` and its neighbours.
    """
    sections: dict[str, list[str]] = {"": []}
    for path in fields_of(model):
        parts = path.split(".")
        for depth in range(len(parts)):
            names = sections.setdefault(".".join(parts[:depth]), [])
            if parts[depth] not in names:
                names.append(parts[depth])
    return {section: tuple(names) for section, names in sections.items()}


def option_fields(model: type[TrainRequest]) -> Mapping[str, Option]:
    """The options of the verb, by the path of the field that each sets."""
    return {
        facts.path: Option(facts.flag, facts.meaning, _placeholder(facts))
        for facts in fields_of(model).values()
        if facts.flag
    }


def typed(value: object) -> str:
    """The value as a person types it."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _walk(
    schema: Schema, shared: Schema, section: str, defaults: Mapping[str, Any]
) -> Iterator[FieldFacts]:
    for name, stated in schema["properties"].items():
        path = f"{section}.{name}" if section else name
        inner = _resolved(stated, shared)
        default = defaults.get(name, stated.get("default"))
        if "properties" in inner:
            yield from _walk(inner, shared, path, default or {})
        else:
            yield _facts(path, stated, default)


def _resolved(schema: Schema, shared: Schema) -> Schema:
    reference = schema.get("$ref")
    return shared[reference.removeprefix("#/$defs/")] if reference else schema


def _facts(path: str, schema: Schema, default: object) -> FieldFacts:
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    limits = kinds[0]
    example = next(iter(schema.get("examples", [])), default)
    if example is None:
        example = limits.get("minimum", limits.get("maximum", 1))
    return FieldFacts(
        path=path,
        allowed=" or ".join(map(_allowed, kinds))
        + (", or null" if len(kinds) < _ways(schema) else ""),
        default=default,
        meaning=schema["description"],
        flag=schema.get("option"),
        example=typed(example),
        limits=limits,
    )


def _ways(schema: Schema) -> int:
    return len(schema.get("anyOf", [schema]))


def _allowed(schema: Schema) -> str:
    if "const" in schema or "enum" in schema:
        names = [str(name) for name in schema.get("enum", [schema.get("const")])]
        return f"one of {listing(names)}" if len(names) > 1 else listing(names)
    if schema.get("type") == "array":
        return f"a list such as [64, 64], where each is {_allowed(schema['items'])}"
    if schema.get("format") == "path":
        return "a path"
    return f"{_KINDS[schema['type']]}{_range(schema)}"


def _range(schema: Schema) -> str:
    lowest, highest = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    words = [
        "" if lowest is None else f" from {lowest:,}",
        "" if above is None else f" above {above:,}",
        "" if highest is None else f" {'to' if above is None else 'up to'} {highest:,}",
    ]
    return "".join(words)


def _placeholder(facts: FieldFacts) -> str:
    if facts.allowed.startswith("a path"):
        return "PATH"
    if facts.allowed.startswith("a whole number"):
        return "N"
    return facts.name.upper().removeprefix("RUN_").removeprefix("MAX_")
