"""`python -m evals.run`: does a model use the skill where it should, and nowhere else?

Asks the `claude` CLI each query of `triggers.json`, with this checkout as its plugin. Every try
is a call of a model, on whatever key or account the CLI has; nothing it asks for is run.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from drivetrain.settings import PROJECT

HERE: Final = PROJECT / "evals"
SKILL: Final = ("train", "train:train")
TOOLS: Final = "mcp__plugin_train_train__"
LISTED: Final = HERE / "mocks" / "train" / "_tools.json"
PATIENCE_S: Final = 300


@dataclass(frozen=True)
class Tried:
    """One query.  fired: in which of the tries the skill or one of its tools was asked for."""

    query: str
    should: bool
    fired: tuple[bool, ...]


@dataclass(frozen=True)
class Score:
    """How many of those that should fired, and how many of those that fired should."""

    recall: float
    precision: float


def is_fired(lines: Iterable[str]) -> bool:
    """Whether the skill, or a tool of it, is asked for in what the CLI streams."""
    for line in lines:
        try:
            message = json.loads(line).get("message") or {}
        except (ValueError, AttributeError):  # what is no event is a word of the CLI to people
            continue
        content = message.get("content") if isinstance(message, Mapping) else None
        blocks = content if isinstance(content, list) else ()
        if any(_is_ours(block) for block in blocks if isinstance(block, Mapping)):
            return True
    return False


def score(tried: Sequence[Tried]) -> Score:
    """Each try counts once; with nothing fired, precision is 1: nothing was wrong."""
    hits = sum(sum(one.fired) for one in tried if one.should)
    wanted = sum(len(one.fired) for one in tried if one.should)
    fired = sum(sum(one.fired) for one in tried)
    return Score(hits / wanted if wanted else 1.0, hits / fired if fired else 1.0)


def listed_tools() -> dict[str, Any]:
    """What the MCP server lists, for stand-ins of it."""
    from skill.tools.catalog import tools

    return {
        "tools": [
            {"name": tool.name, "description": tool.description, "inputSchema": tool.schema}
            for tool in tools()
        ]
    }


def main(words: Sequence[str]) -> int:
    """Print a row for each query, then recall and precision."""
    parser = argparse.ArgumentParser(prog="python -m evals.run", description=__doc__)
    parser.add_argument("--split", choices=("train", "validate"), help="else both")
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--model", help="else the CLI's own choice")
    parser.add_argument("--claude", default=shutil.which("claude") or "claude")
    parser.add_argument(
        "--write-tools", action="store_true", help=f"write {LISTED.name}, ask nobody"
    )
    asked = parser.parse_args(words)
    if asked.write_tools:
        LISTED.write_text(json.dumps(listed_tools(), indent=1) + "\n", encoding="utf-8")
        return 0
    queries = json.loads((HERE / "triggers.json").read_text(encoding="utf-8"))
    tried = []
    for row in queries:
        if asked.split in (None, row["split"]):
            fired = tuple(_ask(row["query"], asked) for _ in range(asked.tries))
            tried.append(Tried(row["query"], row["should_trigger"], fired))
            sign = "+" if row["should_trigger"] else "-"
            sys.stdout.write(f"{sum(fired)}/{len(fired)} {sign} {row['query']}\n")
            sys.stdout.flush()
    result = score(tried)
    sys.stdout.write(f"recall {result.recall:.2f}  precision {result.precision:.2f}\n")
    return 0


def _ask(query: str, asked: argparse.Namespace) -> bool:
    words = [asked.claude, "-p", query, "--plugin-dir", str(PROJECT), "--max-turns", "2"]
    words += ["--output-format", "stream-json", "--verbose"]
    words += ["--model", asked.model] if asked.model else []
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603 - a list of words, no shell
            words,
            cwd=folder,
            # Else a slow start of the server leaves the model without its tools.
            env=os.environ | {"MCP_CONNECTION_NONBLOCKING": "0"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    lines = done.stdout.splitlines()
    # A client that never reached a model must not count as a model that held back.
    if not any('"assistant"' in line for line in lines):
        sys.exit(f"error: {asked.claude} told no answer: {(done.stderr or done.stdout)[-500:]}")
    return is_fired(lines)


def _is_ours(block: Mapping[str, Any]) -> bool:
    if block.get("type") != "tool_use":
        return False
    name = str(block.get("name"))
    return name.startswith(TOOLS) or (
        name == "Skill" and (block.get("input") or {}).get("skill") in SKILL
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
