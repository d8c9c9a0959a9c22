"""`python -m drivetrain.doctor.heavy_child`: one line of JSON on torch, CUDA and NVML."""

import json
import sys
from typing import Any

from drivetrain.machine import has_driver

Facts = dict[str, Any]


def torch_facts() -> Facts:
    """Whether torch loads, and computes on every GPU it sees."""
    try:
        import torch
    except Exception as error:  # noqa: BLE001 - a broken library may raise anything
        return {"torch_error": _words(error)}
    facts: Facts = {"torch": torch.__version__, "cuda": torch.version.cuda}
    if not has_driver():
        return facts
    try:
        for device in range(torch.cuda.device_count()):
            ones = torch.ones(8, 8, device=f"cuda:{device}")
            if float((ones @ ones).sum()) != 512.0:
                return facts | {"cuda_error": f"GPU {device} does not compute right"}
            facts["cuda_devices"] = device + 1
    except Exception as error:  # noqa: BLE001 - CUDA's errors differ by version
        facts["cuda_error"] = _words(error)
    return facts


def nvml_facts() -> Facts:
    """The driver and its GPUs."""
    facts: Facts = {"gpus": []}
    if not has_driver():
        return facts
    try:
        import pynvml

        pynvml.nvmlInit()
        facts["driver"] = _text(pynvml.nvmlSystemGetDriverVersion())
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            facts["gpus"].append(_text(pynvml.nvmlDeviceGetName(handle)))
            facts["mig"] = facts.get("mig", False) or _has_mig(pynvml, handle)
    except Exception as error:  # noqa: BLE001 - NVML's errors differ by driver and version
        facts["nvml_error"] = _words(error)
    return facts


def _has_mig(nvml: Any, handle: object) -> bool:
    try:
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0])
    except nvml.NVMLError:  # most GPUs know of no MIG
        return False


def _text(told: str | bytes) -> str:
    return told.decode(errors="replace") if isinstance(told, bytes) else told


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(torch_facts() | nvml_facts()) + "\n")
