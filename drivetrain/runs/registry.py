"""All runs of a home, without opening every folder.

The run folders are the truth.  The index only remembers which runs are over, and how: it is
brought up to date on every look, rebuilt unasked where it is missing or damaged, and held in
memory where it cannot be written.  Trainers never touch it.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from drivetrain.errors import DataError, NotFoundError
from drivetrain.runs.folder import RunFolder, is_run_id, runs_folder
from drivetrain.runs.index import Index, index_file
from drivetrain.runs.locks import held
from drivetrain.runs.look import Run, look_at
from drivetrain.runs.record import Ended, Queued
from drivetrain.text import quote

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Overview:
    """The runs of a home, newest first.  ended: the newest few of `ended_total`."""

    active: tuple[Run, ...]
    queued: tuple[Run, ...]
    ended: tuple[Run, ...]
    ended_total: int


def overview(home: Path, ended_limit: int = 20) -> Overview:
    """Every active and queued run, and the newest of the ended ones."""
    if not runs_folder(home).is_dir():
        return Overview((), (), (), 0)
    return _answer(home, lambda index: _overview(index, ended_limit))


def find_run(home: Path, run_id: str) -> Run:
    """The run of this name.

    Raises:
        NotFoundError: there is none; names the nearest.
        DataError: its request is damaged.
    """
    run = look_at(RunFolder(home, run_id)) if is_run_id(run_id) else None
    if run is not None:
        run = _settled(run)
        if isinstance(run.state, Queued) and run.state.attempt > 1:
            # Whoever asked it to go on may not have lived to tell the index.
            reopen(home, run_id)
        return run
    if is_run_id(run_id) and RunFolder(home, run_id).request.exists():
        raise DataError(
            f"What run `{run_id}` was asked for cannot be read: its `request.json` is damaged."
            " Its checkpoints and logs are where they were. Try `/train doctor`."
        )
    raise NotFoundError(_no_such_run(home, run_id))


def newest(home: Path) -> Run | None:
    """The run that was started last, or None before the first."""
    if not runs_folder(home).is_dir():
        return None
    run_id = _answer(home, lambda index: index.newest_id())
    return None if run_id is None else look_at(RunFolder(home, run_id))


def note(home: Path, run: Run) -> None:
    """Remember where a run stands; losing this costs the next look a moment, nothing else."""
    with suppress(sqlite3.DatabaseError), closing(Index.open(home)) as index:
        index.save(run)


def reopen(home: Path, run_id: str) -> None:
    """Let every look meet a run again that is remembered as ended, before it goes on.

    Losing this hides it from the looks at all runs, until the next look at this one.
    """
    with suppress(sqlite3.DatabaseError), closing(Index.open(home)) as index:
        index.reopen(run_id)


def rebuild(home: Path) -> None:
    """Make the index anew from the run folders; nothing else is touched."""
    with suppress(sqlite3.DatabaseError), _rebuilt(home):
        pass


def _overview(index: Index, ended_limit: int) -> Overview:
    """Look at the active runs, remember those that ended meanwhile, list the rest."""
    index.catch_up()
    living = []
    for run in map(_settled, index.active()):
        if isinstance(run.state, Ended):
            index.save(run)
        else:
            living.append(run)
    return Overview(
        active=tuple(run for run in living if not isinstance(run.state, Queued)),
        queued=tuple(run for run in living if isinstance(run.state, Queued)),
        ended=tuple(index.ended(ended_limit)),
        ended_total=index.count_ended(),
    )


def _settled(run: Run) -> Run:
    """The run, with an end that nobody recorded now on record."""
    attempt = run.folder.last_attempt()
    if not isinstance(run.state, Ended) or attempt is None or attempt.exit.exists():
        return run
    # Few looks meet an end that nobody recorded.
    from drivetrain.runs.settle import settle

    with suppress(OSError):  # a home that only others may write is still readable
        settle(run.folder)
    return look_at(run.folder) or run


def _answer(home: Path, ask: Callable[[Index], T]) -> T:
    """What the index says, whatever state its file is in."""
    with suppress(sqlite3.DatabaseError):
        try:
            with closing(Index.open(home)) as index:
                return ask(index)
        except sqlite3.DatabaseError as error:
            if _is_unusable(error):
                raise
        with _rebuilt(home) as index:
            return ask(index)
    with closing(Index.in_memory(home)) as index:
        return ask(index)


UNUSABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_PERM,
    }
)


def _is_unusable(error: sqlite3.DatabaseError) -> bool:
    """Whether the file cannot be used now, though nothing says that it is damaged."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in UNUSABLE  # the low byte; the rest only refines it


@contextmanager
def _rebuilt(home: Path) -> Iterator[Index]:
    """A new index in place of a damaged one, made by one process at a time."""
    file = index_file(home)
    with held(file.with_name("rebuild.lock")):
        for damaged in file.parent.glob(f"{file.name}*"):
            damaged.unlink(missing_ok=True)
        with closing(Index.open(home)) as index:
            index.catch_up()
    with closing(Index.open(home)) as index:
        yield index


def _no_such_run(home: Path, run_id: str) -> str:
    """What is wrong, what there is, and what to type."""
    import difflib  # only a typo needs it

    known = _answer(home, _all_ids) if runs_folder(home).is_dir() else []
    shown = quote(run_id, 80)
    if not known:
        return f"There is no run {shown}; there are none yet. Try `/train ppo --run-id ppo_v1`."
    near = difflib.get_close_matches(run_id, known, n=3, cutoff=0.5)
    if near:
        names = ", ".join(f"`{name}`" for name in near)
        return f"There is no run {shown}; similar: {names}. Try `/train status {near[0]}`."
    last = known[0]
    return f"There is no run {shown}; the newest is `{last}`. Try `/train status {last}`."


def _all_ids(index: Index) -> list[str]:
    """The ids of all runs, newest first."""
    index.catch_up()
    return index.ids()
