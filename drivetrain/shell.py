"""What every program of ours does: speaks UTF-8, and tells mistakes in a sentence."""

import sys
from collections.abc import Callable

from drivetrain.errors import UserError
from drivetrain.places import told_as_user_errors


def answered(do: Callable[[], int]) -> int:
    """The exit code of doing it; what the person can mend is a sentence on stderr."""
    try:
        with told_as_user_errors():
            return do()
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code


def speak_utf8() -> None:
    """Write UTF-8 whatever the locale says: an odd file name must not end an answer."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
