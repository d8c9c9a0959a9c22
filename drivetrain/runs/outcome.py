"""The trainer's last act: saying how it ended, before the exit code says it more vaguely."""

import errno
import signal
import sys
import traceback
from contextlib import suppress
from typing import Any

from drivetrain.errors import NotFoundError, UnlearnedError, UserError
from drivetrain.runs.atomic import replace_json
from drivetrain.runs.folder import AttemptFolder
from drivetrain.runs.record import How, Reason, Verdict

DETAIL_CHARS = 500
TRACEBACK_CHARS = 8_000
EXIT_COMPLETED, EXIT_FAILED, EXIT_STOPPED = 0, 5, 75
HOW_STOPPED: dict[Reason, How] = {"user_stop": "stopped", "time_limit": "stopped"}
"""Why a trainer stopped on request; everything else interrupted it."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
WORKER_PATIENCE_S = 1.0
"""From a pipe's end until its process can be asked how it left."""

PIPE_ERRORS = (EOFError, BrokenPipeError, ConnectionResetError)
BY_TYPE: tuple[tuple[type[BaseException], Reason], ...] = (
    (NotFoundError, "data"),
    (UnlearnedError, "unlearning"),
    (UserError, "config"),
    (MemoryError, "host_oom"),
    (FloatingPointError, "nan"),
)
BY_WORDS: tuple[tuple[str, Reason], ...] = (
    ("CUDA out of memory", "gpu_oom"),
    ("CUDA error: out of memory", "gpu_oom"),
    ("CUBLAS_STATUS_ALLOC_FAILED", "gpu_oom"),
    ("CUDA error", "gpu_error"),
    ("CUBLAS_STATUS_", "gpu_error"),
    ("cuDNN error", "gpu_error"),
    ("No CUDA GPUs are available", "gpu_error"),
    ("No space left on device", "disk_full"),
    ("Disk quota exceeded", "disk_full"),
    ("DefaultCPUAllocator: can't allocate memory", "host_oom"),
    ("std::bad_alloc", "host_oom"),
    # How torch's distributions greet a NaN (DLR-RM/stable-baselines3#1401).
    ("Expected parameter ", "nan"),
)
BY_NAME: dict[str, Reason] = {
    "OutOfMemoryError": "gpu_oom",
    "AcceleratorError": "gpu_error",
    "CudaError": "gpu_error",
    "NVMLError_GpuIsLost": "gpu_error",
}
"""Errors of libraries that must not be imported here."""


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
    trace = "".join(traceback.format_exception(error))[-TRACEBACK_CHARS:]
    verdict = Verdict("failed", reason, _detail(error, reason)[:DETAIL_CHARS], step)
    with suppress(OSError):  # a disk that takes nothing must not pass for what went wrong
        _record(attempt, verdict, error=type(error).__name__, traceback=trace)
    return error.exit_code if isinstance(error, UserError) else EXIT_FAILED


def reason_of(error: BaseException) -> Reason:
    """Why training failed, in words of this field."""
    if isinstance(error, OSError) and error.errno in FULL:
        return "disk_full"
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return "host_oom"
    if isinstance(error, PIPE_ERRORS) and _is_of_worker(error):
        return "env_worker_died"
    found = [reason for kind, reason in BY_TYPE if isinstance(error, kind)]
    found += [reason for words, reason in BY_WORDS if words in str(error)]
    found += [
        BY_NAME[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in BY_NAME
    ]
    if not found and error.__cause__ is not None:
        return reason_of(error.__cause__)
    return next(iter(found), "error")


def _is_of_worker(error: BaseException) -> bool:
    """Whether a pipe to another process broke, and not, say, a file that is too short."""
    frames = traceback.extract_tb(error.__traceback__)
    return not frames or any("multiprocessing" in frame.filename for frame in frames)


def _detail(error: BaseException, reason: Reason) -> str:
    """One line on what went wrong; a mistake of the user is a sentence already."""
    message = " ".join(str(error).split())
    if isinstance(error, UserError):
        return message
    parts = [type(error).__name__ + (f": {message}" if message else "")]
    if reason == "env_worker_died":
        parts += _dead_workers()
    return "; ".join(parts)


def _dead_workers() -> list[str]:
    """How worker processes ended that did, in words."""
    process = sys.modules.get("multiprocessing.process")
    # `active_children` would bury the dead without telling how they died.
    workers = list(getattr(process, "_children", ()))
    if not workers:
        return []
    from multiprocessing.connection import wait

    gone = wait([worker.sentinel for worker in workers], WORKER_PATIENCE_S)
    codes = set()
    for worker in workers:
        if worker.sentinel in gone:
            # Its pipes end a moment before the kernel has its exit code.
            worker.join(WORKER_PATIENCE_S)
            codes.add(worker.exitcode)
    return [f"a worker ended {_left_by(code)}" for code in codes if code is not None]


def _left_by(code: int) -> str:
    """In words; a signal is told as a negative code."""
    if code >= 0:
        return f"with exit code {code}"
    known = {signum.value: signum.name for signum in signal.Signals}
    return f"by {known.get(-code, f'signal {-code}')}"


def _record(attempt: AttemptFolder, verdict: Verdict, **more: Any) -> None:
    facts = {
        "v": 1,
        "how": verdict.how,
        "reason": verdict.reason,
        "detail": verdict.detail,
        "step": verdict.step,
    }
    replace_json(attempt.outcome, facts | more)
