"""All runs and the machine: records and telemetry → Markdown or JSON.

Pure: time, machine and records are arguments.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from drivetrain.machine import GpuReading, Machine
from drivetrain.numbers import (
    UNKNOWN,
    gigabytes,
    percent,
    short_count,
    short_duration,
    short_number,
)
from drivetrain.runs.look import Run
from drivetrain.runs.record import By, Ended, Queued, Running, Stalled, Starting, Stopping
from drivetrain.runs.registry import Overview
from drivetrain.runs.waiting import Waiting
from drivetrain.text import plain
from skill.facts import ended_step, queue_facts, run_facts, tracker_trouble, why
from skill.report import Facts, Report
from skill.table import table, untrusted

START_HINT = "Start one with `/train ppo --run-id ppo_v1`."
MOST_QUEUED = 20
MOST_ENDS = 5
ATTEMPTS: dict[By, str] = {"start": "", "user": ", resumed", "auto": ", by itself"}
"""What a queued attempt is, besides its number."""
FRESH_SAMPLE_S = 10.0


@dataclass(frozen=True, slots=True)
class Scene:
    """All that the status is made of.  queue: the queued runs in order.  now: wall clock, s."""

    overview: Overview
    queue: Sequence[Waiting]
    machine: Machine
    home: Path
    now: float


def status_report(scene: Scene) -> Report:
    """All runs and the machine."""
    overview, now = scene.overview, scene.now
    parts = [
        _active_part(overview),
        system_lines(scene.machine),
        _attention_part(overview.active),
        _queued_part(scene.queue, now),
        _ended_part(overview, now),
    ]
    facts = {
        "home": str(scene.home),
        "active": [run_facts(run) for run in overview.active],
        "queued": [queue_facts(waiting) for waiting in scene.queue[:MOST_QUEUED]],
        "queued_total": len(scene.queue),
        "ended": [run_facts(run) for run in overview.ended],
        "ended_total": overview.ended_total,
        "system": system_facts(scene.machine),
    }
    return Report("\n\n".join(part for part in parts if part), facts)


def fresh_sample(runs: Sequence[Run], now: float) -> GpuReading | None:
    """The newest reading of the GPU that a trainer took, if it is fresh.  now: s."""
    for run in runs:
        seen = run.progress
        if seen and seen.gpu and seen.wall and 0 <= now - seen.wall < FRESH_SAMPLE_S:
            return seen.gpu
    return None


def system_lines(machine: Machine) -> str:
    """GPU, VRAM and RAM, in words where there is nothing to read."""
    lines = ["### System"]
    for at, gpu in enumerate(machine.gpus):
        number = f" {at}" if len(machine.gpus) > 1 else ""
        lines.append(f"- GPU{number}: {gpu_name(gpu)} - {_busy(gpu)} usage")
        lines.append(f"- VRAM{number}: {gigabytes(gpu.used)} / {gigabytes(gpu.total)}")
    if not machine.gpus:
        lines += [f"- GPU: {machine.gpu_note or 'none'}", f"- VRAM: {UNKNOWN}"]
    lines.append(f"- RAM: {gigabytes(machine.ram_used)} / {gigabytes(machine.ram_total)}")
    return "\n".join(lines)


def system_facts(machine: Machine) -> Facts:
    """The machine, for programs.  Sizes in bytes."""
    return {
        "gpus": [
            {
                "name": gpu.name,
                "uuid": gpu.uuid,
                "usage_percent": gpu.util,
                "vram_used": gpu.used,
                "vram_total": gpu.total,
            }
            for gpu in machine.gpus
        ],
        "gpu_note": machine.gpu_note,
        "ram_used": machine.ram_used,
        "ram_total": machine.ram_total,
    }


def gpu_name(gpu: GpuReading) -> str:
    """`NVIDIA GeForce RTX 4090` is an `RTX 4090` to its owner."""
    return plain(gpu.name, 60).removeprefix("NVIDIA ").removeprefix("GeForce ")


def ago(moment: float | None, now: float) -> str:
    """`3h ago`.  moment, now: wall clock, s."""
    return UNKNOWN if moment is None else f"{short_duration(now - moment)} ago"


def _busy(gpu: GpuReading) -> str:
    return percent(None if gpu.util is None else gpu.util / 100)


def _active_part(overview: Overview) -> str:
    lines = ["## Active Training Runs", ""]
    if overview.active:
        header = ("Run", "Algorithm", "Step", "Reward", "GPU", "ETA")
        lines.append(table(header, map(_active_row, overview.active)))
    elif overview.ended_total or overview.queued:
        lines.append(f"No run is active. {START_HINT}")
    else:
        lines.append(f"There are no runs yet. {START_HINT}")
    return "\n".join(lines)


def _active_row(run: Run) -> Sequence[str]:
    seen = run.progress
    if seen is None:
        return (run.id, run.algorithm, *[UNKNOWN] * 4)
    # A run that is silent or on its way out has no time of arrival.
    eta = seen.eta_s if isinstance(run.state, Running | Starting) else None
    return (
        run.id,
        run.algorithm,
        short_count(seen.step),
        short_number(seen.reward),
        _busy(seen.gpu) if seen.gpu else UNKNOWN,
        short_duration(eta),
    )


def _attention_part(active: Sequence[Run]) -> str:
    """What the table has no room for: its shape is fixed."""
    notes = [note for run in active for note in _notes(run)]
    return "\n".join(["### Attention", *notes]) if notes else ""


def _notes(run: Run) -> Iterator[str]:
    """What there is to say about a run that is not simply running."""
    match run.state:
        case Stalled(overdue_s=overdue):
            yield (
                f"- `{run.id}` is stalled: {short_duration(overdue)} overdue with a sign of "
                f"life. What follows: `/train status {run.id}`."
            )
        case Stopping():
            yield f"- `{run.id}` is stopping: it saves, and its end is recorded."
        case _:
            pass
    if run.progress and run.progress.disk_low:
        free = gigabytes(run.progress.disk_free)
        yield f"- `{run.id}` may not fit its next saves on the disk: {free} are free."
    if trouble := tracker_trouble(run):
        yield f"- `{run.id}` is not mirrored in MLflow ({untrusted(trouble)}); it trains on."


def _queued_part(queue: Sequence[Waiting], now: float) -> str:
    if not queue:
        return ""
    header = ("Run", "Algorithm", "Position", "Attempt", "Waits for", "Starts in", "Asked")
    rows = (_queued_row(waiting, now) for waiting in queue[:MOST_QUEUED])
    lines = ["## Queued Runs", "", table(header, rows)]
    more = len(queue) - MOST_QUEUED
    if more > 0:
        lines += ["", f"{more:,} more wait; `/train status RUN` tells the place of one."]
    return "\n".join(lines)


def _queued_row(waiting: Waiting, now: float) -> Sequence[str]:
    run, state = waiting.run, waiting.run.state
    attempt, since = UNKNOWN, run.created
    if isinstance(state, Queued):
        attempt, since = f"{state.attempt}{ATTEMPTS[state.by]}", state.since
    return (
        run.id,
        run.algorithm,
        str(waiting.position),
        attempt,
        waiting.waits_for,
        short_duration(waiting.starts_in_s),
        ago(since, now),
    )


def _ended_part(overview: Overview, now: float) -> str:
    if not overview.ended:
        return ""
    header = ("Run", "Algorithm", "How", "Step", "Reward", "When")
    rows = (_ended_row(run, now) for run in overview.ended)
    lines = ["## Ended Runs", "", table(header, rows)]
    older = overview.ended_total - len(overview.ended)
    ends = [note for run in overview.ended if (note := _end_note(run))]
    if older > 0:
        lines += ["", f"{older:,} older runs are not shown; `/train status RUN` shows one."]
    if ends:
        lines += ["", *ends[:MOST_ENDS]]
    return "\n".join(lines)


def _ended_row(run: Run, now: float) -> Sequence[str]:
    end = run.state
    seen = run.progress
    return (
        run.id,
        run.algorithm,
        _how(end) if isinstance(end, Ended) else UNKNOWN,
        short_count(ended_step(run)),
        short_number(seen.reward if seen else None),
        ago(end.at if isinstance(end, Ended) else None, now),
    )


def _how(end: Ended) -> str:
    """`succeeded`, `failed: nan`: the reason where it says more."""
    return end.how if end.reason in ("completed", "user_stop") else f"{end.how}: {end.reason}"


def _end_note(run: Run) -> str:
    """Why a run ended that did not simply succeed, and what to type."""
    end = run.state
    if not isinstance(end, Ended) or end.how == "succeeded":
        return ""
    return f"- `{run.id}` {end.how} ({end.reason}): {why(end)}. Next: {end.next_action}."
