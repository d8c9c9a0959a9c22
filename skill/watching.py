"""What is new about runs since they were last looked at, in a line each. Pure."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from drivetrain.numbers import gigabytes, percent, short_count, short_duration, short_number
from drivetrain.runs.look import Run
from drivetrain.runs.progress import Progress
from drivetrain.runs.record import Ended, Queued, Running, Stalled, Starting, Stopping
from drivetrain.runs.waiting import Waiting
from drivetrain.text import plain
from skill.diagnosis_page import TITLES
from skill.facts import ended_step, phase_words, queue_words, state_word, tracker_trouble, why
from skill.report import Facts
from trainers.diagnosis.rules import Diagnosis

Event = Literal["now", "state", "milestone", "best", "alert", "cleared", "gone", "test"]
LONGEST_LINE: Final = 300
MILESTONES: Final = 10
NOBODY: Final = "-"
"""Stands for the run where news is of none."""


@dataclass(frozen=True, slots=True)
class News:
    """What became of a run.  at: wall clock, s.  next: what to do, where something helps.

    facts: more of it, for programs.
    """

    at: float
    run: str
    event: Event
    says: str
    next: str = ""
    facts: Facts = field(default_factory=dict)

    def line(self) -> str:
        """The news for people and models: one line that fits, whatever it tells of."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.at))
        said = plain(f"{stamp} {self.run} {self.says}.", LONGEST_LINE)
        if not self.next:
            return said
        whole = f"{said} Next: {plain(self.next, LONGEST_LINE)}."
        # Half a command is worse than another one.
        return whole if len(whole) <= LONGEST_LINE else f"{said} Next: {_status(self.run)}."

    def told(self) -> Facts:
        """The news for programs."""
        own: Facts = {"at": self.at, "run": self.run, "event": self.event}
        return own | {"says": plain(self.says), "next": plain(self.next, 1000)} | self.facts


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a run.  waiting: its place in the queue.  health: None where not looked for.

    at: wall clock, s.
    """

    run: Run
    at: float
    waiting: Waiting | None = None
    health: Diagnosis | None = None


class Follower:
    """Tells what is new about one run, look by look."""

    def __init__(self) -> None:
        self._stood: tuple[str, int, str] | None = None
        self._tenths: dict[str, int] = {}
        self._best: float | None = None
        self._alerts: dict[str, str] = {}

    @property
    def is_over(self) -> bool:
        """Whether the run had ended when it was last seen."""
        return self._stood is not None and bool(self._stood[2])

    def news(self, sight: Sight) -> Iterator[News]:
        """What was not told before: `now` is how a run stands that was not seen before."""
        run = sight.run
        stood, self._stood = self._stood, _standing(run)
        if stood != self._stood:
            is_news = stood is not None or isinstance(run.state, Ended)
            yield _state_news(sight, "state" if is_news else "now", stood)
        if isinstance(run.state, Ended | Queued):
            return
        is_new = stood is None or stood[1] != self._stood[1]
        yield from self._milestones(sight, is_new=is_new)
        yield from self._bests(sight, is_new=is_new)
        yield from self._alarms(sight)

    def _milestones(self, sight: Sight, *, is_new: bool) -> Iterator[News]:
        """Each tenth of a stage's way, and of the way itself; those passed at once, once."""
        if is_new:
            self._tenths = {}
        seen = sight.run.progress
        stage, tenths = ("", 0) if seen is None else _tenths(seen)
        before = self._tenths.get(stage)
        if seen is None or (before is not None and tenths <= before):
            return
        self._tenths[stage] = tenths
        # Where an attempt begins is no milestone.
        if not is_new and tenths > 0:
            way = f"{percent(tenths / MILESTONES)} of {stage}" if stage else _way(seen)
            yield _news(sight, "milestone", f"reached {way}")

    def _bests(self, sight: Sight, *, is_new: bool) -> Iterator[News]:
        seen = sight.run.progress
        best = seen.best_reward if seen else None
        if seen is None or best is None or best == self._best:
            return
        before, self._best = self._best, best
        if is_new or (before is not None and best < before):
            return
        told = f"; before: {short_number(before)}" if before is not None else ""
        says = f"has a new best evaluation at {short_count(seen.step)}"
        yield _news(sight, "best", f"{says}: reward {short_number(best)}{told}")

    def _alarms(self, sight: Sight) -> Iterator[News]:
        """What came to be wrong, and what no longer is."""
        now = _alerts(sight)
        if sight.health is None:
            now |= {key: says for key, says in self._alerts.items() if key in TITLES}
        before, self._alerts = self._alerts, now
        for key, says in now.items():
            if key not in before:
                alert = _news(sight, "alert", f"alert: {says}", _remedy(key, sight.run.id))
                yield replace(alert, facts=alert.facts | {"alert": key})
        for key, says in before.items():
            if key in now:
                continue
            over = _news(sight, "cleared", f"no longer: {TITLES.get(key, says)}")
            yield replace(over, facts=over.facts | {"alert": key})


