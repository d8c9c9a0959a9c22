"""Which GPU a learner uses."""

import torch

from drivetrain.errors import RequestError


def visible_device(device: str, leased: str | None) -> str:
    """What a request's `device` is called here: the one GPU of a lease has no number.

    leased: the UUID of that GPU.  Without one the number stands, and counts what is visible.
    """
    return "cuda" if leased is not None and device.startswith("cuda:") else device


def gpu_of(device: str) -> str | None:
    """The UUID of the GPU that a request's `device` means, as NVML spells it; None for none.

    Raises:
        RequestError: it asks for a GPU that this machine does not have.
    """
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    _, _, number = device.partition(":")
    # Stable-Baselines3 would train on the CPU instead, and say nothing.
    if device.startswith("cuda") and found <= int(number or 0):
        raise RequestError(
            f"`--device {device}` finds {found or 'no'} usable CUDA GPU here. "
            "Try `/train ppo --device auto`."
        )
    if device == "cpu" or not found:
        return None
    index = int(number) if number else torch.cuda.current_device()
    return f"GPU-{torch.cuda.get_device_properties(index).uuid}"
