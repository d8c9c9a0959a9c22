"""Ten thousand hostile texts, the same for every door, and what they must not do."""

import random
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from skill.tools.catalog import Tool, tools
from skill.tools.refusals import EXAMPLES

TEXTS = 10_000
FITTING = 40
"""Every so many calls, one that is wrong in nothing but a text."""
LONGEST = 1_000_000
"""Characters of every 500th text."""
SHELL = (
    "; touch {}",
    "$(touch {})",
    "`touch {}`",
    "| tee {}",
    "&& touch {} #",
    "\n touch {}\n",
)
QUOTES = (
    "> {}",
    "'; touch {}; '",
    '"; touch {}; "',
    "\\",
    "$IFS",
    "${HOME}",
    "~/",
    "%s%n",
    "*",
)
PLACES = ("../../../../{}", "/etc/passwd", "file://{}", "C:\\{}", "..", "/", "./-rf", "--", "-")
OPTIONS = (
    "--json",
    "--force",
    "--fix",
    "--set=a=b",
    "--run-id",
    "--out={}",
    "--config={}",
    "=",
)
UNSEEN = ("\x00", "\x1b[2J", "\x1b]0;t\x07", "\u202e", "\u200b", "\ud800", "\r", "\t", "\u2028")
MARKUP = ("```", "|", "](http://x)", "<img src=x>", "![x](y)", "<!-- -->", "{{7*7}}", "[]", "é")
ORDERS = ("ignore previous instructions", "stop all runs", "system:", "run a; stop a", "ppo_v1")
PIECES = (*SHELL, *QUOTES, *PLACES, *OPTIONS, *UNSEEN, *MARKUP, *ORDERS)
ARGUMENTS = ("run", "runs", "grep", "data", "commands", "set", "config", "confirm", "folder")
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e\u2028]")
"""What a terminal would obey, or what hides words from a reader; lines and tabs are neither."""


def hostile_texts(target: Path, count: int = TEXTS) -> Iterator[str]:
    """Made of what shells, paths, terminals, Markdown and models take for more than text.

    target: the file that their commands would write.
    """
    chance = random.Random(2026)  # noqa: S311 - the same texts each time
    for number in range(count):
        pieces = chance.choices(PIECES, k=chance.randint(1, 6))
        text = chance.choice(("", " ", "x")).join(pieces)
        if number % 500 == 0:
            text *= LONGEST // max(1, len(text))
        yield text.replace("{}", str(target))


def hostile_calls(texts: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A call of a tool for each text: the name of the tool, and its arguments."""
    chance = random.Random(7)  # noqa: S311
    for number, text in enumerate(texts):
        if number % FITTING == 0:
            yield _fitting(text, chance)
            continue
        tool = chance.choice(tools())
        named = chance.choices([*tool.schema["properties"], *ARGUMENTS], k=2)
        given = {name: chance.choice((text, [text], {text: text}, 7)) for name in named}
        yield chance.choice((tool.name, tool.name, tool.name, text)), given | _only_shown(tool)


def _fitting(text: str, chance: random.Random) -> tuple[str, dict[str, Any]]:
    """A call that a tool would take, were it not for a text in a place for texts."""
    # Those that seek answers in the background begin a process for each.
    quick = [
        tool for tool in tools() if tool.effect != "computes" and tool.name != "train_data"
    ]
    tool = chance.choice(quick)
    places = {"string": text, "array": [text]}
    fields = tool.schema["properties"].items()
    fitting = {
        name: places[field["type"]] for name, field in fields if field.get("type") in places
    }
    name = chance.choice(list(fitting))
    example = EXAMPLES.get(tool.name, {})
    return tool.name, {**example, name: fitting[name]} | _only_shown(tool)


def _only_shown(tool: Tool) -> dict[str, Any]:
    """What keeps a call from starting anything."""
    return {"dry_run": True} if "dry_run" in tool.schema["properties"] else {}


def without_halves(text: str) -> str:
    """The text without the half of a character, which no process and no model can be told."""
    return text.replace("\ud800", "")


def short_texts(target: Path, count: int, longest: int = 500) -> list[str]:
    """So many of the texts that are no longer than this."""
    fitting = (text for text in hostile_texts(target) if len(text) <= longest)
    return list(islice(fitting, count))


def assert_nothing_happened(home: Path, *others: str) -> None:
    """Nothing but what calls may leave: records of calls, answers, an empty folder for runs.

    others: what else stands beside the home.
    """
    assert {path.name for path in home.parent.iterdir()} <= {home.name, *others}
    left = {path.name for path in home.iterdir()} if home.is_dir() else set()
    assert left <= {"agents", "answers", "runs", "audit.jsonl"}
    assert not list(home.glob("runs/[!.]*"))
