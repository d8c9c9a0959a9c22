"""Asking what is heavy in a child that may hang or die."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from drivetrain.runs.environment import code_path


class NoAnswerError(Exception):
    """What ended the child, in words."""


def ask(words: Sequence[str], patience_s: float) -> dict[str, Any]:
    """The JSON object in the last line that `python WORDS` says.

    Raises: NoAnswerError where it says none.
    """
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            [sys.executable, "-P", *words],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=os.environ | code_path(),
            check=False,
            timeout=patience_s,
        )
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"no answer within {patience_s:g} s") from None
    try:
        facts = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        facts = None
    if not isinstance(facts, dict):
        raise NoAnswerError(
            (done.stderr.splitlines() or [""])[-1] or f"exit code {done.returncode}"
        )
    return facts
