"""What the launch of an attempt put on record, for those who read it later."""

from dataclasses import dataclass
from typing import cast, get_args

from drivetrain.runs.asker import Asker
from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import AttemptFolder, RunFolder
from drivetrain.runs.record import By


@dataclass(frozen=True, slots=True)
class Launched:
    """How an attempt began.

    by: what made it.  from_step: step of the newest saved state at that moment, 0 for none.
    total_steps: the total that a resume had raised the run to, None for the request's own.
    gpu: the UUID of the GPU that it has leased, None for none.  asked_by: for whom it is, None
    where nobody is known.
    """

    by: By
    from_step: int
    total_steps: int | None
    gpu: str | None
    asked_by: Asker | None = None


def read_launch(attempt: AttemptFolder) -> Launched | None:
    """How an attempt began, or None where its launch is not, or not readably, on record."""
    facts = read_json(attempt.launch)
    if facts is None or facts.get("by") not in get_args(By):
        return None
    from_step = facts.get("from_step")
    return Launched(
        by=cast(By, facts["by"]),
        from_step=from_step if isinstance(from_step, int) else 0,
        total_steps=_steps(facts.get("total_steps")),
        gpu=_gpu(facts.get("lease")),
        asked_by=Asker.parse(facts.get("asked_by")),
    )


def raised_total(folder: RunFolder) -> int | None:
    """The steps that a resume raised the run's total to, or None where none ever did."""
    asked = _steps((read_json(folder.resume_request) or {}).get("total_steps"))
    last = folder.last_attempt()
    numbers = range(1, 1 + (0 if last is None else last.number))
    launches = [read_launch(folder.attempt(number)) for number in numbers]
    told = [asked, *(launch.total_steps for launch in launches if launch is not None)]
    return max((total for total in told if total is not None), default=None)


def _gpu(lease: object) -> str | None:
    return lease.get("gpu") if isinstance(lease, dict) else None


def _steps(fact: object) -> int | None:
    return fact if isinstance(fact, int) else None
