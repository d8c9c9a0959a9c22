"""What a verb answers: Markdown for people, JSON for machines. Pure."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What a verb answers: Markdown for people, facts for machines, an exit code for shells.

    stream: lines that follow as they come, where the answer goes on.
    closing: asked for the exit code when the last of them has come, where they decide it.
    """

    markdown: str
    facts: Facts = field(default_factory=dict)
    exit_code: int = 0
    stream: Iterator[str] | None = None
    closing: Callable[[], int] | None = None

    def text(self, *, as_json: bool) -> str:
        """The report as it is printed."""
        if as_json:
            return json_text(self.facts)
        return self.markdown


def json_text(facts: object) -> str:
    """Facts as one line of strict JSON that a terminal shows and nothing in it obeys.

    What nobody would see is written as its escape: programs read the same text.
    """
    line = json.dumps(finite(facts), ensure_ascii=False, allow_nan=False)
    return line if line.isprintable() else "".join(map(_escaped, line))


def _escaped(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


def finite(facts: object) -> object:
    """The same facts in strict JSON, which knows neither NaN nor infinity: those are null."""
    if isinstance(facts, Mapping):
        return {name: finite(value) for name, value in facts.items()}
    if isinstance(facts, list | tuple):
        return [finite(value) for value in facts]
    return None if isinstance(facts, float) and not math.isfinite(facts) else facts
