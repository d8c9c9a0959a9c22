"""What state a run is in, worked out from its folder, its locks and the boot.

In this order, for the last attempt:

1. an exit record → ended; queued where a resume was asked for, or is due by itself;
2. the supervisor's lock is held → alive: starting, stopping, stalled or running;
3. only the trainer's lock is held → stopping: it saves after its supervisor's death;
4. an outcome → ended as it says;
5. launched, but no supervisor came up in 10 s → queued again, the third time failed;
6. another boot → interrupted(reboot);
7. the same boot → lost(supervisor_died).

Readers only compute.  A bare pid decides nothing here.
"""

import math
from itertools import takewhile
from pathlib import Path

from drivetrain.clock import SYSTEM, Clock
from drivetrain.runs.atomic import read_json
from drivetrain.runs.boot import Boot, Identity, this_boot
from drivetrain.runs.folder import AttemptFolder, RunFolder
from drivetrain.runs.follow_up import (
    asked_to_stop,
    goes_on_by_itself,
    is_asked_to_resume,
    is_asked_to_stop,
)
from drivetrain.runs.locks import is_held
from drivetrain.runs.plan import Plan
from drivetrain.runs.progress import Progress, read_progress
from drivetrain.runs.record import (
    Ended,
    Ending,
    Queued,
    Record,
    Running,
    Stalled,
    Starting,
    Stopping,
    Verdict,
)
from drivetrain.runs.saved import newest_step

PATIENCE_WITH_START_S = 10.0
MOST_STARTS = 3
LONGEST_SILENT_START_S = 300.0
"""What a trainer may take, with nobody watching it, before it says anything at all."""
SPARE_S = 60.0
"""Past its promise, before nobody waits for a trainer without a supervisor any more."""


def read_state(
    folder: RunFolder,
    algorithm: str,
    plan: Plan,
    *,
    clock: Clock = SYSTEM,
    boot: Boot | None = None,
) -> Record:
    """The state of a run at this moment."""
    attempt = folder.last_attempt()
    if attempt is None:
        return _waiting(folder, 1, since_attempt=0)
    ended = _read_end(folder, attempt, attempt.exit, algorithm)
    if ended is not None:
        return _followed_up(folder, plan, ended)
    if is_held(folder.run_lock):
        return _alive(folder, attempt, clock, boot or this_boot())
    return state_without_supervisor(folder, algorithm, plan, clock=clock, boot=boot)


def state_without_supervisor(
    folder: RunFolder,
    algorithm: str,
    plan: Plan,
    *,
    clock: Clock = SYSTEM,
    boot: Boot | None = None,
) -> Record:
    """The state of a run whose lock is free, or in the caller's own hands."""
    attempt = folder.last_attempt()
    if attempt is None:
        return _waiting(folder, 1, since_attempt=0)
    here = boot or this_boot()
    # The exit record first: a supervisor writes it, then lets the lock go.
    is_on_record = attempt.exit.exists()
    if not is_on_record and _is_saving(folder, attempt, clock, here):
        return Stopping(attempt.number)
    state = (
        _read_end(folder, attempt, attempt.exit, algorithm)
        or _read_end(folder, attempt, attempt.outcome, algorithm)
        or _left_alone(folder, attempt, algorithm, clock, here)
    )
    if is_on_record and isinstance(state, Ended):
        return _followed_up(folder, plan, state)
    return state


def _followed_up(folder: RunFolder, plan: Plan, end: Ended) -> Record:
    """Rule 1: an end on record, or the wait for the attempt that follows it."""
    if is_asked_to_resume(folder, end.attempt) or goes_on_by_itself(folder, plan, end):
        return _waiting(folder, end.attempt + 1, since_attempt=end.attempt)
    return end


def _waiting(folder: RunFolder, number: int, *, since_attempt: int) -> Queued:
    """The wait for the attempt of this number, the last that came up being `since_attempt`."""
    if since_attempt == 0:
        return Queued(_modified(folder.request), number, "start")
    if is_asked_to_resume(folder, since_attempt):
        return Queued(_modified(folder.resume_request), number, "user")
    return Queued(_modified(folder.attempt(since_attempt).exit), number, "auto")


def _alive(folder: RunFolder, attempt: AttemptFolder, clock: Clock, boot: Boot) -> Record:
    """Rule 2: what a run with a living supervisor is doing."""
    if is_asked_to_stop(folder, attempt.number):
        return Stopping(attempt.number)
    progress = read_progress(folder)
    if progress is None or progress.attempt != attempt.number:
        return Starting(attempt.number)
    overdue_s = _overdue_s(progress, clock)
    # With a dead trainer, the supervisor waits for a disk that takes the record of the end.
    is_leaving = _has_dead_trainer(attempt, boot) if overdue_s > 0 else progress.leaving
    if is_leaving:
        return Stopping(attempt.number)
    return Stalled(attempt.number, overdue_s) if overdue_s > 0 else Running(attempt.number)


