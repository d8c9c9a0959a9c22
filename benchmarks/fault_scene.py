"""A home with one run in it, to which something bad happens, and what is left of both."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from drivetrain.checkpoint_units import Unit, newest_verified
from drivetrain.errors import DataError
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.launch import start_run
from drivetrain.runs.record import Ended, Record
from drivetrain.runs.registry import find_run, overview
from drivetrain.runs.schedule import schedule_step
from drivetrain.runs.stop import request_stop
from drivetrain.runs.wait import wait_for
from tests.runs.living import PATIENCE_S, is_training, meet, spec

RUN = "r1"
NEXT = "next"
NAP_S = 0.02
CLEARED_WITHIN_S = 30.0
"""For the last act of a run, which tells MLflow how it ended."""
LINKS = ("last.pt", "best.pt")


class Scene:
    """One home for one fault.  `begin` a run in it, harm it, then look."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = RunFolder(home, RUN)
        self._before: Unit | None = None
        self._links: frozenset[str] = frozenset()
        self.kills_in_saves = 0

    def begin(self, way: str = "work_and_save", **asked: Any) -> RunFolder:
        """Start the run that trains this way, and meet it once it trains and has saved.

        asked: what else than usual its start asks for, as `plan`.
        """
        start_run(self.home, replace(spec(way, RUN), **asked))
        meet(self.home, RUN, is_training)
        if way in SAVING:
            self.until(lambda: len(list(self.folder.units.glob("0*"))) > 1)
        self.remember()
        return self.folder

    def remember(self) -> None:
        """From here on, what is saved must not be lost."""
        self._before, _ = newest_verified(self.folder.units)
        names = (name for name in LINKS if (self.folder.checkpoints / name).exists())
        self._links = frozenset(names)

    def end(self) -> Ended:
        """How the run ended, waiting for it."""
        state = wait_for(self.home, RUN, PATIENCE_S).state
        assert isinstance(state, Ended), state
        return state

    def goes_on(self) -> None:
        """Return once the run has taken further steps."""
        progress = find_run(self.home, RUN).progress
        step = 0 if progress is None else progress.step
        meet(self.home, RUN, lambda run: run.progress is not None and run.progress.step > step)

    def until(self, is_so: Callable[[], bool]) -> None:
        """Return as soon as something is so."""
        give_up_at = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < give_up_at, "it never was so"
            time.sleep(NAP_S)

    def look(self) -> str:
        """What anybody who looks is told of the run, as `failed(killed)`, or `damaged`."""
        schedule_step(self.home)
        try:
            return told(find_run(self.home, RUN).state)
        except DataError:
            return "damaged"

    def lost(self) -> int:
        """How many of the saved states that were whole cannot be gone on from any more."""
        units = 0
        if self._before is not None:
            now, _ = newest_verified(self.folder.units)
            units = now is None or now.step < self._before.step
        return units + sum(
            not (self.folder.checkpoints / name).exists() for name in self._links
        )

    def close(self) -> None:
        """End whatever still runs."""
        for run in (seen := overview(self.home)).active + seen.queued:
            request_stop(self.home, run.id, force=True)
            wait_for(self.home, run.id, PATIENCE_S)

    def left(self) -> list[int]:
        """The processes that outlive every run of the home; they are ended here."""
        give_up_at = time.monotonic() + CLEARED_WITHIN_S
        while (pids := processes_of(self.home)) and time.monotonic() < give_up_at:
            time.sleep(NAP_S)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pids

    def start_next(self) -> None:
        """Start another run, which trains to its end."""
        start_run(self.home, spec("complete", NEXT, "another"))
        end = told(wait_for(self.home, NEXT, PATIENCE_S).state)
        assert end == "succeeded(completed)", f"the next run {end}"


SAVING = ("work_and_save", "promise_little")
"""Ways of the small trainer that save before they are asked to stop."""


def told(state: Record) -> str:
    """A state in a word, with the reason of an end."""
    if isinstance(state, Ended):
        return f"{state.how}({state.reason})"
    return type(state).__name__.lower()


def processes_of(home: Path) -> list[int]:
    """Every living process that was started for this home or works in it."""
    mine = {os.getpid(), os.getppid()}
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if pid not in mine and _is_of(pid, home)]


def _is_of(pid: int, home: Path) -> bool:
    process, mark = Path("/proc") / str(pid), os.fsencode(home)
    with suppress(OSError):
        words = (process / "cmdline").read_bytes()
        if not words:  # a dead process that nobody has waited for yet
            return False
        place = os.fsencode(process.joinpath("cwd").readlink())
        said = words + b"\0" + (process / "environ").read_bytes() + b"\0" + place + b"\0"
        return mark + b"/" in said or mark + b"\0" in said
    return False
