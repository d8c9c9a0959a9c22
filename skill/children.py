"""Heavy work in a child process: the conversation itself never loads torch or the simulator."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from drivetrain.runs.environment import code_path


@dataclass(frozen=True, slots=True)
class Said:
    """What a child wrote to stdout, and its exit code; its stderr was the caller's."""

    text: str
    exit_code: int


def run_child(module: str, arguments: Sequence[str]) -> Said:
    """Run `python -m module` to its end, in the caller's folder; nothing reaches a shell."""
    child = subprocess.run(  # noqa: S603 - list arguments, no shell
        [sys.executable, "-P", "-m", module, *arguments],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env=os.environ | code_path(),
        check=False,
    )
    # A child that a signal ended has a negative code, as shells do not.
    code = child.returncode if child.returncode >= 0 else 128 - child.returncode
    return Said(child.stdout, code)
