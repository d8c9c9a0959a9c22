"""Processes that outlive their run, told apart from strangers beyond doubt.

Whatever a trainer starts inherits its environment, and with it the home, the run and the
attempt; the kernel shows that of each process, also of one that left its session and its
parents.  The trainer itself is on record by pid and start time besides.
"""

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from drivetrain.runs.atomic import read_json
from drivetrain.runs.boot import Boot, Identity, start_time, this_boot
from drivetrain.runs.environment import marks_of
from drivetrain.runs.folder import AttemptFolder, RunFolder

PROC = Path("/proc")
PATIENCE_S = 5.0


def leftovers(folder: RunFolder, attempt: AttemptFolder) -> tuple[Identity, ...]:
    """Every living process of an attempt whose supervisor is gone."""
    known = marks_of(folder, attempt).items()
    marks = {os.fsencode(f"{name}={value}") for name, value in known}
    trainer = _recorded_trainer(attempt)
    spared = _own_line()
    found = []
    for pid in (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()):
        start = None if pid in spared else start_time(pid)
        if start is None:
            continue
        process = Identity(pid, start)
        is_of_attempt = process == trainer or marks <= _environment(pid)
        # Its pid may have passed to another while its environment was read.
        if is_of_attempt and process.is_alive():
            found.append(process)
    return tuple(found)


def end_leftovers(folder: RunFolder, attempt: AttemptFolder) -> int:
    """Kill what an attempt left behind, and what that starts meanwhile; returns how many died.

    The run's supervisor must be gone for good: the caller holds the run's lock.
    """
    ended = 0
    patience_until = time.monotonic() + PATIENCE_S
    while (left := leftovers(folder, attempt)) and time.monotonic() < patience_until:
        ended += sum(_end(process, patience_until) for process in left)
    return ended


def _end(process: Identity, patience_until: float) -> bool:
    """Whether a process was killed and is gone."""
    with suppress(OSError):
        # Opened before it is checked: from here on the pid cannot pass to another process.
        handle = os.pidfd_open(process.pid)
        try:
            if process.is_same():
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                patience_s = max(0.0, patience_until - time.monotonic())
                return bool(select.select([handle], [], [], patience_s)[0])
        finally:
            os.close(handle)
    return False


def _environment(pid: int) -> set[bytes]:
    """What a process was started with; nothing where that is not ours to see."""
    try:
        return set((PROC / str(pid) / "environ").read_bytes().split(b"\0"))
    except OSError:
        return set()


def _recorded_trainer(attempt: AttemptFolder) -> Identity | None:
    """The trainer by the record of its supervisor, if that was written in this boot."""
    proc = read_json(attempt.proc) or {}
    return Identity.parse(proc.get("trainer")) if Boot.parse(proc) == this_boot() else None


def _own_line() -> frozenset[int]:
    """This process and all above it: who cleans up never ends itself."""
    return frozenset(_line_of(os.getpid()))


def _line_of(pid: int) -> Iterator[int]:
    """A process, its parent, and so on."""
    while pid > 0:
        yield pid
        try:
            stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        pid = int(stat.rpartition(")")[2].split()[1])
