"""What an agent's work leaves, as tests read it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.asked import Result
from tests.clients.messages_api import MessagesAPI


@dataclass(frozen=True)
class Worked:
    """How a work ended, as its caller sees it."""

    exit_code: int
    out: str
    err: str
    api: MessagesAPI
    home: Path

    @property
    def results(self) -> tuple[Result, ...]:
        """What the tools answered, as the model read it last."""
        return [asked for asked in self.api.asked if asked.tools][-1].results

    @property
    def transcript(self) -> list[dict[str, Any]]:
        """The only transcript of the home."""
        (path,) = (self.home / "agents").iterdir()
        return lines_of(path)

    @property
    def audit(self) -> list[dict[str, Any]]:
        """Every call that came to the door."""
        return lines_of(self.home / "audit.jsonl")


Work = Callable[..., Worked]


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The facts of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
