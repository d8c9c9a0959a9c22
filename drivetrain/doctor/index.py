"""Does the index say the same as the run folders?"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from drivetrain.doctor.finding import Finding
from drivetrain.doctor.folders import run_folders
from drivetrain.runs.index import Index, index_file
from drivetrain.runs.look import look_at
from drivetrain.runs.record import Ended
from drivetrain.runs.registry import rebuild

MOST_NAMES = 3


def check_index(home: Path) -> Iterator[Finding]:
    """Whether the index file is sound, and every end in it is the run's own."""
    if not index_file(home).exists():
        yield Finding("index", "ok", "There is no index yet; the next look makes it.")
        return
    wrong = _damage(home) or _lies(home)
    if not wrong:
        yield Finding("index", "ok", "The index says the same as the run folders.")
        return
    yield Finding(
        "index",
        "warning",
        f"The index {wrong}.",
        "No run is lost by that: `/train doctor --fix` makes it anew from the run folders.",
        partial(_rebuild, home),
    )


def _damage(home: Path) -> str:
    """What SQLite finds wrong with the file."""
    try:
        with closing(sqlite3.connect(index_file(home))) as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        return f"cannot be read ({error})"
    return "" if said == "ok" else "is damaged inside"


def _lies(home: Path) -> str:
    """Which runs the index tells wrongly of, or not at all."""
    try:
        with closing(Index.open(home)) as index:
            index.catch_up()
            listed = set(index.ids())
            ends = {run.id: run.state for run in index.ended(-1)}
    except sqlite3.DatabaseError as error:
        return f"cannot be read ({error})"
    wrong = []
    for folder in run_folders(home):
        run = look_at(folder)
        if run is None:
            continue
        told = ends.get(run.id)
        is_wrong = isinstance(told, Ended) and _gist(told) != _gist(run.state)
        if run.id not in listed or is_wrong:
            wrong.append(run.id)
    names = ", ".join(f"`{name}`" for name in wrong[:MOST_NAMES])
    more = f" and {len(wrong) - MOST_NAMES} more" if len(wrong) > MOST_NAMES else ""
    return f"is wrong about {names}{more}" if wrong else ""


def _gist(state: object) -> object:
    return (state.how, state.reason) if isinstance(state, Ended) else None


def _rebuild(home: Path) -> str:
    rebuild(home)
    return "Made the index anew from the run folders."
