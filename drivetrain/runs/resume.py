"""Asking an ended run to go on.  The file is what counts; whoever looks next starts it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from drivetrain.clock import SYSTEM
from drivetrain.errors import ConflictError, DataError, RequestError
from drivetrain.runs.asker import Asker, facts_of
from drivetrain.runs.atomic import replace_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.hours import HOUR_S, more_hours, spent_s
from drivetrain.runs.hours import max_hours as bound_of
from drivetrain.runs.launched import raised_total
from drivetrain.runs.locks import held_if_free
from drivetrain.runs.look import Run, locked_state, read_request
from drivetrain.runs.patience import in_time
from drivetrain.runs.record import Ended, Queued, anew
from drivetrain.runs.registry import find_run, reopen
from drivetrain.runs.schedule import schedule_step
from drivetrain.runs.settle import settle

Did = Literal["queued", "repeated"]


@dataclass(frozen=True, slots=True)
class ResumeReply:
    """The run after the request, what the request did, and the step it goes on from.

    queued: it goes on as soon as there is room, maybe already.  repeated: it was to go on
    before, nothing changed.  has_warmed_up: what was saved is of a stage before step 0.
    """

    run: Run
    did: Did
    from_step: int
    has_warmed_up: bool = False


@dataclass(frozen=True, slots=True)
class Raised:
    """What a resume changes for good; None leaves it as it was.

    total_steps: a higher total to train to.  max_hours: that its attempts may take in all,
    those so far included.
    """

    total_steps: int | None = None
    max_hours: float | None = None


AS_IT_WAS = Raised()


def request_resume(
    home: Path,
    run_id: str,
    raised: Raised = AS_IT_WAS,
    *,
    asked_by: Asker | None = None,
) -> ResumeReply:
    """Let an ended run go on where it was saved, or from its start where nothing was.

    asked_by: None where nobody is known.

    Raises:
        NotFoundError: there is no such run.
        ConflictError: it is active, completed and asked for no further step, or out of time
            and given no more; or somebody else holds it and does not let go.
        RequestError: the total would be lower than it was, or its time be over at once.
        DataError: it saved states, and every one of them is damaged.
    """
    home = home.absolute()
    did, from_step = in_time(run_id, lambda: _act(find_run(home, run_id), raised, asked_by))
    run = find_run(home, run_id)  # tells the index, where it was brought up to date meanwhile
    has_warmed_up = run.folder.has_warmed_up
    schedule_step(home, wait=True, run=run_id)
    return ResumeReply(find_run(home, run_id), did, from_step, has_warmed_up)


def _act(run: Run, raised: Raised, asked_by: Asker | None) -> tuple[Did, int] | None:
    """What the request did, and the step to go on from; None where the run is just changing."""
    _refuse_active(run)
    settle(run.folder)  # else done by the look, unless the disk refused: here that is told
    _refuse_total(run, raised.total_steps)
    _refuse_hours(run.folder, raised.max_hours)
    from_step = _sound_step(run.folder)
    did = _ask(run.folder, raised, asked_by)
    return None if did is None else (did, from_step)


def _ask(folder: RunFolder, raised: Raised, asked_by: Asker | None) -> Did | None:
    """Leave the request in the folder; None where the run is just changing."""
    with held_if_free(folder.run_lock) as mine:
        state = locked_state(folder) if mine else None
        match state:
            # To go on by itself it may have to rest first; asked for, it need not.
            case Queued(by="start" | "user") if raised == AS_IT_WAS:
                return "repeated"
            case Queued(attempt=attempt):
                ended = attempt - 1
            case Ended(attempt=ended):
                pass
            case _:
                return None
        facts = {
            "v": 1,
            "attempt": ended,
            "by": "user",
            "asked_by": facts_of(asked_by),
            "wall": SYSTEM.wall(),
            "total_steps": raised.total_steps or raised_total(folder),
            "max_hours": raised.max_hours or bound_of(folder),
        }
        # First the index: a request alone is met only by those who look at this very run.
        reopen(folder.home, folder.id)
        replace_json(folder.resume_request, facts)
        return "queued"


def _refuse_active(run: Run) -> None:
    if not isinstance(run.state, Queued | Ended):
        raise ConflictError(
            f"Run `{run.id}` is still active; only a run that has ended can go on."
            f" Try `/train stop {run.id}` first, or `/train status {run.id}`."
        )


def _refuse_total(run: Run, total_steps: int | None) -> None:
    """Steps are only ever added: the curve and the schedules stay those of one training."""
    known = _total_of(run)
    if isinstance(run.state, Ended) and run.state.reason == "completed":
        reached = max(known or 0, run.state.step or 0)
        if total_steps is None or total_steps <= reached:
            # The next multiple: the last rollout may have passed the total by far.
            more = (known or 1) * (reached // (known or 1) + 1)
            raise ConflictError(
                f"Run `{run.id}` is completed{_at(reached)}; it goes on only to a higher total."
                f" Try `/train resume {run.id} --steps {more}`."
            )
    elif total_steps is not None and known is not None and total_steps < known:
        raise RequestError(
            f"`--steps {total_steps}` is lower than the total of run `{run.id}`{_at(known)};"
            f" a resume can only raise it. Try `/train resume {run.id}`."
        )


def _refuse_hours(folder: RunFolder, max_hours: float | None) -> None:
    """A run whose time is over goes on only with more of it."""
    bound = bound_of(folder) if max_hours is None else max_hours
    spent_h = spent_s(folder) / HOUR_S
    if bound is None or spent_h < bound:
        return
    instead = f"Try `/train resume {folder.id} --max-hours {more_hours(folder)}`."
    if max_hours is None:
        raise ConflictError(
            f"Run `{folder.id}` has had its {bound:g} hours; it goes on only with more."
            f" {instead}"
        )
    raise RequestError(
        f"`--max-hours {max_hours:g}` counts all attempts of run `{folder.id}`, which took"
        f" {spent_h:.2f} hours so far; it goes on only with more. {instead}"
    )


def _at(total: int | None) -> str:
    return f", {total:,} steps" if total else ""


def _total_of(run: Run) -> int | None:
    """The steps that the run trains to, as far as its files tell."""
    asked = read_request(run.folder)
    training = asked.request.get("training") if asked is not None else None
    stated = training.get("total_steps") if isinstance(training, dict) else None
    told = (raised_total(run.folder), stated, run.progress.total if run.progress else None)
    return max((total for total in told if isinstance(total, int)), default=None)


def _sound_step(folder: RunFolder) -> int:
    """The step of the newest undamaged state, 0 where nothing was saved yet.

    Raises:
        DataError: every state that there is is damaged.
    """
    from drivetrain.checkpoint_units import newest_verified

    unit, damaged = newest_verified(folder.units)
    if unit is not None:
        return unit.step
    if damaged:
        asked = read_request(folder)
        raise DataError(
            f"No saved state of run `{folder.id}` is whole: of the newest, {damaged[0].what}."
            f" Nothing was changed. Try `/train doctor`, or start anew:"
            f" `{anew(folder, asked.algorithm if asked else 'ppo')}`."
        )
    return 0
