"""`python -m drivetrain.doctor.simulator_child look | compile`: one line of JSON."""

import json
import sys
import time
from pathlib import Path
from typing import Any


def look() -> dict[str, Any]:
    """Where compiled code lies, and whether it is there: numba keeps a file per function."""
    from drivetrain.sim.kernels.stepping import reset_worlds, step_worlds

    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    # Where these two are, so is all that they call.
    kernels: list[Any] = [step_worlds, reset_worlds]
    folders = [Path(kernel.stats.cache_path) for kernel in kernels]
    found = [
        any(folder.glob(f"*.{kernel.__name__}-*.{python}.*.nbc"))
        for kernel, folder in zip(kernels, folders, strict=True)
    ]
    return {"folder": str(folders[0].parent), "is_compiled": all(found)}


def compile_all() -> dict[str, Any]:
    """Makes a scenario, for which worlds are driven; how long that took."""
    begun = time.monotonic()
    from drivetrain.data.generate import scenarios

    next(scenarios(1, 0))
    return {"seconds": time.monotonic() - begun}


if __name__ == "__main__":
    told = compile_all() if sys.argv[1:] == ["compile"] else look()
    sys.stdout.write(json.dumps(told) + "\n")
