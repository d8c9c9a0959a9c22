"""Write down an end that nobody was left to record.

A run whose supervisor was killed, or whose machine went down, has no exit record.  Whoever
looks first and gets hold of the run's lock ends what it left behind and writes the record: the
end is then told the same for good.
"""

from dataclasses import asdict

from drivetrain.runs.atomic import replace_json
from drivetrain.runs.folder import AttemptFolder, RunFolder
from drivetrain.runs.leftovers import end_leftovers
from drivetrain.runs.locks import held_if_free
from drivetrain.runs.look import locked_state
from drivetrain.runs.record import Ended, Verdict


def settle(folder: RunFolder) -> Ended | None:
    """The end that was put on record here; None where there is none, or one already."""
    with held_if_free(folder.run_lock) as mine:
        attempt = folder.last_attempt()
        if not mine or attempt is None or attempt.exit.exists():
            return None
        end = locked_state(folder)
        if not isinstance(end, Ended):
            return None
        end_leftovers(folder, attempt)
        verdict = Verdict(end.how, end.reason, end.detail, end.step)
        record_end(attempt, verdict, end.unit, _lasted_s(attempt, end))
    from drivetrain.runs.closing import close_detached  # subprocess: few looks find an end

    close_detached(folder)
    return end


def record_end(
    attempt: AttemptFolder, verdict: Verdict, unit: int | None, lasted_s: float = 0.0
) -> None:
    """Write the exit record of an attempt that nobody watched to its end.

    The caller holds the run's lock and has seen that there is no record: one is never replaced.
    """
    unwatched = {"v": 1, "by": "reconciler", "rc": None, "signal": None, "sent": []}
    left = {"unit": unit, "resumable": unit is not None, "lasted_s": round(lasted_s, 3)}
    replace_json(attempt.exit, unwatched | asdict(verdict) | left)


def _lasted_s(attempt: AttemptFolder, end: Ended) -> float:
    """From when somebody watched over an attempt until it was last heard of."""
    try:
        begun = attempt.proc.stat().st_mtime
    except OSError:
        return 0.0
    return 0.0 if end.at is None else max(0.0, end.at - begun)
