"""What MLflow shows of a run's own records: pure, from facts to metrics, params and tags."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

PREFIXES = {"metrics": "", "evaluated": "eval/"}
"""Events whose numbers become metrics, and what their names begin with."""

STEP_TAGS = {"best": "best_step", "resumed": "resumed_at"}
"""Events of which the step of the last one is shown."""

BODY_TAGS = ("warning", "stage")
"""Events of which the last one's own facts are shown."""

HEAD = ("t", "attempt", "step", "event")
FORBIDDEN = re.compile(r"[^\w\-. :/]", re.ASCII)
"""Characters that no name in MLflow may hold."""


@dataclass(frozen=True, slots=True)
class Number:
    """A point of a curve.  at_ms: wall clock."""

    name: str
    value: float
    at_ms: int
    step: int


@dataclass(slots=True)
class Entries:
    """What some events come to; the last word on a tag counts."""

    numbers: list[Number] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


def entries_of(lines: Iterable[bytes]) -> Entries:
    """The entries of lines of `events.jsonl`; a torn line is passed over."""
    entries = Entries()
    for line in lines:
        try:
            event = json.loads(line)
            _add(entries, event, int(event["step"]), round(float(event["t"]) * 1000))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return entries


def _add(entries: Entries, event: Mapping[str, Any], step: int, at_ms: int) -> None:
    name = event["event"]
    body = {key: fact for key, fact in event.items() if key not in HEAD}
    if name in PREFIXES:
        numbers = numbers_of(PREFIXES[name], body, at_ms, step)
        entries.numbers.extend(numbers)
    elif name in STEP_TAGS:
        entries.tags[STEP_TAGS[name]] = str(step)
    elif name in BODY_TAGS:
        told = ", ".join(f"{key}: {fact}" for key, fact in body.items())
        entries.tags[name] = str(body.get("text", told))


def numbers_of(
    prefix: str, facts: Mapping[str, Any], at_ms: int, step: int
) -> Iterable[Number]:
    """The numbers among some facts as points; JSON has no NaN, so null is none."""
    for key, fact in facts.items():
        if isinstance(fact, int | float) and not isinstance(fact, bool):
            yield Number(FORBIDDEN.sub("_", prefix + key), float(fact), at_ms, step)


def judgement_of(evaluation: Mapping[str, Any], at_ms: int) -> list[Number]:
    """How the run's own policy drove the held-out scenarios, as `test/success` and the like."""
    try:
        split, step, own = (
            evaluation["data"]["split"],
            evaluation["step"],
            evaluation["drivers"][0],
        )
        shares = {
            name: part.get("rate", part.get("mean"))
            for name, part in own.items()
            if isinstance(part, Mapping)
        }
        return list(numbers_of(f"{split}/", shares, at_ms, int(step)))
    except (KeyError, IndexError, TypeError):
        return []


def params_of(request: Mapping[str, Any], path: str = "") -> dict[str, str]:
    """A request's values by their paths, such as `ppo.gamma`; what is left open is left out."""
    params: dict[str, str] = {}
    for name, value in request.items():
        if isinstance(value, Mapping):
            params |= params_of(value, f"{path}{name}.")
        elif value is not None:
            shown = value if isinstance(value, str) else json.dumps(value)
            params[FORBIDDEN.sub("_", path + name)] = shown
    return params
