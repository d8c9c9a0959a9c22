"""What this machine has: cores, and GPU, VRAM and RAM as one reading, honest where none is.

NVML may take seconds, or never answer: it is asked in a thread that is left behind after
500 ms. Every call may fail, since a GPU can vanish and a MIG slice has no utilisation.
"""

import math
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

NVML_PATIENCE_S = 0.5
DRIVER_MARKS = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg")
"""Where an NVIDIA driver shows; without one, importing pynvml (50 ms) tells nothing new."""
CGROUPS = Path("/sys/fs/cgroup")

T = TypeVar("T")


def cores() -> int:
    """How many cores this process may keep busy: those of its lease, else all it is allowed."""
    leased = os.environ.get("DRIVETRAIN_CORES", "")
    return int(leased) if leased.isdigit() and int(leased) else allowed_cores()


def allowed_cores() -> int:
    """How many cores the system lets this process keep busy, whatever it leased.

    Half a core above a whole one does not count: a thread more would only be throttled.
    """
    quotas = map(_read_quota, _cgroup_folders("cpu"))
    least = min((quota for quota in quotas if quota is not None), default=math.inf)
    return int(max(1, min(len(core_numbers()), least)))


def core_numbers() -> tuple[int, ...]:
    """The numbers of the cores that this process may run on, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One GPU.  util: percent of time busy.  used, total: bytes of VRAM.  None = not told."""

    name: str
    uuid: str | None
    util: float | None
    used: int | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine now.  ram_used, ram_total: bytes.  gpu_note: why there is no reading."""

    gpus: tuple[GpuReading, ...]
    gpu_note: str
    ram_used: int
    ram_total: int

    @property
    def gpu(self) -> GpuReading | None:
        """The first GPU, or None."""
        return self.gpus[0] if self.gpus else None


def read_machine(sample: GpuReading | None = None) -> Machine:
    """What the machine has and uses; a fresh `sample` of its GPU saves asking NVML."""
    gpus, note = ((sample,), "") if sample is not None else gpus_in_time()
    used, total = read_ram()
    return Machine(gpus, note, used, total)


def read_ram() -> tuple[int, int]:
    """RAM in use and in all, in bytes: of this container where that is the tighter limit."""
    total, available = _read_meminfo()
    limits = [
        found for found in map(_read_cgroup, _cgroup_folders("memory")) if found is not None
    ]
    used, limit = min(limits, key=lambda found: found[1], default=(0, total))
    if limit < total:
        return used, limit
    return total - available, total


def _read_meminfo() -> tuple[int, int]:
    """RAM in all and available, in bytes; proc(5) tells both in KiB."""
    told = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    sizes = {name: int(size.split()[0]) for name, size in (line.split(":") for line in told)}
    return 1024 * sizes["MemTotal"], 1024 * sizes["MemAvailable"]


def read_gpus() -> tuple[GpuReading, ...]:
    """Every GPU that NVML knows.  May take seconds; raises NVML's error where it cannot.

    A device that fails to answer is left out of what is told, never of the rest.
    """
    import pynvml  # 50 ms that a machine without a GPU need not pay

    pynvml.nvmlInit()
    try:
        return tuple(_read_gpu(pynvml, index) for index in range(pynvml.nvmlDeviceGetCount()))
    finally:
        pynvml.nvmlShutdown()


def read_gpu(gpu_id: str) -> GpuReading | None:
    """One GPU, by its UUID or its number; None where NVML does not tell.  May take seconds."""
    for number, gpu in enumerate(_gpus_or_none()):
        if gpu_id in (gpu.uuid, str(number)):
            return gpu
    return None


def gpus_in_time(
    patience_s: float = NVML_PATIENCE_S,
) -> tuple[tuple[GpuReading, ...], str]:
    """Every GPU, or none and why; NVML has 500 ms to answer where nobody may wait longer."""
    if not has_driver():
        return (), "none (no NVIDIA driver)"
    return _in_time(_gpus_or_none, patience_s)


def has_driver() -> bool:
    """Whether an NVIDIA driver shows on this machine."""
    return any(Path(mark).exists() for mark in DRIVER_MARKS)


def _read_gpu(nvml: Any, index: int) -> GpuReading:
    """One GPU, with None for everything it does not tell."""
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = _told(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    rates = _told(lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
    return GpuReading(
        name=_as_text(_told(lambda: nvml.nvmlDeviceGetName(handle))) or f"GPU {index}",
        uuid=_as_text(_told(lambda: nvml.nvmlDeviceGetUUID(handle))),
        util=None if rates is None else float(rates.gpu),
        used=None if memory is None else int(memory.used),
        total=None if memory is None else int(memory.total),
    )


def _told(ask: Callable[[], T]) -> T | None:
    """An answer of NVML, or None: its errors differ by driver, device and version."""
    with suppress(Exception):
        return ask()
    return None


def _as_text(told: str | bytes | None) -> str | None:
    """Older bindings answer in bytes."""
    return told.decode(errors="replace") if isinstance(told, bytes) else told


def _in_time(
    ask: Callable[[], tuple[GpuReading, ...]], patience_s: float = NVML_PATIENCE_S
) -> tuple[tuple[GpuReading, ...], str]:
    """An answer if it comes in time; the question is left behind if not."""
    answer: list[tuple[GpuReading, ...]] = []
    asking = threading.Thread(target=lambda: answer.append(ask()), daemon=True)
    asking.start()
    asking.join(patience_s)
    if not answer:
        return (), f"unknown (NVML did not answer within {patience_s:g} s)"
    return answer[0], "" if answer[0] else "none (NVML sees no GPU)"


def _gpus_or_none() -> tuple[GpuReading, ...]:
    """The GPUs, or none where NVML refuses."""
    return _told(read_gpus) or ()


def _cgroup_folders(controller: str) -> list[Path]:
    """The folders of a controller of this process and of all above it, v2 and v1."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            own = CGROUPS / controllers / path.lstrip("/")
            folders += [own, *(above for above in own.parents if CGROUPS in above.parents)]
            folders.append(CGROUPS / controllers)
    return folders


def _read_cgroup(folder: Path) -> tuple[int, int] | None:
    """Bytes used and allowed by a memory controller, or None where there is no limit.

    The page cache counts as used there, though the kernel gives it back when asked.
    """
    for limit, used, cache in (
        ("memory.max", "memory.current", "inactive_file "),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "),
    ):
        with suppress(OSError, ValueError):  # absent, or the word `max`
            allowed = int((folder / limit).read_text(encoding="ascii"))
            in_use = int((folder / used).read_text(encoding="ascii"))
            return max(0, in_use - _read_count(folder / "memory.stat", cache)), allowed
    return None


def _read_quota(folder: Path) -> float | None:
    """Cores' worth of time that a CPU controller grants, or None where there is no limit."""
    with suppress(OSError, ValueError):  # absent, or the word `max`
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii")
        period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii")
        return int(quota) / int(period) if int(quota) > 0 else None
    return None


def _read_count(file: Path, name: str) -> int:
    """One number of a `memory.stat`, 0 where it is not told."""
    for line in file.read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0
