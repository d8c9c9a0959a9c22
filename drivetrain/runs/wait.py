"""Waiting for a run, from any process."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.runs.folder import RunFolder, is_run_id
from drivetrain.runs.look import Run, look_at
from drivetrain.runs.nudge import Nudge
from drivetrain.runs.record import is_active
from drivetrain.runs.registry import find_run

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
    # This look only reads; whatever could take longer is the watcher's.
    seen = look_at(RunFolder(home, run_id)) if is_run_id(run_id) else None
    run = find_run(home, run_id) if seen is None else seen
    if on_change is not None:
        on_change(run)
    watcher = _Watcher(home, run_id)
    try:
        while (look := watcher.next_look(give_up_at)) is not None:
            is_news = (look.state, look.progress) != (run.state, run.progress)
            if is_news and on_change is not None:
                on_change(look)
            run = look
            if not is_active(run.state):
                break
    finally:
        watcher.leave()
    return run


class _Watcher:
    """Looks at a run again and again, in a thread of its own, until it has ended.

    A look may have to end what a dead run left behind, or wait for a lock or a disk: somebody
    with a deadline does not wait for that.
    """

    def __init__(self, home: Path, run_id: str) -> None:
        self._home = home
        self._run_id = run_id
        self._looks: queue.SimpleQueue[Run | Exception] = queue.SimpleQueue()
        self._left = threading.Event()
        threading.Thread(target=self._watch, name=f"wait {run_id}", daemon=True).start()

    def next_look(self, give_up_at: float | None) -> Run | None:
        """The next look, or None where the time is over first.

        Raises:
            NotFoundError: the run was deleted.
        """
        left_s = None if give_up_at is None else max(0.0, give_up_at - SYSTEM.mono())
        try:
            look = self._looks.get(timeout=left_s)
        except queue.Empty:
            return None
        if isinstance(look, Exception):
            raise look
        return look

    def leave(self) -> None:
        """Nobody listens any more."""
        self._left.set()

    def _watch(self) -> None:
        nap_s, nudge = SHORTEST_NAP_S, Nudge(self._home)
        try:
            while not self._left.is_set():
                run = find_run(self._home, self._run_id)
                self._looks.put(run)
                if not is_active(run.state):
                    return
                nudge.give(run)
                self._left.wait(nap_s)
                nap_s = min(nap_s * 1.5, LONGEST_NAP_S)
        except Exception as error:  # noqa: BLE001 - raised again where somebody waits
            self._looks.put(error)
