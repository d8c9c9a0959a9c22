"""What an agent was asked, said, called and was answered: one line each, as it happens."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drivetrain.clock import SYSTEM, Clock


class Transcript:
    """A new file in the home's `agents/`, which grows line by line and is never rewritten."""

    def __init__(self, home: Path, role: str, clock: Clock = SYSTEM) -> None:
        folder = home / "agents"
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        when = datetime.fromtimestamp(clock.wall(), UTC).strftime("%Y%m%dT%H%M%SZ")
        self.path, self._file = _new_file(folder, f"{when}-{role}")

    def write(self, what: str, **facts: Any) -> None:
        """Add one line, whole, so that a reader sees it at once.  what: such as `said`."""
        line = {"at": round(self._clock.wall(), 3), "what": what, **facts}
        os.write(
            self._file, (json.dumps(line, ensure_ascii=False, default=str) + "\n").encode()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        os.close(self._file)


def _new_file(folder: Path, name: str) -> tuple[Path, int]:
    """A file of this name, numbered where another agent began in the same second."""
    number = 1
    while True:
        path = folder / (f"{name}.jsonl" if number == 1 else f"{name}-{number}.jsonl")
        try:
            return path, os.open(
                path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644
            )
        except FileExistsError:
            number += 1
