"""Can every run's record be read, and does every end stand in it?"""

import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from drivetrain.doctor.finding import Finding, Level
from drivetrain.doctor.folders import attempts_of, is_quiet, run_folders
from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.locks import held_if_free
from drivetrain.runs.look import look_at, read_request
from drivetrain.runs.record import Ended, Verdict
from drivetrain.runs.registry import note
from drivetrain.runs.settle import settle
from drivetrain.text import quote, typed

ALGORITHM = re.compile(r"^algorithm: *['\"]?([A-Za-z]+)", re.MULTILINE)
LARGEST_CONFIG = 65_536


def check_records(home: Path) -> Iterator[Finding]:
    """Whether requests, exit records and the other files of every run can be read."""
    folders = run_folders(home)
    found = [finding for folder in folders for finding in _damaged(folder)]
    yield from found
    if not found:
        yield Finding("records", "ok", f"The records of all runs can be read ({len(folders)}).")


def check_ends(home: Path) -> Iterator[Finding]:
    """Runs that are over though nobody was left to write that down."""
    unrecorded = 0
    for folder in run_folders(home):
        run, attempt = look_at(folder), folder.last_attempt()
        if run is None or attempt is None or attempt.exit.exists():
            continue
        if isinstance(run.state, Ended):
            unrecorded += 1
            yield Finding(
                "ends",
                "warning",
                f"Run `{run.id}` has ended ({run.state.how}: {run.state.reason}), and nobody "
                "recorded it.",
                f"`/train status {run.id}` records it, and so does `/train doctor --fix`.",
                partial(_settle, folder),
            )
    if not unrecorded:
        yield Finding("ends", "ok", "Every end is on record.")


def _damaged(folder: RunFolder) -> Iterator[Finding]:
    if read_request(folder) is None:
        yield _lost_request(folder)
    if not is_quiet(folder):
        return  # its files are being replaced at this moment
    for attempt in attempts_of(folder):
        yield from _damaged_end(folder, attempt.exit)
    for file in (
        *(folder.status, folder.evaluation, folder.source, folder.tracking),
        *(folder.stop_request, folder.resume_request),
    ):
        if file.exists() and _holds_no_facts(file):
            yield _unreadable(folder, file, "warning", _holds_no_facts)


def _damaged_end(folder: RunFolder, file: Path) -> Iterator[Finding]:
    if not file.exists():
        return
    if _holds_no_end(file):
        yield _unreadable(folder, file, "problem", _holds_no_end)
    elif Verdict.parse(read_json(file) or {}) is None:
        yield Finding(
            "records",
            "warning",
            f"`{file.relative_to(folder.path)}` of run `{folder.id}` tells of an end that is "
            "not known here: a newer version of Drivetrain wrote it.",
            "Look at the run with that version.",
        )


def _holds_no_facts(file: Path) -> bool:
    return read_json(file) is None


def _holds_no_end(file: Path) -> bool:
    """Whether an exit record does not even name an end, known or not."""
    facts = read_json(file) or {}
    return not (isinstance(facts.get("how"), str) and isinstance(facts.get("reason"), str))


def _lost_request(folder: RunFolder) -> Finding:
    """Without its request nobody knows what a run was; its files are still somebody's work."""
    algorithm = _algorithm_in(folder.config)
    again = ""
    if algorithm:
        again = f"/train {algorithm} --config {typed(str(folder.config))}"
        if folder.last_checkpoint.is_file():
            again += f" --init-from {typed(str(folder.last_checkpoint))}"
    return Finding(
        "records",
        "problem",
        f"Run `{folder.id}` has no readable `{folder.request.name}`, so no command knows it.",
        (f"Go on from what it left: `{again}`. " if again else "")
        + f"Then move {quote(str(folder.path), 200)} elsewhere; nothing else needs it.",
    )


def _algorithm_in(config: Path) -> str | None:
    try:
        text = config.read_bytes()[:LARGEST_CONFIG].decode("utf-8", "replace")
    except OSError:
        return None
    found = ALGORITHM.search(text)
    return found[1].lower() if found else None


def _unreadable(
    folder: RunFolder, file: Path, level: Level, is_damaged: Callable[[Path], bool]
) -> Finding:
    name = file.relative_to(folder.path)
    return Finding(
        "records",
        level,
        f"`{name}` of run `{folder.id}` is damaged: it holds no facts.",
        "`/train doctor --fix` puts it aside; what else the run left tells the rest.",
        partial(_put_aside, folder, file, is_damaged),
    )


def _put_aside(folder: RunFolder, file: Path, is_damaged: Callable[[Path], bool]) -> str:
    """Rename a damaged file, unless somebody just wrote a whole one in its place."""
    name = file.relative_to(folder.path)
    with held_if_free(folder.run_lock) as mine:
        if not mine or not is_damaged(file):
            return f"Left `{name}` of run `{folder.id}` alone: the run is at work again."
        file.rename(file.with_name(f"{file.name}.damaged-{os.urandom(2).hex()}"))
    return f"Put the damaged `{name}` of run `{folder.id}` aside."


def _settle(folder: RunFolder) -> str:
    end = settle(folder)
    run = look_at(folder)
    if run is None or end is None:
        return f"Left run `{folder.id}` alone: its end is on record already."
    note(folder.home, run)
    return f"Recorded that run `{folder.id}` ended ({end.how}: {end.reason})."
