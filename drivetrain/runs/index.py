"""The index of a home's runs: one small SQLite file, `runs/.index/index.db`.

It has a folder of its own since SQLite makes and deletes files beside it, which would touch
`runs/` on every look, and the time of that folder's last change is what tells whether
somebody added or removed a run by hand.  A home that several machines share has an index on
each: SQLite's log and locks work within one machine.
"""

import os
import sqlite3
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.runs.folder import RunFolder, is_run_id, runs_folder
from drivetrain.runs.look import Run, look_at
from drivetrain.runs.mounts import is_networked
from drivetrain.runs.progress import read_progress
from drivetrain.runs.record import Ended, Ending, Verdict
from drivetrain.settings import state_folder

VERSION = 2
PATIENCE_S = 1.0
SETTLED_NS = 2_000_000_000
"""A folder's time is coarse: one younger than this may hide a later change, so look again."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, algorithm TEXT NOT NULL, created REAL NOT NULL, ended_at REAL,
  how TEXT, reason TEXT, detail TEXT, step INTEGER, unit INTEGER, attempt INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_end ON runs (ended_at DESC, created DESC);
CREATE INDEX IF NOT EXISTS by_start ON runs (created DESC);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
INSERT OR IGNORE INTO meta VALUES ('seen_ns', 0), ('ended', 0);
CREATE TRIGGER IF NOT EXISTS count_in AFTER INSERT ON runs WHEN new.ended_at IS NOT NULL
  BEGIN UPDATE meta SET value = value + 1 WHERE name = 'ended'; END;
CREATE TRIGGER IF NOT EXISTS count_out AFTER DELETE ON runs WHEN old.ended_at IS NOT NULL
  BEGIN UPDATE meta SET value = value - 1 WHERE name = 'ended'; END;
CREATE TRIGGER IF NOT EXISTS count_over AFTER UPDATE ON runs
  WHEN (old.ended_at IS NULL) <> (new.ended_at IS NULL)
  BEGIN
    UPDATE meta SET value = value + iif(new.ended_at IS NULL, -1, 1) WHERE name = 'ended';
  END;
"""
ADD = "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
SAVE = """
INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET algorithm = excluded.algorithm, created = excluded.created,
  ended_at = excluded.ended_at, how = excluded.how, reason = excluded.reason,
  detail = excluded.detail, step = excluded.step,
  unit = excluded.unit, attempt = excluded.attempt
"""
REOPEN = "UPDATE runs SET ended_at = NULL WHERE id = ? AND ended_at IS NOT NULL"
Row = tuple[
    str,
    str,
    float,
    float | None,
    str | None,
    str | None,
    str | None,
    int | None,
    int | None,
    int | None,
]


def index_file(home: Path) -> Path:
    """Where the index of a home is, for this machine."""
    if not is_networked(home):
        return runs_folder(home) / ".index" / "index.db"
    import hashlib  # a shared home alone needs a name made of its path

    name = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:32]
    # By host, since the state folder may be shared as well.
    return state_folder() / "index" / os.uname().nodename / name / "index.db"


