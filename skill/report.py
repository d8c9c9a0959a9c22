"""Records and telemetry → Markdown or JSON. Pure: time, machine and records are arguments."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, assert_never

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
from drivetrain.runs.record import Ended, Queued, Record, Running, Stalled, Starting, Stopping
from drivetrain.runs.registry import Overview
from drivetrain.text import plain
from skill.table import table, untrusted

Facts = dict[str, Any]

START_HINT = "Start one with `/train ppo --run-id ppo_v1`."
MOST_FAILURES = 5
FRESH_SAMPLE_S = 10.0


@dataclass(frozen=True, slots=True)
class Report:
    """What a verb answers: Markdown for people, facts for machines, an exit code for shells.

    stream: lines that follow as they come, where the answer goes on.
    """

    markdown: str
    facts: Facts = field(default_factory=dict)
    exit_code: int = 0
    stream: Iterator[str] | None = None

    def text(self, *, as_json: bool) -> str:
        """The report as it is printed."""
        if as_json:
            return json.dumps(finite(self.facts), ensure_ascii=False, allow_nan=False)
        return self.markdown


def status_report(overview: Overview, machine: Machine, home: Path, now: float) -> Report:
    """All runs and the machine.  now: wall clock, s."""
    parts = [
        _active_part(overview),
        system_lines(machine),
        _attention_part(overview.active),
        _queued_part(overview.queued, now),
        _ended_part(overview, now),
    ]
    facts = {
        "home": str(home),
        "active": [run_facts(run) for run in overview.active],
        "queued": [run_facts(run) for run in overview.queued],
        "ended": [run_facts(run) for run in overview.ended],
        "ended_total": overview.ended_total,
        "system": system_facts(machine),
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


def state_word(state: Record) -> str:
    """The state in one word; a starting run is as good as running."""
    match state:
        case Queued():
            return "queued"
        case Starting() | Running():
            return "running"
        case Stalled():
            return "stalled"
        case Stopping():
            return "stopping"
        case Ended(how=how):
            return how
        case _:
            assert_never(state)


def run_facts(run: Run) -> Facts:
    """One run, for programs.  Times in s, wall clock."""
    seen = run.progress
    facts: Facts = {
        "run": run.id,
        "algorithm": run.algorithm,
        "state": state_word(run.state),
        "created": run.created,
        "phase": seen.phase if seen else None,
        "step": seen.step if seen else None,
        "total_steps": seen.total if seen else None,
        "reward": seen.reward if seen else None,
        "best_reward": seen.best_reward if seen else None,
        "steps_per_second": seen.rate if seen else None,
        "eta_s": seen.eta_s if seen else None,
        "gpu_percent": seen.gpu.util if seen and seen.gpu else None,
    }
    return facts | _end_facts(run.state)


def finite(facts: object) -> object:
    """The same facts in strict JSON, which knows neither NaN nor infinity: those are null."""
    if isinstance(facts, Mapping):
        return {name: finite(value) for name, value in facts.items()}
    if isinstance(facts, list | tuple):
        return [finite(value) for value in facts]
    return None if isinstance(facts, float) and not math.isfinite(facts) else facts


def ago(moment: float | None, now: float) -> str:
    """`3h ago`.  moment, now: wall clock, s."""
    return UNKNOWN if moment is None else f"{short_duration(now - moment)} ago"


def ended_step(run: Run) -> int | None:
    """Where an ended run stood, as its verdict or its last telemetry says."""
    if isinstance(run.state, Ended) and run.state.step is not None:
        return run.state.step
    return run.progress.step if run.progress else None


def _end_facts(state: Record) -> Facts:
    if not isinstance(state, Ended):
        return {}
    return {
        "ended_at": state.at,
        "reason": state.reason,
        "detail": plain(state.detail),
        "resumable": state.resumable,
        "next": state.next_action,
    }


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
    notes = [note for run in active if (note := _note(run))]
    return "\n".join(["### Attention", *notes]) if notes else ""


def _note(run: Run) -> str:
    """What there is to say about a run that is not simply running."""
    match run.state:
        case Stalled(overdue_s=overdue):
            return (
                f"- `{run.id}` is stalled: {short_duration(overdue)} overdue with a sign of "
                f"life. See `/train logs {run.id}`."
            )
        case Stopping():
            return f"- `{run.id}` is stopping: it saves first."
        case _:
            return ""


def _queued_part(queued: Sequence[Run], now: float) -> str:
    if not queued:
        return ""
    rows = ((run.id, run.algorithm, ago(run.created, now)) for run in queued)
    return "## Queued Runs\n\n" + table(("Run", "Algorithm", "Asked"), rows)


def _ended_part(overview: Overview, now: float) -> str:
    if not overview.ended:
        return ""
    header = ("Run", "Algorithm", "How", "Step", "Reward", "When")
    rows = (_ended_row(run, now) for run in overview.ended)
    lines = ["## Ended Runs", "", table(header, rows)]
    older = overview.ended_total - len(overview.ended)
    failures = [note for run in overview.ended if (note := _failure(run))]
    if older > 0:
        lines += ["", f"{older:,} older runs are not shown; `/train status RUN` shows one."]
    if failures:
        lines += ["", *failures[:MOST_FAILURES]]
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


def _failure(run: Run) -> str:
    end = run.state
    if not isinstance(end, Ended) or end.how not in ("failed", "lost"):
        return ""
    detail = f" {untrusted(end.detail)}." if end.detail else ""
    return f"- `{run.id}` {_how(end)}.{detail} Next: {end.next_action}."