def _left_alone(
    folder: RunFolder, attempt: AttemptFolder, algorithm: str, clock: Clock, boot: Boot
) -> Record:
    """Rules 5 to 7: nobody holds a lock, and nobody told of an end."""
    proc = read_json(attempt.proc)
    if proc is None and not attempt.proc.exists():
        return _never_came_up(folder, attempt, algorithm, clock, boot)
    progress = read_progress(folder)
    step = None if progress is None else progress.step
    is_same_boot = proc is None or Boot.parse(proc) == boot
    what = "supervisor and trainer vanished" if is_same_boot else "the machine was restarted"
    asked = asked_to_stop(folder, attempt.number)
    if asked is not None:
        verdict = Verdict("stopped", asked, f"{what} before it had saved", step)
    elif is_same_boot:
        verdict = Verdict("lost", "supervisor_died", what, step)
    else:
        verdict = Verdict("interrupted", "reboot", what, step)
    ending = Ending(attempt.number, _last_sign(folder, attempt), newest_step(folder))
    return verdict.ended(folder, algorithm, ending)


def _never_came_up(
    folder: RunFolder, attempt: AttemptFolder, algorithm: str, clock: Clock, boot: Boot
) -> Record:
    """Rule 5: launched, and no supervisor has shown so far."""
    if _since_launch_s(attempt, clock, boot) < PATIENCE_WITH_START_S:
        return Starting(attempt.number)
    in_vain = _in_vain(folder, attempt.number)
    # A starter that died before it launched anything says nothing about supervisors.
    starts = sum(one.launch.exists() for one in in_vain)
    if starts < MOST_STARTS:
        return _waiting(folder, attempt.number + 1, since_attempt=attempt.number - len(in_vain))
    detail = f"no supervisor came up in {starts} starts"
    ending = Ending(attempt.number, _modified(attempt.path), newest_step(folder))
    return Verdict("failed", "error", detail).ended(folder, algorithm, ending)


def _in_vain(folder: RunFolder, last: int) -> list[AttemptFolder]:
    """The attempts in a row, this one first, that no supervisor ever took up."""
    attempts = map(folder.attempt, range(last, 0, -1))
    return list(takewhile(lambda at: not (at.proc.exists() or at.exit.exists()), attempts))


def _since_launch_s(attempt: AttemptFolder, clock: Clock, boot: Boot) -> float:
    """Seconds since a supervisor was launched; endless where that was in another boot."""
    launch = read_json(attempt.launch)
    if launch is None:  # its starter is at it, or died between two lines
        return clock.wall() - _modified(attempt.path)
    launched_at = launch.get("mono")
    if launch.get("boot_id") != boot.id or not isinstance(launched_at, float):
        return math.inf
    return clock.mono() - launched_at


def _is_saving(folder: RunFolder, attempt: AttemptFolder, clock: Clock, boot: Boot) -> bool:
    """Rule 3: whether a trainer without its supervisor is still worth waiting for.

    A worker forked by a trainer shares its lock and may outlive it; and a trainer that hangs
    has nobody left who would end it.
    """
    if not is_held(folder.trainer_lock):
        return False
    if _has_dead_trainer(attempt, boot):
        return False
    return clock.mono() < _promised_by(folder, attempt, clock, boot) + SPARE_S


def _has_dead_trainer(attempt: AttemptFolder, boot: Boot) -> bool:
    """Whether the trainer on record is known to be dead: it was of this boot."""
    proc = read_json(attempt.proc) or {}
    trainer = Identity.parse(proc.get("trainer")) if Boot.parse(proc) == boot else None
    return trainer is not None and not trainer.is_alive()


def _promised_by(folder: RunFolder, attempt: AttemptFolder, clock: Clock, boot: Boot) -> float:
    """When the trainer was to be heard of again, CLOCK_MONOTONIC, s."""
    progress = read_progress(folder)
    if progress is not None and progress.attempt == attempt.number and progress.next_by:
        return progress.next_by
    return clock.mono() - _since_launch_s(attempt, clock, boot) + LONGEST_SILENT_START_S


def _overdue_s(progress: Progress, clock: Clock) -> float:
    """Seconds since the promised check-in; 0 or less while the promise holds.

    The monotonic clock counts neither suspend nor clock steps, but only within one boot,
    and a living supervisor is of this boot.
    """
    if progress.next_by is None:
        return 0.0
    return clock.mono() - progress.next_by


def _read_end(
    folder: RunFolder, attempt: AttemptFolder, path: Path, algorithm: str
) -> Ended | None:
    """The end that one file tells of, or None where it is absent or torn."""
    facts = read_json(path) or {}
    verdict = Verdict.parse(facts)
    if verdict is None:
        return None
    # A trainer's own word does not say what it left; an exit record does.
    unit = facts["unit"] if "unit" in facts else newest_step(folder)
    ending = Ending(attempt.number, _modified(path), unit)
    return verdict.ended(folder, algorithm, ending)


def _last_sign(folder: RunFolder, attempt: AttemptFolder) -> float:
    """The last moment a run was heard of, wall clock, s."""
    return max(_modified(folder.status), _modified(attempt.proc))


def _modified(path: Path) -> float:
    """When a file was written, wall clock, s; 0 where it is absent."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
