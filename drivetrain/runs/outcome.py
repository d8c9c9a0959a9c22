"""The trainer's last act: saying how it ended, before the exit code says it more vaguely."""

import errno
import traceback
from typing import Any

from drivetrain.errors import NotFoundError, UserError
from drivetrain.runs.atomic import replace_json
from drivetrain.runs.folder import AttemptFolder
from drivetrain.runs.record import How, Reason, Verdict

DETAIL_CHARS = 500
TRACEBACK_CHARS = 8_000
EXIT_COMPLETED, EXIT_FAILED, EXIT_STOPPED = 0, 5, 75
HOW_STOPPED: dict[Reason, How] = {"user_stop": "stopped", "time_limit": "stopped"}
"""Why a trainer stopped on request; everything else interrupted it."""

BY_TYPE: tuple[tuple[type[BaseException], Reason], ...] = (
    (NotFoundError, "data"),
    (UserError, "config"),
    (MemoryError, "host_oom"),
    (FloatingPointError, "nan"),
    (EOFError, "env_worker_died"),
    (BrokenPipeError, "env_worker_died"),
    (ConnectionResetError, "env_worker_died"),
)
BY_NAME: dict[str, Reason] = {"OutOfMemoryError": "gpu_oom"}
"""Errors of libraries that must not be imported here."""

BY_WORDS: tuple[tuple[str, Reason], ...] = (
    ("CUDA out of memory", "gpu_oom"),
    ("CUDA error", "gpu_error"),
    ("No space left on device", "disk_full"),
    # How torch's distributions greet a NaN (DLR-RM/stable-baselines3#1401).
    ("Expected parameter loc", "nan"),
)


def record_completed(attempt: AttemptFolder, step: int) -> int:
    """Record that training reached its end; returns the exit code."""
    _record(attempt, Verdict("succeeded", "completed", step=step))
    return EXIT_COMPLETED


def record_stopped(attempt: AttemptFolder, step: int, reason: Reason) -> int:
    """Record that training saved and left as asked; returns the exit code."""
    _record(attempt, Verdict(HOW_STOPPED.get(reason, "interrupted"), reason, step=step))
    return EXIT_STOPPED


def record_failed(attempt: AttemptFolder, step: int | None, error: BaseException) -> int:
    """Record what went wrong; returns the exit code."""
    reason = reason_of(error)
    message = " ".join(str(error).split())
    detail = message if isinstance(error, UserError) else f"{type(error).__name__}: {message}"
    trace = "".join(traceback.format_exception(error))[-TRACEBACK_CHARS:]
    _record(
        attempt,
        Verdict("failed", reason, detail[:DETAIL_CHARS], step),
        error=type(error).__name__,
        traceback=trace,
    )
    return error.exit_code if isinstance(error, UserError) else EXIT_FAILED


def reason_of(error: BaseException) -> Reason:
    """Why training failed, in words of this field."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk_full"
    named = [reason for kind, reason in BY_TYPE if isinstance(error, kind)]
    named += [reason for name, reason in BY_NAME.items() if type(error).__name__ == name]
    told = [reason for words, reason in BY_WORDS if words in str(error)]
    return next(iter(named + told), "error")


def _record(attempt: AttemptFolder, verdict: Verdict, **more: Any) -> None:
    facts = {
        "v": 1,
        "how": verdict.how,
        "reason": verdict.reason,
        "detail": verdict.detail,
        "step": verdict.step,
    }
    replace_json(attempt.outcome, facts | more)
