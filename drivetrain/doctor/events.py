"""Are the events of the runs that are over whole lines?"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from drivetrain.doctor.finding import Finding
from drivetrain.doctor.folders import is_quiet, run_folders
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.locks import held_if_free

MOST_BYTES = 1 << 30
"""Of all events together, the newest runs first: the rest are passed over unread."""


def check_events(home: Path) -> Iterator[Finding]:
    """Lines of `events.jsonl` that are no events; readers pass over them."""
    left = MOST_BYTES
    damaged = 0
    for folder in run_folders(home):
        size = folder.events.stat().st_size if folder.events.is_file() else 0
        left -= size
        if left < 0:
            break
        if size and is_quiet(folder) and (lines := len(list(_bad_lines(folder)))):
            damaged += 1
            yield Finding(
                "events",
                "warning",
                f"Damaged lines in `{folder.events.name}` of run `{folder.id}`: {lines}; the "
                "others stand.",
                "`/train doctor --fix` blanks them and keeps a copy.",
                partial(_blank, folder),
            )
    if not damaged:
        yield Finding("events", "ok", "The events of the runs can be read.")


def _bad_lines(folder: RunFolder) -> Iterator[tuple[int, bytes]]:
    """Where each damaged line begins, in bytes, and the line; blank ones were repaired."""
    at = 0
    with folder.events.open("rb") as file:
        for line in file:
            if line.strip() and not (line.endswith(b"\n") and _is_event(line)):
                yield at, line
            at += len(line)


def _is_event(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _blank(folder: RunFolder) -> str:
    """Overwrite damaged lines with spaces: every other line stays where it is."""
    with held_if_free(folder.run_lock) as mine:
        if not mine:
            return f"Left the events of run `{folder.id}` alone: it is at work again."
        bad = list(_bad_lines(folder))
        copy = folder.events.with_name(f"{folder.events.name}.damaged")
        with copy.open("ab") as kept:
            kept.writelines(line for _, line in bad)
        with folder.events.open("r+b") as file:
            for at, line in bad:
                file.seek(at)
                file.write(b" " * (len(line) - 1) + b"\n")
    return f"Blanked damaged lines in the events of run `{folder.id}`: {len(bad)}."