def lost_news(run_id: str, reason: str, at: float) -> News:
    """A run that was there cannot be found, or read, any more."""
    return News(at, run_id, "gone", f"cannot be followed any more: {reason}", "`/train doctor`")


def no_runs_news(at: float) -> News:
    """There is nothing to tell of yet."""
    says = "no run is active or queued; what becomes of runs is told here"
    return News(at, NOBODY, "now", says)


def trouble_news(reason: str, at: float) -> News:
    """The home itself could not be looked at."""
    says = f"alert: the runs cannot be looked at ({plain(reason, 120)}); tried again and again"
    return News(at, NOBODY, "alert", says, "`/train doctor`")


def trial_news(at: float) -> News:
    """What proves that news arrives."""
    return News(at, NOBODY, "test", "test event of the watcher: it works, nothing happened")


def _standing(run: Run) -> tuple[str, int, str]:
    """What a change of state is a change of.  The last is empty until the run has ended."""
    end = run.state
    reason = end.reason if isinstance(end, Ended) else ""
    return state_word(end), end.attempt, reason


def _state_news(sight: Sight, event: Event, stood: tuple[str, int, str] | None) -> News:
    run = sight.run
    match run.state:
        case Queued():
            place = queue_words(sight.waiting) if sight.waiting else ""
            says = f"is queued: {place}" if place else "is queued"
            return _news(sight, event, says, _status(run.id))
        case Starting() | Running():
            began = (
                "goes on, running" if stood and stood[1] != run.state.attempt else "is running"
            )
            return _news(sight, event, f"{began}{_where(run.progress)}", _status(run.id))
        case Stalled(overdue_s=overdue):
            late = short_duration(overdue)
            says = f"is stalled: {late} overdue with a sign of life"
            return _news(sight, event, says, _status(run.id))
        case Stopping():
            return _news(
                sight, event, "is stopping: it saves, then ends", f"`/train wait {run.id}`"
            )
        case Ended() as end:
            step = ended_step(run)
            at_step = "" if step is None else f" at {short_count(step)}"
            says = f"{end.how}{at_step} ({end.reason}): {why(end)}"
            return _news(sight, event, says, end.next_action)


def _news(sight: Sight, event: Event, says: str, what_next: str = "") -> News:
    run, seen = sight.run, sight.run.progress
    facts: Facts = {
        "state": state_word(run.state),
        "attempt": run.state.attempt,
        "step": seen.step if seen else None,
        "total_steps": seen.total if seen else None,
        "reward": seen.reward if seen else None,
        "best_reward": seen.best_reward if seen else None,
        "eta_s": seen.eta_s if seen else None,
    }
    return News(sight.at, run.id, event, says, what_next, facts)


def _alerts(sight: Sight) -> dict[str, str]:
    """What is wrong with a run now, by a name that stays the same."""
    run, found = sight.run, {}
    if run.progress and run.progress.disk_low:
        free = gigabytes(run.progress.disk_free)
        found["disk"] = f"its next saves may not fit on the disk, {free} are free"
    if trouble := tracker_trouble(run):
        found["tracker"] = f"it is not mirrored in MLflow ({trouble}), and trains on"
    # Notes come and go with the load of the machine; problems are what somebody must hear of.
    for finding in sight.health.problems if sight.health else ():
        found[finding.rule] = f"{TITLES[finding.rule]}; {finding.text}"
    return found


def _remedy(key: str, run_id: str) -> str:
    return f"`/train diagnose {run_id}`" if key in TITLES else "`/train doctor`"


def _tenths(seen: Progress) -> tuple[str, int]:
    """A stage before the first step, or "", and how many tenths of it are done."""
    if seen.stage_total and seen.stage_step is not None:
        return seen.phase, int(seen.stage_step * MILESTONES / seen.stage_total)
    return "", seen.step * MILESTONES // seen.total if seen.total else 0


def _way(seen: Progress) -> str:
    """`40%: 400K of 1M steps, reward 5.2, ETA 8h`."""
    share = percent(min(1.0, seen.step / seen.total)) if seen.total else ""
    parts = [
        f"{share}: {short_count(seen.step)} of {short_count(seen.total)} steps",
        "" if seen.reward is None else f"reward {short_number(seen.reward)}",
        "" if seen.eta_s is None else f"ETA {short_duration(seen.eta_s)}",
    ]
    return ", ".join(part for part in parts if part)


def _where(seen: Progress | None) -> str:
    if seen is None:
        return ""
    if seen.step == 0 or not seen.total:
        return f" ({plain(phase_words(seen), 60)})"
    return f" at {_way(seen)}"


def _status(run_id: str) -> str:
    return "`/train status`" if run_id == NOBODY else f"`/train status {run_id}`"