class Index:
    """One open connection.  Every method may raise sqlite3.DatabaseError."""

    def __init__(self, home: Path, connection: sqlite3.Connection) -> None:
        self._home = home
        self._connection = connection

    @classmethod
    def open(cls, home: Path) -> "Index":
        """The index of a home, made if it is missing."""
        try:
            file = index_file(home)
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_open(error) from error
        connection = sqlite3.connect(file, timeout=PATIENCE_S, isolation_level=None)
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
        return cls(home, connection)

    @classmethod
    def in_memory(cls, home: Path) -> "Index":
        """An index for this one look, where the file cannot be used."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.executescript(SCHEMA)
        return cls(home, connection)

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def catch_up(self) -> None:
        """Add and drop runs until the index names exactly the folders there are."""
        folder = runs_folder(self._home)
        changed_ns = folder.stat().st_mtime_ns
        if changed_ns == self._seen_ns():
            return
        known = set(self.ids())
        there = set(filter(is_run_id, (entry.name for entry in os.scandir(folder))))
        new = [run for run in map(self._look, there - known) if run is not None]
        self._connection.execute("BEGIN IMMEDIATE")
        # Whoever knew of it meanwhile knows better.
        self._connection.executemany(ADD, map(_row_of, new))
        self._connection.executemany(
            "DELETE FROM runs WHERE id = ?", [(name,) for name in known - there]
        )
        if SYSTEM.wall() * 1e9 - changed_ns > SETTLED_NS:
            self._connection.execute(
                "UPDATE meta SET value = ? WHERE name = 'seen_ns'", (changed_ns,)
            )
        self._connection.execute("COMMIT")

    def save(self, run: Run) -> None:
        """Remember where a run stands.

        An active run is looked at anew each time; a run that is remembered as ended is not.
        So one that was resumed since it was looked at must not be: it is looked at once more.
        """
        self._connection.execute(SAVE, _row_of(run))
        now = self._look(run.id) if isinstance(run.state, Ended) else None
        if now is not None and not isinstance(now.state, Ended):
            self._connection.execute(SAVE, _row_of(now))

    def reopen(self, run_id: str) -> None:
        """Look at this run anew from now on, though it is remembered as ended."""
        self._connection.execute(REOPEN, (run_id,))

    def active(self) -> list[Run]:
        """Every run that had not ended when last seen, looked at now; newest first."""
        rows = self._connection.execute(
            "SELECT id FROM runs WHERE ended_at IS NULL ORDER BY created DESC"
        )
        looks = [self._look(run_id) for (run_id,) in rows.fetchall()]
        return [run for run in looks if run is not None]

    def ended(self, limit: int) -> list[Run]:
        """The runs that ended last, newest first."""
        rows = self._connection.execute(
            "SELECT * FROM runs WHERE ended_at IS NOT NULL"
            " ORDER BY ended_at DESC, created DESC LIMIT ?",
            (limit,),
        )
        return [_run_of(self._home, row) for row in rows.fetchall()]

    def count_ended(self) -> int:
        """How many runs have ended; counted as they end, so that asking costs the same."""
        return self._meta("ended")

    def newest_id(self) -> str | None:
        """The run that was started last."""
        self.catch_up()
        row = self._connection.execute(
            "SELECT id FROM runs ORDER BY created DESC LIMIT 1"
        ).fetchone()
        return None if row is None else str(row[0])

    def ids(self) -> list[str]:
        """The ids of all runs, newest first."""
        rows = self._connection.execute("SELECT id FROM runs ORDER BY created DESC")
        return [run_id for (run_id,) in rows.fetchall()]

    def _look(self, run_id: str) -> Run | None:
        return look_at(RunFolder(self._home, run_id))

    def _seen_ns(self) -> int:
        return self._meta("seen_ns")

    def _meta(self, name: str) -> int:
        query = "SELECT value FROM meta WHERE name = ?"
        return int(self._connection.execute(query, (name,)).fetchone()[0])


def _prepare(connection: sqlite3.Connection) -> None:
    """Tables of this version; those of another are a damage to be rebuilt, not converted."""
    connection.execute("PRAGMA synchronous = NORMAL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == VERSION:
        return
    if version != 0:
        raise sqlite3.DatabaseError(f"index of version {version}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(
        f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
    )


def _cannot_open(error: OSError) -> sqlite3.DatabaseError:
    """The same as SQLite says where a file cannot be opened."""
    failure = sqlite3.OperationalError(str(error))
    failure.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    return failure


def _row_of(run: Run) -> Row:
    """A run as the index keeps it."""
    born = (run.id, run.algorithm, run.created)
    match run.state:
        case Ended() as end:
            told = (end.at or run.created, end.how, end.reason, end.detail)
            return (*born, *told, end.step, end.unit, end.attempt)
        case _:
            return (*born, None, None, None, None, None, None, None)


def _run_of(home: Path, row: Row) -> Run:
    """An ended run out of the index; only its last progress is read from its folder."""
    run_id, algorithm, created, ended_at, how, reason, detail, step, unit, attempt = row
    folder = RunFolder(home, run_id)
    verdict = Verdict.parse(
        {"how": how, "reason": reason, "detail": detail or "", "step": step}
    )
    if verdict is None:
        raise sqlite3.DatabaseError(f"`{run_id}` ended in no known way")
    state = verdict.ended(folder, algorithm, Ending(attempt or 1, ended_at, unit))
    return Run(run_id, algorithm, created, state, read_progress(folder), folder)
