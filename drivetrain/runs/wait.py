"""Waiting for a run, from any process."""

import time
from collections.abc import Callable
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.runs.look import Run
from drivetrain.runs.record import is_active
from drivetrain.runs.registry import find_run, note

SHORTEST_NAP_S = 0.02
LONGEST_NAP_S = 0.5


def wait_for(
    home: Path,
    run_id: str,
    timeout_s: float | None,
    on_change: Callable[[Run], None] | None = None,
) -> Run:
    """The run once it has ended, or as it is when the time is over; None waits for ever.

    on_change: called first with the run as it is, then whenever its state or progress changed.

    Raises:
        NotFoundError: there is no such run.
    """
    give_up_at = None if timeout_s is None else SYSTEM.mono() + timeout_s
    nap_s, told = SHORTEST_NAP_S, None
    while True:
        run = find_run(home, run_id)
        news = (run.state, run.progress)
        if on_change is not None and news != told:
            on_change(run)
        told = news
        left_s = nap_s if give_up_at is None else give_up_at - SYSTEM.mono()
        if not is_active(run.state):
            note(home, run)
            return run
        if left_s <= 0:
            return run
        time.sleep(min(nap_s, left_s))
        nap_s = min(nap_s * 1.5, LONGEST_NAP_S)
