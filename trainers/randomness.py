"""Every random generator that training draws from: taken down, and set again."""

import random
from typing import Any

import numpy as np
import torch

from trainers.checkpoints import State


def draw_state() -> State:
    """The state of the generators of Python, NumPy, torch and its GPUs, as plain data."""
    version, words, gauss = random.getstate()
    # Stable-Baselines3 shuffles with NumPy's global generator.
    numpy: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    return {
        "python": {"version": version, "words": torch.tensor(words), "gauss": gauss},
        "numpy": {
            "key": torch.from_numpy(numpy["state"]["key"].astype(np.int64)),
            "position": numpy["state"]["pos"],
            "has_gauss": numpy["has_gauss"],
            "gauss": numpy["gauss"],
        },
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if _uses_gpus() else [],
    }


def set_state(state: State) -> bool:
    """Go on drawing from there; whether every generator was there to be set."""
    python, numpy = state["python"], state["numpy"]
    words = tuple(python["words"].tolist())
    random.setstate((python["version"], words, python["gauss"]))
    key = numpy["key"].numpy().astype(np.uint32)
    gauss = (numpy["has_gauss"], numpy["gauss"])
    np.random.set_state(("MT19937", key, numpy["position"], *gauss))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    gpus = torch.cuda.device_count() if _uses_gpus() else 0
    if len(state["cuda"]) != gpus:
        return False
    torch.cuda.set_rng_state_all(state["cuda"])
    return True


def _uses_gpus() -> bool:
    """Whether this process has touched a GPU: asking one for its state would touch it."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
