"""What the events of a run tell of its learning, over all its attempts."""

import os
from collections.abc import Iterator
from typing import Any

from drivetrain.runs.atomic import parsed
from drivetrain.runs.folder import RunFolder
from drivetrain.series import History, Point

HEAD = frozenset({"t", "attempt", "step", "event", "cut"})
EMPTY = b'"event": "metrics"}'
"""How a line ends that tells nothing but its step; most do."""
LAST_BYTES = 2 << 20
"""What a quick look reads."""


def read_history(folder: RunFolder, last_bytes: int | None = None) -> History:
    """Every number of the run, or those of the last part of its events.

    What an attempt did after the step that a later one went on from is void.
    """
    found = _Found()
    for event in _events(folder, last_bytes):
        found.take(event)
    return History(found.numbers, found.evaluations, found.best_at, found.warnings)


class _Found:
    """The series as they grow."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[Point]] = {}
        self.evaluations: dict[str, list[Point]] = {}
        self.best_at: list[int] = []
        self.warnings: list[tuple[int, str]] = []

    def take(self, event: dict[str, Any]) -> None:
        step, name = event.get("step"), event.get("event")
        if not isinstance(step, int):
            return
        if name == "metrics":
            _add(self.numbers, step, event)
        elif name == "evaluated":
            _add(self.evaluations, step, event)
        elif name == "best":
            self.best_at.append(step)
        elif name == "warning":
            self.warnings.append((step, str(event.get("text", ""))))
        elif name == "resumed":
            self._forget_after(step)

    def _forget_after(self, step: int) -> None:
        for group in (self.numbers, self.evaluations):
            for series in group.values():
                series[:] = [point for point in series if point[0] <= step]
        self.best_at = [at for at in self.best_at if at <= step]
        self.warnings = [warning for warning in self.warnings if warning[0] <= step]


def _add(group: dict[str, list[Point]], step: int, event: dict[str, Any]) -> None:
    for name, value in event.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if name not in HEAD and is_number:
            group.setdefault(name, []).append((step, float(value)))


def _events(folder: RunFolder, last_bytes: int | None) -> Iterator[dict[str, Any]]:
    try:
        with folder.events.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            skipped = 0 if last_bytes is None else max(0, size - last_bytes)
            file.seek(skipped)
            if skipped:
                file.readline()
            for line in file:
                event = None if line.rstrip().endswith(EMPTY) else _parsed(line)
                if event is not None:
                    yield event
    except OSError:
        return


def _parsed(line: bytes) -> dict[str, Any] | None:
    """An event, or None where its line is torn or damaged."""
    try:
        event = parsed(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
