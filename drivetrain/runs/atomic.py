"""Files that are whole or absent, whoever dies while writing them."""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST_DIGITS = 18


def replace_file(path: Path, text: str) -> None:
    """Readers see the old file or the new one, never half of it, even after a power cut."""
    draft = _draft_of(path)
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:
            # A full disk names no file of its own accord, and the person wants to know which.
            error.filename = str(path)
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def replace_json(path: Path, facts: Mapping[str, Any]) -> None:
    """As `replace_file`, with facts."""
    replace_file(path, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def swap_file(path: Path, text: str) -> None:
    """As `replace_file` without the disk's promise: a power cut may leave the file torn.

    For what is replaced every few seconds, and what readers can do without.
    """
    draft = _draft_of(path)
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def sync_folder(path: Path) -> None:
    """The names in a folder survive a power cut from here on."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> dict[str, Any] | None:
    """The facts of a file, or None where it is absent, torn or no JSON object."""
    try:
        facts = parsed(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def parsed(text: bytes) -> Any:
    """What JSON says.  A whole number with more digits than any count has is a float.

    Python's own would grow without end, and end whoever reckons with floats.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deep.
    """
    return json.loads(text, parse_int=_number)


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


def _draft_of(path: Path) -> Path:
    """A name beside the file that no other writer uses, threads and processes alike."""
    return path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
