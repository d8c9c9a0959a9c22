"""All checks, one after the other, and with `fix` every repair that loses nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drivetrain.doctor.drafts import check_drafts
from drivetrain.doctor.events import check_events
from drivetrain.doctor.finding import Check, Finding, Level
from drivetrain.doctor.index import check_index
from drivetrain.doctor.leftovers import check_leftovers
from drivetrain.doctor.locks import check_locks
from drivetrain.doctor.machine import check_memory, check_python, check_torch
from drivetrain.doctor.places import check_disk, check_file_system, check_home, check_state
from drivetrain.doctor.queue import check_queue, check_reboot
from drivetrain.doctor.records import check_ends, check_records
from drivetrain.doctor.simulator import check_simulator
from drivetrain.doctor.trackers import check_trackers
from drivetrain.doctor.units import check_units
from drivetrain.doctor.watcher import check_watcher
from drivetrain.errors import UserError
from drivetrain.text import plain

MACHINE_CHECKS: tuple[Check, ...] = (
    *(check_python, check_torch, check_simulator, check_memory, check_watcher),
)
HOME_CHECKS: tuple[Check, ...] = (
    *(check_home, check_state, check_file_system, check_disk),
    # In this order each builds on the repairs before it: a damaged exit record is put aside
    # before the end is recorded, and that before the tracker hears of it.
    *(check_leftovers, check_locks, check_drafts, check_records, check_ends, check_events),
    *(check_units, check_index, check_trackers, check_queue, check_reboot),
)
READ = "Make every file of the home readable for you, then look again: `/train doctor`."


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found and is still so, and what was done about the rest."""

    findings: tuple[Finding, ...]
    repairs: tuple[str, ...]

    def at(self, level: Level) -> tuple[Finding, ...]:
        """The findings of one level, in the order of the checks."""
        return tuple(finding for finding in self.findings if finding.level == level)


def examine(
    home: Path, checks: Sequence[Check] = MACHINE_CHECKS + HOME_CHECKS, *, fix: bool
) -> Examination:
    """What the checks find in a home; with `fix`, what they find after the repairs."""
    findings: list[Finding] = []
    repairs: list[str] = []
    for check in checks:
        found = _found(check, home)
        repairable = [finding for finding in found if finding.repair is not None]
        if fix and repairable:
            repairs += map(_repair, repairable)
            # What a repair says is one thing, what is there now another.
            found = _found(check, home)
        findings += found
    return Examination(tuple(findings), tuple(repairs))


def _found(check: Check, home: Path) -> list[Finding]:
    name = check.__name__.removeprefix("check_")
    try:
        return list(check(home))
    except UserError as error:
        return [Finding(name, "problem", str(error))]
    except OSError as error:
        what = plain(f"{error.strerror}: {error.filename}")
        return [Finding(name, "problem", f"This could not be looked at ({what}).", READ)]


def _repair(finding: Finding) -> str:
    if finding.repair is None:
        return ""
    try:
        return finding.repair()
    except (OSError, UserError) as error:
        told = isinstance(error, OSError) and error.strerror
        return f"Not repaired ({plain(told or str(error))}): {finding.says}"
