"""Is every lock that says "alive" held by the process that it speaks of?"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from drivetrain.doctor.finding import Finding
from drivetrain.doctor.folders import run_folders
from drivetrain.runs.atomic import read_json
from drivetrain.runs.boot import Identity
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.locks import is_held
from drivetrain.text import plain, quote

LOOKS = 5
NAP_S = 0.1
"""A starter or a repair holds a run's lock for milliseconds: looked at again, it is free."""


def check_locks(home: Path) -> Iterator[Finding]:
    """Runs whose lock is held by something else than their recorded supervisor."""
    is_right = True
    for folder in run_folders(home):
        if _is_held_wrongly(folder):
            is_right = False
            yield _held_by_stranger(folder)
    if is_right:
        yield Finding("locks", "ok", "Every lock that is held is held by its own run.")


def _is_held_wrongly(folder: RunFolder) -> bool:
    """Whether a stranger holds the run's lock at every look."""
    for look in range(LOOKS):
        if not is_held(folder.run_lock) or _has_supervisor(folder):
            return False
        if look < LOOKS - 1:
            time.sleep(NAP_S)
    return True


def _has_supervisor(folder: RunFolder) -> bool:
    """Whether the recorded supervisor has the lock, as far as this machine can see."""
    attempt = folder.last_attempt()
    proc = None if attempt is None else read_json(attempt.proc)
    if proc is None:
        return False
    if proc.get("host") != os.uname().nodename:
        return True
    supervisor = Identity.parse(proc.get("supervisor"))
    # Its pid alone says little: it lives on, without the lock, as what tidies up after it.
    return (
        supervisor is not None
        and supervisor.is_alive()
        and _has_open(Path(f"/proc/{supervisor.pid}"), folder.run_lock.stat())
    )


def _held_by_stranger(folder: RunFolder) -> Finding:
    pids = _openers(folder.run_lock)
    if pids:
        who = ", ".join(f"{pid} ({_name_of(pid)})" for pid in pids)
        do = f"See what it is with `ps -fp {pids[0]}`, and end it if nobody needs it."
    else:
        who, do = "none that can be seen here", "Ask who else, or which container, uses it."
    return Finding(
        "locks",
        "problem",
        f"The lock of run `{folder.id}` is held, so it shows as alive, but not by its "
        f"supervisor. Processes that have it open: {who}.",
        do,
    )


def _openers(path: Path) -> list[int]:
    """The processes that have a file open, as far as this user may see."""
    wanted = path.stat()
    processes = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [int(process.name) for process in processes if _has_open(process, wanted)]


def _has_open(process: Path, wanted: os.stat_result) -> bool:
    """Whether a process, given as its folder in /proc, has this file open."""
    with suppress(OSError):  # gone, or somebody else's
        for descriptor in (process / "fd").iterdir():
            with suppress(OSError):  # closed at this moment
                found = descriptor.stat()
                if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                    return True
    return False


def _name_of(pid: int) -> str:
    """How a process calls itself."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return "gone"
    return quote(plain(words.decode("utf-8", "replace").strip(), 60))
