"""Recordings become a scenario set: file by file, side by side, and never twice.

Each source file becomes a shard in a work folder beside the set. However a conversion ends
(Ctrl-C, a kill, a full disk, a closed terminal), its shards stay, and the same command goes on
from there. At the end they are joined in the order of the files: the same input gives the same
bytes, however many processes and interruptions it took.
"""

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drivetrain.data import integrity
from drivetrain.data.catalogue import Origin
from drivetrain.data.conversion_progress import Progress
from drivetrain.data.convert_file import Job, Outcome, Task, convert_file
from drivetrain.data.converters.contract import Converter
from drivetrain.data.scenario_sets import NothingLeftError, ScenarioSetWriter, require_free
from drivetrain.data.shards import Shard, open_shard
from drivetrain.data.work_folder import clear, owned, parts_of
from drivetrain.data.workers import Workers
from drivetrain.errors import (
    ConflictError,
    DataError,
    NotFoundError,
    RequestError,
    UserError,
)
from drivetrain.text import plain

REPEATED_LOG = "duplicate_log"
REPEATED_ID = "duplicate_id"
FAILED = "error"
MOST_FAILURES = 3
"""So many failed files are told one by one."""
FULL = frozenset(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT))

KINDS = {
    kind.__name__: kind for kind in (RequestError, NotFoundError, DataError, ConflictError)
}
"""What a converter may refuse with; a class does not cross from one process to another."""


class InterruptedConversion(KeyboardInterrupt):
    """Somebody ended the conversion; the text says what is kept."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion came to.  failures: the exception's first line, by source file."""

    files: int
    reused: int
    failures: dict[str, str] = field(default_factory=dict)

    def warning(self) -> str:
        """The failures in a sentence; empty where there are none."""
        if not self.failures:
            return ""
        told = [f"{plain(file)}: {why}" for file, why in self.failures.items()]
        more = "" if len(told) <= MOST_FAILURES else f"; and {len(told) - MOST_FAILURES} more"
        return (
            f"The converter failed on {len(told)} of {self.files} files, which are left out "
            f"(a mistake of this program, please report it): {'; '.join(told[:MOST_FAILURES])}"
            f"{more}."
        )


def cores() -> int:
    """How many processes can really run side by side."""
    return len(os.sched_getaffinity(0))


def convert(
    job: Job, sources: Sequence[Path], out: Path, *, workers: int, progress: Progress
) -> Converted:
    """Writes the set of all sources to `out`.

    workers: processes, at most one per core; with 1 it is this one.
    Raises: UserError and its kin; InterruptedConversion.
    """
    converter = job.converter()
    require_free(out)
    converter.check_options(job.options)
    files = converter.files_in(sources)
    with owned(out) as folder:
        require_free(out)
        parts = parts_of(folder, job, converter.VERSION, files)
        shards = parts.shards
        tasks = [Task(file, path) for file, path in shards.items() if open_shard(path) is None]
        progress.begin(parts.sizes, [task.file for task in tasks])
        kept = len(files) - len(tasks)
        failures: dict[Path, str] = {}
        try:
            failures |= _run(job, tasks, min(workers, cores()), progress)
            _join(converter, shards, failures, out)
        except KeyboardInterrupt:
            raise InterruptedConversion(_how_to_go_on(shards)) from None
        except OSError as error:
            raise _unwritable(error.strerror or str(error), shards, out) from error
        except _BlockedError as error:
            raise _unwritable(str(error), shards, out) from error
        except NothingLeftError as error:  # going on would change nothing
            clear(folder)
            raise DataError(f"{error} {_converted(files, kept, failures).warning()}") from error
        clear(folder)
    return _converted(files, kept, failures)


def _converted(files: Sequence[Path], kept: int, failures: Mapping[Path, str]) -> Converted:
    names = _names(files)
    return Converted(len(files), kept, {names[file]: why for file, why in failures.items()})


