"""Ten thousand hostile texts through the doors: no command runs, nothing outside is touched."""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivetrain.errors import UserError
from skill.__main__ import main
from skill.tools.audit import audit_file
from skill.tools.catalog import tools
from skill.tools.door import Caller, Door

TEXTS = 10_000
LONGEST = 1_000_000
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
    "${{HOME}}",
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
VERBS = ("status", "logs", "stop", "resume", "wait", "diagnose", "help", "compare", "export")
ARGUMENTS = ("run", "runs", "grep", "data", "commands", "set", "config", "confirm", "folder")


def hostile_texts(target: Path) -> Iterator[str]:
    """Made of what shells, paths, terminals, Markdown and models take for more than text."""
    chance = random.Random(2026)  # noqa: S311 - the same texts each time
    for number in range(TEXTS):
        count = chance.randint(1, 6)
        text = chance.choice(("", " ", "x")).join(chance.choices(PIECES, k=count))
        if number % 500 == 0:
            text *= LONGEST // max(1, len(text))
        yield text.replace("{}", str(target))


def asked_of_tools(text: str, chance: random.Random) -> tuple[str, dict[str, Any]]:
    tool = chance.choice(tools())
    named = chance.choices([*tool.schema["properties"], *ARGUMENTS], k=2)
    given = {name: chance.choice((text, [text], {text: text}, 7)) for name in named}
    # Whatever can be started is only shown.
    shown = {"dry_run": True} if "dry_run" in tool.schema["properties"] else {}
    return chance.choice((tool.name, tool.name, tool.name, text)), {**given, **shown}


@pytest.mark.filterwarnings("error")
def test_no_text_runs_a_command_or_touches_a_file_or_ends_in_a_traceback(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "touched"
    chance = random.Random(7)  # noqa: S311
    door = Door(home, Caller("mcp"))
    for text in hostile_texts(target):
        tool, arguments = asked_of_tools(text, chance)
        try:
            said = door.call(tool, arguments).report
        except UserError as error:
            said = str(error)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", said), text
        # No process is ever handed these two.
        typed = text.replace("\x00", "").replace("\ud800", "")
        main([f"{chance.choice(VERBS)} {typed}"])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err, text
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", out + err), text
    assert {path.name for path in tmp_path.iterdir()} <= {"home"}
    assert {path.name for path in home.iterdir()} <= {"answers", "runs", "audit.jsonl"}
    assert not list(home.glob("runs/[!.]*"))
    assert len(audit_file(home).read_bytes().splitlines()) == TEXTS
