"""YAML text → plain values, by safe loading: no tag runs code, no key is lost in silence."""

from collections.abc import Hashable
from typing import Any

import yaml
from typing_extensions import override

from drivetrain.errors import RequestError
from drivetrain.text import quote


class YamlError(RequestError):
    """The text is no YAML that a config may be made of."""


class _StrictLoader(yaml.SafeLoader):
    """Safe, and strict where PyYAML is silent."""

    @override
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse aliases: a few lines of them unfold into gigabytes."""
        if self.check_event(yaml.AliasEvent):
            raise YamlError("it holds an alias (`*name`); write the value out")
        return super().compose_node(parent, index)

    @override
    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,
    ) -> dict[Hashable, Any]:
        """Refuse repeated keys, of which PyYAML keeps the last, and keys that are no words."""
        seen: set[str] = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.tag != "tag:yaml.org,2002:str":
                raise YamlError(f"the key in line {line} is not a word")
            if key.value in seen:
                raise YamlError(f"{quote(key.value)} is repeated in line {line}; give it once")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str) -> object:
    """The values of a YAML text.

    Raises:
        YamlError: it is not YAML, names code, repeats a key, or nests without end.
    """
    try:
        # _StrictLoader is a SafeLoader.
        return yaml.load(text, _StrictLoader)  # noqa: S506
    except yaml.constructor.ConstructorError as error:
        raise YamlError(_construct_sentence(error)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise YamlError(f"it is not YAML ({place}{error.problem})") from None
    except yaml.YAMLError as error:
        raise YamlError(f"it is not YAML ({quote(str(error))})") from None
    except ValueError as error:
        # A date such as 2026-13-45, or a number too long to read.
        raise YamlError(f"it holds a value that cannot be read ({quote(str(error))})") from None
    except RecursionError:
        raise YamlError("it is nested too deeply") from None


def _construct_sentence(error: yaml.constructor.ConstructorError) -> str:
    line = f"line {error.problem_mark.line + 1}" if error.problem_mark else "it"
    if "tag" in (error.problem or ""):
        return (
            f"{line} holds a tag (`!…`), and a config holds plain values only; nothing was run"
        )
    return f"{line} cannot be read ({error.problem})"
