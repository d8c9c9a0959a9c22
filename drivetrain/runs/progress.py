"""Where a run's training stands, as its trainer last wrote it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drivetrain.machine import GpuReading
from drivetrain.runs.atomic import parsed, read_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.kinds import is_sound

PHASE = re.compile(r"[a-z][a-z_-]{0,19}")
TAIL_BYTES = 16_384
"""Enough for the last few events: a line stays under 4 KB."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One reading of `status.json`.  None where the trainer could not know.

    stage_step, stage_total: of a stage before the first step, in steps of its own.
    rate: steps/s.  eta_*, eval_s: s.  next_by: CLOCK_MONOTONIC, s, within the boot of its
    attempt.  wall: s since 1970.  rss, disk_free: bytes.
    last_unit: step of the newest whole saved state.  disk_low: the next saves may not fit.
    leaving: a signal asked the trainer to save and leave.
    dropped: events that the disk did not take.  tracker: `on`, `off: <why>`, or `-`.
    """

    attempt: int
    phase: str
    step: int
    seq: int = 0
    total: int | None = None
    stage_step: float | None = None
    stage_total: float | None = None
    reward: float | None = None
    best_reward: float | None = None
    rate: float | None = None
    eta_s: float | None = None
    eta_low_s: float | None = None
    eta_high_s: float | None = None
    eval_s: float | None = None
    next_by: float | None = None
    wall: float | None = None
    gpu: GpuReading | None = None
    rss: int | None = None
    last_unit: int | None = None
    disk_free: int | None = None
    disk_low: bool = False
    leaving: bool = False
    dropped: int = 0
    tracker: str = "-"


def read_progress(folder: RunFolder) -> Progress | None:
    """The newest reading, or what the last events tell where the status file is torn."""
    facts = read_json(folder.status)
    progress = None if facts is None else _parse(facts)
    return progress or _from_events(folder)


def _parse(facts: Mapping[str, Any]) -> Progress | None:
    """A reading, or None where the file is another version's or damaged."""
    known = {name: facts[name] for name in Progress.__dataclass_fields__ if name in facts}
    gpu = known.get("gpu")
    try:
        known["gpu"] = None if gpu is None else GpuReading(**gpu)
        progress = Progress(**known)
    except TypeError:
        return None
    return progress if is_sound(progress) and PHASE.fullmatch(progress.phase) else None


def _from_events(folder: RunFolder) -> Progress | None:
    """Step and rewards of the last whole line that has them."""
    for line in reversed(_last_lines(folder)):
        try:
            event = parsed(line)
            progress = Progress(
                attempt=event["attempt"],
                phase="train",
                step=event["step"],
                reward=event.get("reward"),
                best_reward=event.get("best_reward"),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        if is_sound(progress):
            return progress
    return None


def _last_lines(folder: RunFolder) -> list[bytes]:
    """The last few lines of the events; the first and the last of them may be torn."""
    try:
        with folder.events.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            return file.read().splitlines()
    except OSError:
        return []
