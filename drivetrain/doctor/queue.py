"""Does the queue move, and will it after a reboot?"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from drivetrain.doctor.finding import Finding
from drivetrain.doctor.folders import run_folders
from drivetrain.runs.folder import RunFolder, runs_folder
from drivetrain.runs.look import look_at, read_request
from drivetrain.runs.record import Ended, Queued
from drivetrain.runs.registry import Overview
from drivetrain.runs.schedule import queue_of, schedule_step
from drivetrain.settings import PROJECT
from drivetrain.text import typed


def check_queue(home: Path) -> Iterator[Finding]:
    """Whether a run waits though there is room for it."""
    seen = _seen(home)
    waiting = queue_of(home, seen)
    ready = [one for one in waiting if one.starts_in_s == 0]
    if ready:
        yield Finding(
            "queue",
            "warning",
            f"Run `{ready[0].run.id}` waits though there is room for it.",
            "Every command moves the queue on, and so does `/train doctor --fix`.",
            partial(_move_on, home),
        )
    elif waiting:
        first = waiting[0]
        says = f"Of {len(waiting)} waiting, `{first.run.id}` is next; for {first.waits_for}."
        yield Finding("queue", "ok", says)
    else:
        yield Finding("queue", "ok", "No run waits.")


def check_reboot(home: Path) -> Iterator[Finding]:
    """How runs go on after a reboot: at the next command, or at once."""
    if not runs_folder(home).is_dir():
        return
    seen = _seen(home)
    resumed = [run for run in seen.active if _goes_on_by_itself(run.folder)]
    count = len(seen.queued) + len(resumed)
    if not count:
        return
    line = f"@reboot DRIVETRAIN_HOME={typed(str(home))} {typed(str(PROJECT))}/bin/train status"
    yield Finding(
        "reboot",
        "ok",
        f"Runs that a reboot would hold up until the next command: {count}.",
        f"To have such runs go on at once, add this with `crontab -e`: `{line}`.",
    )


def _seen(home: Path) -> Overview:
    """Every run that is not over, as it stands: the registry would record ends on the way."""
    looks = map(look_at, run_folders(home))
    living = [run for run in looks if run is not None and not isinstance(run.state, Ended)]
    return Overview(
        active=tuple(run for run in living if not isinstance(run.state, Queued)),
        queued=tuple(run for run in living if isinstance(run.state, Queued)),
        ended=(),
        ended_total=0,
    )


def _goes_on_by_itself(folder: RunFolder) -> bool:
    asked = read_request(folder)
    return asked is not None and asked.plan.auto_resumes > 0


def _move_on(home: Path) -> str:
    begun = schedule_step(home, wait=True)
    return f"Moved the queue on; runs that began: {begun}."
