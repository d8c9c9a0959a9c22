"""Runs as facts for programs, and what is said of them everywhere. Pure."""

from typing import assert_never

from drivetrain.numbers import percent, short_duration
from drivetrain.runs.asker import SHELL, Asker
from drivetrain.runs.look import Run
from drivetrain.runs.progress import Progress
from drivetrain.runs.record import (
    REASONS,
    Ended,
    Queued,
    Record,
    Running,
    Stalled,
    Starting,
    Stopping,
)
from drivetrain.runs.waiting import Waiting
from drivetrain.text import plain
from skill.report import Facts
from skill.table import untrusted


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
    return facts | _health_facts(run) | _state_facts(run.state)


def phase_words(seen: Progress) -> str:
    """What a run is busy with, and how far a stage before its first step is."""
    if not seen.stage_total or seen.stage_step is None:
        return seen.phase
    return f"{seen.phase}, {percent(seen.stage_step / seen.stage_total)} done"


def queue_facts(waiting: Waiting) -> Facts:
    """A queued run's place, for programs.  starts_in_s: from now, None where unknown."""
    return run_facts(waiting.run) | {
        "position": waiting.position,
        "waits_for": waiting.waits_for,
        "starts_in_s": waiting.starts_in_s,
    }


def queue_words(waiting: Waiting) -> str:
    """`number 2 in the queue, waiting for 2 CPU cores, starts in 5m`."""
    words = f"number {waiting.position} in the queue, waiting for {waiting.waits_for}"
    if waiting.starts_in_s is None:
        return words
    return f"{words}, starts in {short_duration(waiting.starts_in_s)}"


def why(end: Ended, stopped_by: Asker | None = None) -> str:
    """Why a run ended, as a clause for people: the reason, and what is known besides."""
    detail = f"; {untrusted(end.detail)}" if end.detail else ""
    reason = REASONS[end.reason]
    if end.reason == "user_stop" and (name := named(stopped_by)):
        reason = f"asked to stop by {name}"
    return f"{reason}{detail}"


def named(asker: Asker | None) -> str:
    """Who asked, for people; empty where nothing tells a person from a chat."""
    return "" if asker is None or asker == SHELL else asker.words


def tracker_trouble(run: Run) -> str:
    """Why a run at work is not mirrored in the tracker; empty where it is, or need not be."""
    told = run.progress.tracker if run.progress else ""
    return plain(told.removeprefix("off").lstrip(": "), 80) if told.startswith("off") else ""


def ended_step(run: Run) -> int | None:
    """Where an ended run stood, as its verdict or its last telemetry says."""
    if isinstance(run.state, Ended) and run.state.step is not None:
        return run.state.step
    return run.progress.step if run.progress else None


def _health_facts(run: Run) -> Facts:
    seen = run.progress
    return {
        "attempt": run.state.attempt,
        "tracker": seen.tracker if seen else None,
        "disk_low": seen.disk_low if seen else None,
    }


def _state_facts(state: Record) -> Facts:
    """What one state alone has."""
    match state:
        case Queued(since=since, by=by):
            return {"queued_at": since, "by": by}
        case Stalled(overdue_s=overdue):
            return {"overdue_s": overdue}
        case Ended():
            return {
                "ended_at": state.at,
                "reason": state.reason,
                "why": REASONS[state.reason],
                "detail": plain(state.detail),
                "resumable": state.resumable,
                "unit": state.unit,
                "next": state.next_action,
            }
        case _:
            return {}
