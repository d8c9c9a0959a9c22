"""Why training failed, in words of the field."""

import errno
import multiprocessing
import os
import signal
from collections.abc import Callable
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from drivetrain.errors import DataError, RequestError, UnlearnedError
from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import AttemptFolder
from drivetrain.runs.outcome import reason_of, record_failed


def like(name: str, message: str = "") -> Exception:
    """An error of a library that is not there."""
    error: Exception = type(name, (RuntimeError,), {})(message)
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FloatingPointError("the loss is not finite"), "nan"),
        (UnlearnedError("it drives surely worse"), "unlearning"),
        (ValueError("Expected parameter loc (Tensor of shape (8, 2)) of Normal"), "nan"),
        (like("OutOfMemoryError"), "gpu_oom"),
        (RuntimeError("CUDA out of memory. Tried to allocate 20 GiB"), "gpu_oom"),
        (like("AcceleratorError", "CUDA error: out of memory"), "gpu_oom"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), "gpu_oom"),
        (like("AcceleratorError", "CUDA error: an illegal memory access"), "gpu_error"),
        (like("NVMLError_GpuIsLost", "GPU is lost"), "gpu_error"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), "gpu_error"),
        (RuntimeError("No CUDA GPUs are available"), "gpu_error"),
        (MemoryError(), "host_oom"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "host_oom"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "host_oom"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk_full"),
        (EOFError(), "env_worker_died"),
        (ConnectionResetError(), "env_worker_died"),
        (DataError("damaged"), "data"),
        (RequestError("impossible"), "config"),
        (KeyError("wheel"), "error"),
    ],
)
def test_errors_get_reasons_of_the_field(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


def test_an_error_that_names_its_cause_has_the_reason_of_that() -> None:
    with pytest.raises(RuntimeError) as told:
        raise RuntimeError("could not save") from OSError(errno.EDQUOT, "quota")
    assert reason_of(told.value) == "disk_full"


def test_a_file_that_ends_too_soon_is_no_dead_worker() -> None:
    with pytest.raises(EOFError) as told:
        np.load(BytesIO())
    assert reason_of(told.value) == "error"


def leave(pipe: Connection) -> None:
    pipe.recv()
    os._exit(9)


def be_killed(pipe: Connection) -> None:
    pipe.recv()
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("end", "words"),
    [(leave, "a worker ended with exit code 9"), (be_killed, "a worker ended by SIGKILL")],
)
def test_a_worker_that_is_gone_is_reported_with_how_it_went(
    tmp_path: Path, end: Callable[[Connection], None], words: str
) -> None:
    attempt = AttemptFolder(tmp_path)
    forking = multiprocessing.get_context("fork")
    mine, its = forking.Pipe()
    worker = forking.Process(target=end, args=(its,), daemon=True)
    worker.start()
    its.close()
    mine.send("go")
    try:
        mine.recv()
    except EOFError as error:
        record_failed(attempt, 7, error)
    told = read_json(attempt.outcome) or {}
    assert (told["reason"], told["step"]) == ("env_worker_died", 7)
    assert told["detail"] == f"EOFError; {words}"
    mine.close()


def test_a_disk_that_takes_no_outcome_does_not_pass_for_what_went_wrong(tmp_path: Path) -> None:
    nowhere = AttemptFolder(tmp_path / "missing")
    assert record_failed(nowhere, 5, FloatingPointError("the loss is not finite")) == 5
