"""What hosts may read without calling a tool: pages of runs, help, checks, the skill itself."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import anyio.to_thread
from mcp import types
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from drivetrain.errors import NotFoundError, UserError
from drivetrain.runs.look import Run
from drivetrain.runs.registry import find_run, overview
from drivetrain.settings import PROJECT
from drivetrain.text import plain, quote
from skill.actions import act
from skill.command import parse
from skill.facts import state_word
from skill.room import Room
from skill.verbs import starting

MARKDOWN: Final = "text/markdown"
YAML: Final = "application/yaml"
SKILL: Final = "skill://train/SKILL.md"
MOST_LISTED: Final = 20
LONGEST_LINE: Final = 500
LONGEST: Final = 100_000
"""Characters of one resource."""


def add_resources(server: MCPServer[None], home: Path) -> None:
    """Offer them."""

    def page(words: list[str]) -> str:
        return _told(lambda: act(parse(words), Room(home, io.StringIO())).markdown)

    @server.resource(
        "run://{id}", name="run", title="A run", mime_type=MARKDOWN, description="Its page."
    )
    def run(id: str) -> str:  # noqa: A002 - the name in the address
        return page(["status", id])

    @server.resource(
        "run://{id}/config",
        name="run_config",
        title="Settings of a run",
        mime_type=YAML,
        description="Every setting that it runs with, as YAML.",
    )
    def run_config(id: str) -> str:  # noqa: A002 - the name in the address
        return _told(lambda: _config(home, id))

    fixed: dict[str, tuple[str, str, Callable[[], str]]] = {
        "train://help": ("help", "Every verb of `/train`.", lambda: page(["help"])),
        "train://doctor": ("doctor", "What is wrong here.", lambda: page(["doctor"])),
        SKILL: ("skill", "The skill that teaches `/train`.", _skill),
    }
    for verb in starting():
        does = f"Every option and setting of `/train {verb.name}`: default, limits, meaning."
        fixed[f"train://config/{verb.name}"] = (
            f"config_{verb.name}",
            does,
            partial(page, ["help", verb.name]),
        )
    for address, (name, does, read) in fixed.items():
        server.resource(address, name=name, description=does, mime_type=MARKDOWN)(_named(read))


def address_refusal(address: str) -> str:
    """That nothing stands at an address, in words that show it plainly."""
    return (
        f"{quote(address)} is no resource; there are `run://ID`, `run://ID/config`, "
        f"`train://help`, `train://doctor`, `train://config/ALGORITHM` and `{SKILL}`. "
        "Try `train://help`."
    )


async def newest_runs(home: Path) -> list[types.Resource]:
    """The newest runs as resources, the active ones first."""
    found = await anyio.to_thread.run_sync(_newest, home, abandon_on_cancel=True)
    return [
        types.Resource(
            uri=f"run://{run.id}",
            name=run.id,
            title=f"Run {run.id}: {run.algorithm}, {state_word(run.state)}",
            mime_type=MARKDOWN,
        )
        for run in found
    ]


def _newest(home: Path) -> list[Run]:
    try:
        seen = overview(home, MOST_LISTED)
    except OSError:  # an unusable home: tools say what is wrong with it
        return []
    return [*seen.active, *seen.queued, *seen.ended][:MOST_LISTED]


def _named(read: Callable[[], str]) -> Callable[[], str]:
    """The same as a plain function, which is what the library takes."""

    def resource() -> str:
        return read()

    return resource


def _config(home: Path, run_id: str) -> str:
    text = find_run(home, run_id).folder.config.read_text(encoding="utf-8", errors="replace")
    lines = text.removesuffix("\n").split("\n")
    return "".join(f"{plain(line, LONGEST_LINE)}\n" for line in lines)


def _skill() -> str:
    return (PROJECT / "SKILL.md").read_text(encoding="utf-8")


def _told(read: Callable[[], str]) -> str:
    try:
        return read()[:LONGEST]
    except NotFoundError as error:
        raise ResourceNotFoundError(str(error)) from error
    except UserError as error:
        raise ResourceError(str(error)) from error
    except OSError as error:
        raise ResourceError(f"It cannot be read: {error.strerror}.") from error
