"""Write down an end that nobody was left to record.

A run whose supervisor was killed, or whose machine went down, has no exit record.  Whoever
looks first and gets hold of the run's lock writes it: the end is then told the same for good.
"""

from dataclasses import asdict
from typing import Any

from drivetrain.runs.atomic import replace_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.liveness import state_without_supervisor
from drivetrain.runs.locks import held_if_free
from drivetrain.runs.record import Ended, Verdict


def settle(folder: RunFolder, algorithm: str) -> Ended | None:
    """The end of a run, on record from here on; None where it turns out not to have ended."""
    with held_if_free(folder.run_lock) as mine:
        if not mine:
            return None
        state = state_without_supervisor(folder, algorithm)
        if not isinstance(state, Ended):
            return None
        attempt = folder.last_attempt()
        if attempt is not None and not attempt.exit.exists():
            replace_json(
                attempt.exit, exit_record(_verdict_of(state), state.unit, by="reconciler")
            )
        return state


def exit_record(verdict: Verdict, unit: int | None, by: str) -> dict[str, Any]:
    """What `exit.json` holds where no process was watched to its end."""
    unwatched = {"v": 1, "by": by, "rc": None, "signal": None, "sent": []}
    return unwatched | asdict(verdict) | {"unit": unit, "resumable": unit is not None}


def _verdict_of(state: Ended) -> Verdict:
    """The state's own facts, without what follows from them."""
    return Verdict(state.how, state.reason, state.detail, state.step)
