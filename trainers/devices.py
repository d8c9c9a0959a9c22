"""Which GPU a learner uses."""

import torch


def gpu_of(device: str) -> str | None:
    """The UUID of the GPU that a request's `device` means, as NVML spells it; None for none."""
    if device == "cpu" or not torch.cuda.is_available():
        return None
    _, _, number = device.partition(":")
    index = int(number) if number else torch.cuda.current_device()
    return f"GPU-{torch.cuda.get_device_properties(index).uuid}"
