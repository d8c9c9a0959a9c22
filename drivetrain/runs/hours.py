"""How long a run has trained, over all its attempts, and how long it may."""

import math
from pathlib import Path
from typing import Any

from drivetrain.clock import SYSTEM
from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import AttemptFolder, RunFolder

HOUR_S = 3600.0


def max_hours(folder: RunFolder) -> float | None:
    """The bound that holds: of the last resume that set one, else of the start; None for none.

    Each launch repeats the bound of its moment, in case the request of the resume is lost.
    """
    told = [read_json(folder.resume_request), *_launches(folder)]
    told.append((read_json(folder.request) or {}).get("plan"))
    return next((hours for hours in map(_hours, told) if hours is not None), None)


def spent_s(folder: RunFolder, until: float | None = None) -> float:
    """Seconds that all attempts took together.

    until: wall clock, s; what an attempt without an exit record counts to, by default now.
    """
    return sum(attempt_s(attempt, until) for attempt in _attempts(folder))


def attempt_s(attempt: AttemptFolder, until: float | None = None) -> float:
    """Seconds that one attempt took; 0 before its launch.  until: as in `spent_s`."""
    lasted = (read_json(attempt.exit) or {}).get("lasted_s")
    if isinstance(lasted, int | float):
        return float(lasted)
    begun = _modified(attempt.launch)
    ended = _modified(attempt.exit) or (SYSTEM.wall() if until is None else until)
    return 0.0 if begun is None else max(0.0, ended - begun)


def left_s(folder: RunFolder) -> float | None:
    """Seconds that the run may still train, never less than 0; None for any number."""
    hours = max_hours(folder)
    return None if hours is None else max(0.0, hours * HOUR_S - spent_s(folder))


def more_hours(folder: RunFolder) -> int:
    """A bound that lets a run go on whose time is over: as long again, in whole hours."""
    bound = max_hours(folder) or 0.0
    return math.ceil(spent_s(folder) / HOUR_S) + max(1, math.ceil(bound))


def _launches(folder: RunFolder) -> list[dict[str, Any] | None]:
    """What the launches put on record, the newest first."""
    return [read_json(attempt.launch) for attempt in reversed(_attempts(folder))]


def _attempts(folder: RunFolder) -> list[AttemptFolder]:
    last = folder.last_attempt()
    return [] if last is None else [folder.attempt(at) for at in range(1, last.number + 1)]


def _hours(facts: object) -> float | None:
    hours = facts.get("max_hours") if isinstance(facts, dict) else None
    return float(hours) if isinstance(hours, int | float) else None


def _modified(path: Path) -> float | None:
    """When a file was written, wall clock, s; None where it is absent."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None
