"""One run as its folder tells it."""

import re
from dataclasses import dataclass
from typing import Any, Final

from drivetrain.clock import SYSTEM, Clock
from drivetrain.runs.asker import Asker
from drivetrain.runs.atomic import read_json
from drivetrain.runs.boot import Boot
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.liveness import read_state, state_without_supervisor
from drivetrain.runs.plan import Plan
from drivetrain.runs.progress import Progress, read_progress
from drivetrain.runs.record import Record

ALGORITHM: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
"""What may stand in tables, and in commands to type, without quotes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What `request.json` holds.

    created: wall clock, s.  request: the request's own JSON.  command: what trains it, to
    which the run's folder is added.  plan: what it needs, and when it may begin.
    asked_by: who asked first; None where nobody is known.
    """

    algorithm: str
    digest: str
    created: float
    request: dict[str, Any]
    command: tuple[str, ...]
    plan: Plan
    asked_by: Asker | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run, its state and how far it is.  created: wall clock, s."""

    id: str
    algorithm: str
    created: float
    state: Record
    progress: Progress | None
    folder: RunFolder


def read_request(folder: RunFolder) -> Asked | None:
    """What was asked for, or None where there is no such run or its record is damaged."""
    facts = read_json(folder.request)
    if facts is None:
        return None
    try:
        return Asked(
            algorithm=_algorithm(facts["algorithm"]),
            digest=str(facts["digest"]),
            created=float(facts["created"]),
            request=dict(facts["request"]),
            command=tuple(map(str, facts["command"])),
            plan=Plan.parse(facts.get("plan") or {}),
            asked_by=Asker.parse(facts.get("asked_by")),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _algorithm(name: object) -> str:
    if not isinstance(name, str) or not ALGORITHM.fullmatch(name):
        raise ValueError("no name of an algorithm")
    return name


def look_at(
    folder: RunFolder, *, clock: Clock = SYSTEM, boot: Boot | None = None
) -> Run | None:
    """The run in this folder at this moment, or None where there is none."""
    asked = read_request(folder)
    if asked is None:
        return None
    return Run(
        id=folder.id,
        algorithm=asked.algorithm,
        created=asked.created,
        state=read_state(folder, asked.algorithm, asked.plan, clock=clock, boot=boot),
        progress=read_progress(folder),
        folder=folder,
    )


def locked_state(folder: RunFolder) -> Record | None:
    """The state of a run whose lock the caller holds, or None where there is no run."""
    asked = read_request(folder)
    if asked is None:
        return None
    return state_without_supervisor(folder, asked.algorithm, asked.plan)
