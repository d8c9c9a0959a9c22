"""Moving queued runs on, without a daemon: every command and every end takes this step."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from drivetrain.runs.attempt import begin_attempt
from drivetrain.runs.capacity import Capacity, read_capacity
from drivetrain.runs.folder import runs_folder
from drivetrain.runs.follow_up import rests_s
from drivetrain.runs.hours import left_s
from drivetrain.runs.launched import raised_total
from drivetrain.runs.leases import Claim, Holder, Lease, slots_of
from drivetrain.runs.locks import held_if_free
from drivetrain.runs.look import Asked, Run, read_request
from drivetrain.runs.queue import Entry, Held, in_order, starts, turns
from drivetrain.runs.record import Queued
from drivetrain.runs.registry import Overview, overview
from drivetrain.runs.waiting import Waiting

MOST_FORESEEN = 20
PATIENCE_S = 30.0
"""A step takes moments; one that hangs must not hang every start behind it."""


def schedule_step(home: Path, *, wait: bool = False, run: str | None = None) -> int:
    """Start every waiting run that there is room for; returns how many.

    wait: take the step after whoever is at it, since that step may have begun too early to
    see what has just changed.  Else it is left to them, and to those who can take it.
    run: the one it is taken for, None for all.

    Raises:
        OSError: with `wait`, what kept that run from beginning, or all of them.
        RequestError: the number of runs per GPU is set to nonsense.
    """
    if not runs_folder(home).is_dir():
        return 0
    try:
        with held_if_free(
            runs_folder(home) / ".schedule.lock", PATIENCE_S if wait else 0.0
        ) as mine:
            if not mine:
                return 0
            begun, failures = _begin_what_fits(home, overview(home, ended_limit=0))
    except OSError:
        if wait:
            raise
        return 0  # a look at a home that cannot be written is still a look
    if wait and run in failures:
        raise failures[run]
    if wait and run is None and failures and not begun:
        raise next(iter(failures.values()))
    return begun


def queue_of(home: Path, seen: Overview) -> tuple[Waiting, ...]:
    """The queued runs in the order in which they will begin, and what each waits for."""
    if not seen.queued:
        return ()
    asked = _asked(seen)
    entries, capacity = _entries(seen, asked), _capacity_for(asked)
    try:
        with slots_of(home) as slots:
            holders = slots.holders()
    except OSError:  # who may only read this home still gets to know its order
        holders = ()
    held = _held(home, seen, holders, capacity)
    begin_in_s = starts(_next_few(seen, asked, entries), held, capacity)
    runs = {run.id: run for run in seen.queued}
    return tuple(
        Waiting(
            runs[turn.entry.run],
            position,
            turn.waits_for or "its turn",
            begin_in_s.get(turn.entry.run),
        )
        for position, turn in enumerate(turns(entries, held, capacity), start=1)
    )


def _grant(home: Path, seen: Overview) -> list[tuple[Run, Lease]]:
    """The waiting runs that there is room for, each with its lease."""
    asked = _asked(seen)
    entries, capacity = _entries(seen, asked), _capacity_for(asked)
    places = {gpu.uuid: gpu.places for gpu in capacity.gpus}
    runs = {run.id: run for run in seen.queued}
    granted = []
    with slots_of(home) as slots:
        held = _held(home, seen, slots.holders(), capacity)
        for turn in turns(entries, held, capacity):
            run = runs[turn.entry.run]
            lease = None
            if turn.claim is not None:
                gpu_slots = places.get(turn.claim.gpu or "", 0)
                lease = slots.take(run.folder, turn.claim, capacity.core_numbers, gpu_slots)
            if lease is not None:
                granted.append((run, lease))
    return granted


def _begin_what_fits(home: Path, seen: Overview) -> tuple[int, dict[str | None, OSError]]:
    """Begin the runs that there is room for; one that cannot be begun leaves it to others.

    Returns how many were begun, and by its id what stood in the way of each that was not.
    """
    begun, failures = 0, dict[str | None, OSError]()
    while seen.queued:
        granted = _grant(home, seen)
        missed = 0
        with ExitStack() as leases:
            for _, lease in granted:
                leases.callback(lease.close)
            for run, lease in granted:
                try:
                    missed += not begin_attempt(run.folder, lease)
                except OSError as error:
                    failures[run.id] = error
                    missed += 1
        begun += len(granted) - missed
        if not missed:
            break
        seen = _set_apart(seen, {run.id for run, _ in granted})
    return begun, failures


def _set_apart(seen: Overview, runs: Collection[str]) -> Overview:
    """The same runs, with these waiting no more; what comes after them still does."""
    return replace(
        seen,
        active=(*seen.active, *(run for run in seen.queued if run.id in runs)),
        queued=tuple(run for run in seen.queued if run.id not in runs),
    )


def _asked(seen: Overview) -> dict[str, Asked]:
    """What the waiting runs were asked for; one with a damaged request waits for doctor."""
    asked = ((run.id, read_request(run.folder)) for run in seen.queued)
    return {run: one for run, one in asked if one is not None}


def _capacity_for(asked: Mapping[str, Asked]) -> Capacity:
    """The machine's room, asking for its GPUs only where somebody waits for one."""
    return read_capacity(with_gpus=any(one.plan.gpu is not None for one in asked.values()))


