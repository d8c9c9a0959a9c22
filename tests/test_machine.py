"""What is told of the machine, with a GPU and without."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from drivetrain import machine
from drivetrain.machine import GpuReading, read_gpu, read_machine, read_ram


@dataclass
class Nvml:
    """NVML of one GPU, as its bindings answer; what it cannot tell raises."""

    name: str | bytes = "RTX 4090"
    silent: frozenset[str] = field(default_factory=frozenset)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetName(self, _handle: int) -> str | bytes:  # noqa: N802
        return self.name

    def nvmlDeviceGetUUID(self, _handle: int) -> str:  # noqa: N802
        return "GPU-1"

    def nvmlDeviceGetMemoryInfo(self, _handle: int) -> SimpleNamespace:  # noqa: N802
        self._answer("memory")
        return SimpleNamespace(used=6, total=24)

    def nvmlDeviceGetUtilizationRates(self, _handle: int) -> SimpleNamespace:  # noqa: N802
        self._answer("util")
        return SimpleNamespace(gpu=78, memory=40)

    def _answer(self, what: str) -> None:
        if what in self.silent:
            raise RuntimeError("NVMLError_NotSupported")


def test_a_gpu_tells_its_use_and_memory() -> None:
    assert machine._read_gpu(Nvml(), 0) == GpuReading("RTX 4090", "GPU-1", 78.0, 6, 24)


def test_a_slice_of_a_gpu_without_utilisation_still_tells_its_memory() -> None:
    seen = machine._read_gpu(Nvml(silent=frozenset({"util"})), 0)
    assert (seen.util, seen.used, seen.total) == (None, 6, 24)


def test_a_gpu_that_fails_in_between_is_told_by_name_alone() -> None:
    seen = machine._read_gpu(Nvml(b"A100", frozenset({"util", "memory"})), 0)
    assert seen == GpuReading("A100", "GPU-1", None, None, None)


def test_nvml_that_never_answers_is_left_behind() -> None:
    never = threading.Event()
    gpus, note = machine._in_time(lambda: (never.wait(), ())[1])
    never.set()
    assert gpus == ()
    assert note == "unknown (NVML did not answer within 0.5 s)"


def test_a_driver_without_a_gpu_says_so() -> None:
    assert machine._in_time(lambda: ()) == ((), "none (NVML sees no GPU)")


@pytest.mark.skipif(machine.has_driver(), reason="this machine has an NVIDIA driver")
def test_a_machine_without_a_driver_says_so_and_has_no_gpu_to_read() -> None:
    seen = read_machine()
    assert (seen.gpu, seen.gpu_note) == (None, "none (no NVIDIA driver)")
    assert read_gpu("0") is None


@pytest.mark.gpu
@pytest.mark.skipif(not machine.has_driver(), reason="this machine has no NVIDIA driver")
def test_a_machine_with_a_gpu_tells_of_it() -> None:
    gpu = read_gpu("0")
    assert gpu is not None
    assert gpu.total is not None
    assert gpu.uuid is not None
    assert read_gpu(gpu.uuid) is not None


def test_a_fresh_sample_is_taken_as_it_is() -> None:
    sample = GpuReading("RTX 4090", "GPU-1", 78.0, 6, 24)
    seen = read_machine(sample)
    assert (seen.gpu, seen.gpus, seen.gpu_note) == (sample, (sample,), "")


def test_ram_in_use_is_part_of_all_ram() -> None:
    used, total = read_ram()
    assert 0 < used < total


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {
                "memory.max": "1000",
                "memory.current": "700",
                "memory.stat": "anon 5\ninactive_file 200\n",
            },
            (500, 1000),
        ),
        (
            {
                "memory.limit_in_bytes": "1000",
                "memory.usage_in_bytes": "300",
                "memory.stat": "total_inactive_file 100\n",
            },
            (200, 1000),
        ),
        ({"memory.max": "max", "memory.current": "700", "memory.stat": ""}, None),
        ({}, None),
    ],
)
def test_a_containers_limit_is_read_without_what_the_kernel_would_give_back(
    tmp_path: Path, files: dict[str, str], expected: tuple[int, int] | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    assert machine._read_cgroup(tmp_path) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.cfs_quota_us": "400000\n", "cpu.cfs_period_us": "100000\n"}, 4.0),
        ({"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_a_containers_share_of_the_cores_is_read_from_its_quota(
    tmp_path: Path, files: dict[str, str], expected: float | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    assert machine._read_quota(tmp_path) == expected


@pytest.mark.parametrize(("quota", "cores"), [("250000 100000", 2), ("50000 100000", 1)])
def test_no_more_cores_are_counted_than_the_quota_pays_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, cores: int
) -> None:
    (tmp_path / "cpu.max").write_text(quota, encoding="ascii")
    monkeypatch.setattr(machine, "_cgroup_folders", lambda _controller: [tmp_path])
    monkeypatch.setattr(machine, "core_numbers", lambda: tuple(range(8)))
    assert machine.allowed_cores() == cores


@pytest.mark.parametrize(
    ("leased", "expected"), [("3", 3), ("", None), ("0", None), ("x", None)]
)
def test_a_process_with_a_lease_counts_the_cores_of_its_lease(
    monkeypatch: pytest.MonkeyPatch, leased: str, expected: int | None
) -> None:
    monkeypatch.setenv("DRIVETRAIN_CORES", leased)
    assert machine.cores() == (expected or machine.allowed_cores())
