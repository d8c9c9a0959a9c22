"""Waiting, within limits, for whoever changes a run at this moment."""

import time
from collections.abc import Callable
from typing import TypeVar

from drivetrain.errors import ConflictError

NAP_S = 0.01
PATIENCE_S = 20.0
"""Whoever starts a run, or settles its end, holds it for moments."""

T = TypeVar("T")


def in_time(run_id: str, act: Callable[[], T | None]) -> T:
    """What comes of an act that is tried again while it comes to nothing.

    act: None where somebody else holds the run.

    Raises:
        ConflictError: nobody let the run go in time.
    """
    give_up_at = time.monotonic() + PATIENCE_S
    while (done := act()) is None:
        if time.monotonic() > give_up_at:
            raise ConflictError(
                f"Somebody has held run `{run_id}` for {PATIENCE_S:.0f} s; nothing was changed."
                " Try `/train doctor`, which finds a lock that is left over."
            )
        time.sleep(NAP_S)
    return done