def _held(
    home: Path, seen: Overview, holders: Iterable[Holder], capacity: Capacity
) -> list[Held]:
    """What is taken of the cores and GPUs, by whom of this home, and for how long."""
    ends = {run.id: None if run.progress is None else run.progress.eta_s for run in seen.active}
    held = []
    for holder in holders:
        own = holder.run if holder.home == str(home) else None
        cores = set(holder.cores) & set(capacity.core_numbers)
        claim = Claim(len(cores), holder.gpu, holder.gpu_mb)
        held.append(Held(own, claim, ends.pop(own, None) if own else None))
    # Whoever trains without a lease is in nobody's way, but others may come after it.
    return held + [Held(run, Claim(0), eta_s) for run, eta_s in ends.items()]


def _entries(seen: Overview, asked: Mapping[str, Asked]) -> list[Entry]:
    """The waiting runs as the queue sees them, without how long they will last."""
    alive = {run.id for run in (*seen.active, *seen.queued)}
    after = {run: one.plan.after for run, one in asked.items() if one.plan.after in alive}
    return [
        Entry(
            run.id,
            asked[run.id].plan,
            run.state.since,
            None if _comes_after_itself(run.id, after) else after.get(run.id),
            rests_s=rests_s(run.folder, run.state),
        )
        for run in seen.queued
        if isinstance(run.state, Queued) and run.id in asked
    ]


def _next_few(
    seen: Overview, asked: Mapping[str, Asked], entries: Iterable[Entry]
) -> list[Entry]:
    """The entries that are next, with how long they will last.

    Those behind them take nothing of theirs, and a replay of thousands would take minutes.
    """
    runs, rates = {run.id: run for run in seen.queued}, _newest_rates(seen)
    return [
        replace(entry, lasts_s=_lasts_s(run, asked[run.id], rates.get(run.algorithm)))
        for entry in in_order(entries)[:MOST_FORESEEN]
        for run in (runs[entry.run],)
    ]


def _comes_after_itself(run: str, after: Mapping[str, str | None]) -> bool:
    """Whether runs wait for each other in a ring, as when one was deleted and made anew."""
    passed: set[str] = set()
    step = after.get(run)
    while step is not None and step not in passed:
        if step == run:
            return True
        passed.add(step)
        step = after.get(step)
    return False


def _newest_rates(seen: Overview) -> dict[str, float]:
    """Steps per second of the newest run of each algorithm that tells."""
    rates: dict[str, float] = {}
    for run in sorted((*seen.active, *seen.ended), key=lambda run: run.created):
        if run.progress is not None and run.progress.rate:
            rates[run.algorithm] = run.progress.rate
    return rates


def _lasts_s(run: Run, asked: Asked, rate: float | None) -> float | None:
    """Seconds that a run will take for the steps it has left, None where nobody can tell."""
    asked_for = (asked.request.get("training") or {}).get("total_steps")
    total = raised_total(run.folder) or asked_for
    # 0: only the trainer itself will tell.
    if not isinstance(total, int) or not total or not rate:
        return None
    done = 0 if run.progress is None else run.progress.step
    lasts_s = max(0, total - done) / rate
    within_s = left_s(run.folder)
    return lasts_s if within_s is None else min(lasts_s, within_s)
