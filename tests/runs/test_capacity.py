"""What a machine has for runs, as CUDA and its driver tell it."""

from pathlib import Path

import pytest

from drivetrain.errors import RequestError
from drivetrain.machine import GpuReading, allowed_cores, core_numbers
from drivetrain.runs import capacity
from drivetrain.runs.capacity import Gpu, read_capacity, visible

GPUS = tuple(
    GpuReading("H200", f"GPU-{name}", 5.0, 3 << 20, 9 << 20) for name in ("aa", "ab", "b")
)


@pytest.mark.parametrize(
    ("mask", "names"),
    [
        (None, ["GPU-aa", "GPU-ab", "GPU-b"]),
        ("2,0", ["GPU-b", "GPU-aa"]),
        ("GPU-ab, 0", ["GPU-ab", "GPU-aa"]),
        ("GPU-b", ["GPU-b"]),
        ("GPU-a", []),
        ("", []),
        ("-1", []),
        ("1,9,0", ["GPU-ab"]),
        ("MIG-1f,0", ["MIG-1f", "GPU-aa"]),
    ],
)
def test_only_gpus_that_cuda_may_show_are_counted(mask: str | None, names: list[str]) -> None:
    assert [gpu.uuid for gpu in visible(GPUS, mask)] == names


def test_gpus_are_read_with_their_memory_and_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "gpus_in_time", lambda *_: (GPUS, ""))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("DRIVETRAIN_GPU_SLOTS", "3")
    assert read_capacity(with_gpus=True).gpus == (Gpu("GPU-ab", 3, 9, 3),)


def test_where_nvml_is_too_slow_the_drivers_own_list_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bus, uuid in (("0000:01", "GPU-1"), ("0000:02", "GPU-2"), ("0000:03", "GPU-????????")):
        (tmp_path / bus).mkdir()
        text = f"Model: \t\t H200\nGPU UUID: \t {uuid}\nBus Type: \t PCIe\n"
        (tmp_path / bus / "information").write_text(text, encoding="utf-8")
    monkeypatch.setattr(capacity, "gpus_in_time", lambda *_: ((), "unknown"))
    monkeypatch.setattr(capacity, "DRIVER_GPUS", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpus = read_capacity(with_gpus=True).gpus
    assert gpus == (Gpu("GPU-1", 1, None, None), Gpu("GPU-2", 1, None, None))


def test_a_gpu_that_wakes_up_slowly_is_not_taken_for_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(patience_s: float = 0.5) -> tuple[tuple[GpuReading, ...], str]:
        return (GPUS[:1], "") if patience_s > 3 else ((), "unknown")

    monkeypatch.setattr(capacity, "gpus_in_time", slow)
    monkeypatch.setattr(capacity, "DRIVER_GPUS", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [gpu.uuid for gpu in read_capacity(with_gpus=True).gpus] == ["GPU-aa"]


def test_gpus_are_asked_only_where_somebody_wants_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "gpus_in_time", lambda *_: pytest.fail("nobody wants a GPU"))
    seen = read_capacity(with_gpus=False)
    assert (seen.cores, seen.core_numbers, seen.gpus) == (allowed_cores(), core_numbers(), ())


@pytest.mark.parametrize("told", ["0", "-1", "many", "1.5"])
def test_a_senseless_number_of_places_is_refused_with_a_sensible_one(
    monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("DRIVETRAIN_GPU_SLOTS", told)
    with pytest.raises(RequestError, match=r"Try `export DRIVETRAIN_GPU_SLOTS=1`\.$"):
        read_capacity(with_gpus=True)
