"""Is this machine fit to train: Python, packages, torch and its GPU, memory."""

import sys
from collections.abc import Iterator
from pathlib import Path

from drivetrain.doctor.finding import Finding
from drivetrain.doctor.heavy import Heavy, ask_heavy
from drivetrain.doctor.packages import package_problems
from drivetrain.machine import has_driver, read_ram
from drivetrain.numbers import gigabytes
from drivetrain.settings import PROJECT
from drivetrain.text import plain

LITTLE_RAM = 2 << 30
"""Bytes: torch and a simulator of a few hundred worlds take about this much."""
INSTALL = f"`make -C {PROJECT} install`"


def check_python(_home: Path) -> Iterator[Finding]:
    """The interpreter, and whether everything the project needs is there and fits."""
    version = ".".join(map(str, sys.version_info[:3]))
    problems = package_problems()
    for says in problems:
        yield Finding("packages", "problem", says, f"Install what is needed: {INSTALL}.")
    if not problems:
        yield Finding(
            "python", "ok", f"Python {version} in `{sys.prefix}`; every package fits."
        )


def check_torch(_home: Path) -> Iterator[Finding]:
    """Whether torch loads, and whether torch and NVML see the GPU that is there."""
    heavy = ask_heavy()
    yield _torch_finding(heavy)
    yield _gpu_finding(heavy)


def check_memory(_home: Path) -> Iterator[Finding]:
    """How much RAM is left."""
    used, total = read_ram()
    free = f"{gigabytes(max(0, total - used))} of {gigabytes(total)} RAM are free."
    if total - used >= LITTLE_RAM:
        yield Finding("memory", "ok", free)
        return
    yield Finding(
        "memory",
        "warning",
        f"Only {free}",
        "End what else needs it, or train in fewer worlds: `--set environment.num_envs=4`.",
    )


def _torch_finding(heavy: Heavy) -> Finding:
    if heavy.torch is None:
        return Finding(
            "torch",
            "problem",
            f"torch does not load: {plain(heavy.torch_error)}.",
            f"Install it anew: {INSTALL}.",
        )
    if heavy.cuda_error:
        return Finding(
            "torch",
            "problem",
            f"torch {heavy.torch} sees a GPU and cannot use it: {plain(heavy.cuda_error)}.",
            "Free the GPU or install a torch that fits its driver; until then `--device cpu`.",
        )
    if heavy.cuda_devices:
        sees = f"computes on {heavy.cuda_devices} GPU with CUDA {heavy.cuda}"
    elif has_driver() and heavy.cuda is None:
        return Finding(
            "torch",
            "warning",
            f"torch {heavy.torch} is built without CUDA, so the GPU here stays idle.",
            "Install the CUDA build of torch into the project's environment.",
        )
    elif has_driver():
        return Finding(
            "torch",
            "warning",
            f"torch {heavy.torch} (CUDA {heavy.cuda}) finds no GPU, though a driver is there.",
            "See whether `nvidia-smi` lists one and `CUDA_VISIBLE_DEVICES` hides none.",
        )
    else:
        sees = "computes on the CPU"
    return Finding("torch", "ok", f"torch {heavy.torch} loads and {sees}.")


def _gpu_finding(heavy: Heavy) -> Finding:
    if not has_driver():
        return Finding("gpu", "ok", "No NVIDIA driver: runs train on the CPU.")
    if heavy.nvml_error:
        return Finding(
            "gpu",
            "problem",
            f"NVML cannot tell of the GPU: {plain(heavy.nvml_error)}.",
            "Reload the driver or restart the machine; `nvidia-smi` says the same.",
        )
    names = ", ".join(plain(name, 60) for name in heavy.gpus) or "no GPU"
    slices = " MIG is on: a slice tells its memory, and no usage." if heavy.mig else ""
    return Finding("gpu", "ok", f"Driver {heavy.driver}: {names}.{slices}")