class _BlockedError(Exception):
    """A shard cannot be written, and so will none."""


def _run(job: Job, tasks: Sequence[Task], workers: int, progress: Progress) -> dict[Path, str]:
    """Converts what is left; returns why some failed."""
    failures: dict[Path, str] = {}
    for task, outcome in _outcomes(job, tasks, workers):
        if outcome.blocked is not None:
            raise _BlockedError(outcome.blocked)
        if outcome.refused is not None:
            kind, sentence = outcome.refused
            raise KINDS.get(kind, UserError)(sentence)
        if outcome.error is not None:
            failures[task.file] = outcome.error
        progress.done(task.file, outcome)
    return failures


def _outcomes(job: Job, tasks: Sequence[Task], workers: int) -> Iterator[tuple[Task, Outcome]]:
    if min(workers, len(tasks)) <= 1:
        for task in tasks:
            yield task, convert_file(job, task)
        return
    with Workers(job, workers) as running:
        yield from running.run(tasks)


def _join(
    converter: Converter, shards: Mapping[Path, Path], failures: Mapping[Path, str], out: Path
) -> None:
    """The set, out of all shards in the files' order."""
    names = _names(list(shards))
    origin = Origin(converter.SOURCE, converter.VERSION)
    seen = _Seen()
    with ScenarioSetWriter(out, origin, draft_in=next(iter(shards.values())).parent) as writer:
        for file, path in shards.items():
            shard = open_shard(path)
            if shard is None and file not in failures:
                raise OSError(errno.EIO, "a finished part is gone")
            unfit = FAILED if shard is None else (shard.tally.unfit or seen.repeated(shard))
            if unfit is not None:
                writer.reject(f"file_{unfit}")
                writer.damage.unfit[names[file]] = failures.get(file, unfit)
            elif shard is not None:
                _take(writer, shard)


def _take(writer: ScenarioSetWriter, shard: Shard) -> None:
    at = 0
    for block in shard.blocks():
        count = len(block["steps"])
        writer.append(block, shard.rows[at : at + count])
        at += count
    writer.damage.rejects.update(shard.tally.rejects)
    writer.damage.repairs.update(shard.tally.repairs)


class _Seen:
    """The logs and scenarios that earlier files gave."""

    def __init__(self) -> None:
        self._logs: set[tuple[str, str]] = set()
        self._ids: set[str] = set()

    def repeated(self, shard: Shard) -> str | None:
        """Why a file is left out that repeats an earlier one; of the others it takes note."""
        # A row's texts begin with id, source and log.
        ids = {texts[0] for texts, _ in shard.rows}
        logs = {(texts[1], texts[2]) for texts, _ in shard.rows}
        if logs & self._logs:
            return REPEATED_LOG
        if ids & self._ids:
            return REPEATED_ID
        self._ids |= ids
        self._logs |= logs
        return None


def _names(files: Sequence[Path]) -> dict[Path, str]:
    """How each file is called in the set: from the folder on that all have in common."""
    if not files:
        return {}
    common = os.path.commonpath([file.absolute().parent for file in files])
    return {file: plain(os.path.relpath(file.absolute(), common)) for file in files}


def _how_to_go_on(shards: Mapping[Path, Path]) -> str:
    kept = sum(shard.exists() for shard in shards.values())
    if not kept:
        return "Interrupted; nothing was written."
    return (
        f"Interrupted; {kept} of {len(shards)} files are converted and kept. "
        f"The same command goes on from there."
    )


def _unwritable(why: str, shards: Mapping[Path, Path], out: Path) -> UserError:
    kept = sum(shard.exists() for shard in shards.values())
    is_full = why in FULL
    room = "there is room (twice the size of the set, for a moment)" if is_full else "it can be"
    return UserError(
        f"The set cannot be written beside {integrity.called(out)}: {why}; {kept} of "
        f"{len(shards)} files are converted and kept, and once {room} the same command goes on "
        f"from there."
    )
