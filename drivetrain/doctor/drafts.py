"""Records under passing names that nobody will ever rename: their writers were killed."""

import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.doctor.finding import Finding
from drivetrain.doctor.folders import attempts_of, run_folders
from drivetrain.runs.folder import runs_folder
from drivetrain.text import quote

OLD_S = 3600.0
"""A write takes milliseconds, a start seconds: what is older was given up."""
PASSING_FOLDER = re.compile(r"\.new-[0-9a-f]{16}")
PASSING_FILE = re.compile(r"\.[\w.-]+\.\d+\.[0-9a-f]{8}|[\w-]+\.json\.\d+")
"""How `runs/atomic.py` and the supervisor call a file until it is whole."""


def check_drafts(home: Path) -> Iterator[Finding]:
    """Drafts of run folders and of records, an hour old or older."""
    old = [path for path in (*_folders(home), *_files(home)) if _is_old(path)]
    for draft in old:
        yield Finding(
            "drafts",
            "warning",
            f"{quote(str(draft), 200)} was begun over an hour ago and never became whole.",
            "Its writer was killed; `/train doctor --fix` removes it.",
            partial(_remove, draft),
        )
    if not old:
        yield Finding("drafts", "ok", "No record was left half written.")


def _folders(home: Path) -> Iterator[Path]:
    if runs_folder(home).is_dir():
        entries = runs_folder(home).iterdir()
        yield from (path for path in entries if PASSING_FOLDER.fullmatch(path.name))


def _files(home: Path) -> Iterator[Path]:
    for folder in run_folders(home):
        for place in (folder.path, *(attempt.path for attempt in attempts_of(folder))):
            entries = place.iterdir()
            yield from (path for path in entries if PASSING_FILE.fullmatch(path.name))


def _is_old(path: Path) -> bool:
    try:
        return SYSTEM.wall() - path.stat().st_mtime > OLD_S
    except FileNotFoundError:  # it became whole at this very moment
        return False


def _remove(draft: Path) -> str:
    if draft.is_dir():
        shutil.rmtree(draft)
    else:
        draft.unlink(missing_ok=True)
    return f"Removed the draft {quote(str(draft), 200)}."
