"""Has every process of an attempt gone with it?"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from drivetrain.doctor.finding import Finding
from drivetrain.runs.environment import ATTEMPT, HOME, RUN
from drivetrain.runs.folder import AttemptFolder, RunFolder, is_run_id
from drivetrain.runs.leftovers import PROC, end_leftovers, leftovers

MARKS = tuple(f"{name}=".encode("ascii") for name in (HOME, RUN, ATTEMPT))


def check_leftovers(home: Path) -> Iterator[Finding]:
    """Living processes of attempts whose end is on record."""
    is_clear = True
    for folder, attempt in _attempts_with_processes(home):
        pids = [process.pid for process in leftovers(folder, attempt)]
        # An end that nobody recorded yet is another finding, and its repair ends these too.
        if not pids or (folder.path.is_dir() and not attempt.exit.exists()):
            continue
        is_clear = False
        what = "has ended" if folder.path.is_dir() else "was deleted"
        yield Finding(
            "left-overs",
            "problem",
            f"Attempt {attempt.number} of run `{folder.id}` {what}, and processes of it live "
            f"on: {', '.join(map(str, pids))}.",
            "`/train doctor --fix` ends them.",
            partial(_end, folder, attempt),
        )
    if is_clear:
        yield Finding("left-overs", "ok", "No process has outlived its run.")


def _attempts_with_processes(home: Path) -> list[tuple[RunFolder, AttemptFolder]]:
    """The attempts of this home that living processes say they belong to."""
    marks = {_mark(path, home) for path in PROC.iterdir() if path.name.isdigit()}
    runs = sorted(mark for mark in marks if mark is not None)
    folders = ((RunFolder(home, run), number) for run, number in runs)
    return [(folder, folder.attempt(number)) for folder, number in folders]


def _mark(process: Path, home: Path) -> tuple[str, int] | None:
    """Run and attempt that a process belongs to, by what it was started with."""
    try:
        words = (process / "environ").read_bytes().split(b"\0")
    except OSError:  # gone, or somebody else's
        return None
    told = dict(os.fsdecode(word).split("=", 1) for word in words if word.startswith(MARKS))
    run, number = told.get(RUN, ""), told.get(ATTEMPT, "")
    is_ours = told.get(HOME) == str(home) and is_run_id(run) and number.isdecimal()
    return (run, int(number)) if is_ours else None


def _end(folder: RunFolder, attempt: AttemptFolder) -> str:
    count = end_leftovers(folder, attempt)
    return f"Ended processes that run `{folder.id}` had left behind: {count}."
