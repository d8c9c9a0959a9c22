"""What this machine has for runs: cores, and GPUs with their memory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drivetrain.machine import GpuReading, allowed_cores, core_numbers, gpus_in_time
from drivetrain.settings import gpu_slots

MB = 2**20
DRIVER_GPUS = Path("/proc/driver/nvidia/gpus")
FIRST_TOUCH_S = 10.0
VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU.  places: runs that may share it.  total_mb, used_mb: None where not told.

    used_mb: by anybody, our own runs among them.
    """

    uuid: str
    places: int
    total_mb: int | None
    used_mb: int | None


@dataclass(frozen=True, slots=True)
class Capacity:
    """What runs may use.  cores: how many at once.  core_numbers: out of which."""

    cores: int
    core_numbers: tuple[int, ...]
    gpus: tuple[Gpu, ...] = ()


def read_capacity(*, with_gpus: bool) -> Capacity:
    """This machine's room.  with_gpus: ask for them, which may take half a second.

    Raises:
        RequestError: the number of runs per GPU is set to nonsense.
    """
    gpus = _read_gpus(gpu_slots()) if with_gpus else ()
    return Capacity(allowed_cores(), core_numbers(), gpus)


def _read_gpus(places: int) -> tuple[Gpu, ...]:
    """The GPUs that this process may show to CUDA, in PCI order."""
    readings = (
        gpus_in_time()[0]
        or tuple(map(_unread, _uuids_of_driver()))
        # Without persistence mode a GPU's first touch takes 1-3 s (NVIDIA's documentation);
        # taken for absent, it would be given to every run that waits for it.
        or gpus_in_time(FIRST_TOUCH_S)[0]
    )
    known = [reading for reading in readings if reading.uuid is not None]
    return tuple(_gpu(reading, places) for reading in visible(known, os.environ.get(VISIBLE)))


def visible(gpus: Sequence[GpuReading], mask: str | None) -> tuple[GpuReading, ...]:
    """The GPUs that `CUDA_VISIBLE_DEVICES` leaves, in its order; all without it.

    As CUDA reads it, the list ends at the first entry that means no GPU (CUDA C++ Programming
    Guide, "CUDA Environment Variables").  Slices of a GPU, `MIG-...`, which NVML does not list
    as devices, are taken at their word.
    """
    if mask is None:
        return tuple(gpus)
    seen: list[GpuReading] = []
    for word in map(str.strip, mask.split(",")):
        gpu = _unread(word) if word.startswith("MIG-") else _meant(word, gpus)
        if gpu is None:
            break
        seen.append(gpu)
    return tuple(seen)


def _meant(word: str, gpus: Sequence[GpuReading]) -> GpuReading | None:
    """The GPU of a number, or of a UUID or its unmistakable beginning."""
    if word.isdecimal():
        return gpus[int(word)] if int(word) < len(gpus) else None
    named = [gpu for gpu in gpus if word and (gpu.uuid or "").startswith(word)]
    return named[0] if len(named) == 1 else None


def _unread(uuid: str) -> GpuReading:
    """A GPU of which only the name is known."""
    return GpuReading(name=uuid, uuid=uuid, util=None, used=None, total=None)


def _uuids_of_driver() -> list[str]:
    """What the driver itself lists, in PCI order: for when NVML does not answer in time."""
    texts = map(_text_of, sorted(DRIVER_GPUS.glob("*/information")))
    lines = [line for text in texts for line in text.splitlines()]
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("GPU UUID")]
    return [uuid for uuid in named if "?" not in uuid]  # unknown until its first use


def _text_of(file: Path) -> str:
    """A GPU's lines, none where it has just vanished."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _gpu(reading: GpuReading, places: int) -> Gpu:
    return Gpu(
        uuid=reading.uuid or "",
        places=places,
        total_mb=None if reading.total is None else reading.total // MB,
        used_mb=None if reading.used is None else reading.used // MB,
    )
