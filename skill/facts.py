"""Runs as facts for programs, and their states in one word. Pure."""

from typing import assert_never

from drivetrain.runs.look import Run
from drivetrain.runs.record import Ended, Queued, Record, Running, Stalled, Starting, Stopping
from drivetrain.text import plain
from skill.report import Facts


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
