"""What torch and NVML say of themselves, asked in a child that may hang or die.

`python -m drivetrain.doctor.heavy_child` imports them; nothing else here ever does.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from drivetrain.runs.environment import code_path

CHILD = ("-m", "drivetrain.doctor.heavy_child")
PATIENCE_S = 90.0
"""The first import after an installation compiles; a GPU without persistence mode wakes."""


@dataclass(frozen=True, slots=True)
class Heavy:
    """torch: its version, None where it does not load.  cuda: that it was built for.

    cuda_devices: GPUs that torch computed on.  gpus: their names, as NVML tells.  Errors are
    empty where there was none.
    """

    torch: str | None = None
    torch_error: str = ""
    cuda: str | None = None
    cuda_devices: int = 0
    cuda_error: str = ""
    driver: str = ""
    gpus: tuple[str, ...] = ()
    mig: bool = False
    nvml_error: str = ""


def ask_heavy() -> Heavy:
    """What the child found out; what ended it where it found nothing."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            [sys.executable, "-P", *CHILD],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=os.environ | code_path(),
            check=False,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        late = f"no answer within {PATIENCE_S:g} s"
        return Heavy(torch_error=late, nvml_error=late)
    try:
        facts = json.loads(done.stdout.splitlines()[-1])
        return Heavy(**{**facts, "gpus": tuple(facts["gpus"])})
    except (ValueError, IndexError, TypeError, KeyError):
        words = (done.stderr.splitlines() or [""])[-1] or f"exit code {done.returncode}"
        return Heavy(torch_error=words, nvml_error=words)
