"""Which waiting runs may begin, and when the others will: pure, from facts to decisions.

Runs begin in order of priority, then age.  What a run waits for (the cores, or the GPUs that
would do) is closed to all behind it; whoever needs nothing of that passes.  So a stream of
small runs cannot keep a large one waiting, and a full GPU holds up no run on the CPU.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from drivetrain.runs.capacity import Capacity, Gpu
from drivetrain.runs.leases import CPU, Claim
from drivetrain.runs.plan import PRIORITIES, Plan


@dataclass(frozen=True, slots=True)
class Entry:
    """A waiting run.  since: when it began to wait, wall clock, s.

    after: a run that is not over yet and must be, or None.  lasts_s: how long it will need its
    place, None where nobody can tell.  rests_s: how long it must not begin, from now.
    """

    run: str
    plan: Plan
    since: float
    after: str | None = None
    lasts_s: float | None = None
    rests_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Held:
    """What a run holds.  run: its id in this home, None for another home's.

    ends_in_s: from now, None where nobody can tell.
    """

    run: str | None
    claim: Claim
    ends_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A waiting run's turn: the claim with which it begins now, or else what it waits for."""

    entry: Entry
    claim: Claim | None
    waits_for: str = ""


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """The waiting runs, first the one that is next."""
    return sorted(
        entries,
        key=lambda entry: (PRIORITIES.index(entry.plan.priority), entry.since, entry.run),
    )


def turns(
    entries: Iterable[Entry], held: Sequence[Held], capacity: Capacity
) -> tuple[Turn, ...]:
    """What becomes of every waiting run now, in order."""
    room = _Room(capacity, held)
    return tuple(map(room.turn_of, in_order(entries)))


def starts(
    entries: Iterable[Entry], held: Sequence[Held], capacity: Capacity
) -> dict[str, float]:
    """In how many seconds each waiting run will begin, by its id; without those unknown.

    Replays the queue: at each known end of a run or a rest, whoever may begin does, and lasts
    as long as foreseen.
    """
    waiting, running, now_s = in_order(entries), list(held), 0.0
    found: dict[str, float] = {}
    while waiting:
        begun = _begun_at(now_s, waiting, running, capacity)
        found |= {run.run: now_s for run in begun if run.run is not None}
        running += begun
        left = [entry for entry in waiting if entry.run not in found]
        ends = [run.ends_in_s for run in running if run.ends_in_s is not None]
        ends += [entry.rests_s for entry in left if entry.rests_s]
        if not ends:
            break
        now_s = max(now_s, min(ends))
        over = [run for run in running if run.ends_in_s is not None and run.ends_in_s <= now_s]
        running = [run for run in running if run not in over]
        waiting = _freed(left, {run.run for run in over}, now_s)
    return found


def _freed(entries: Iterable[Entry], over: Collection[str | None], now_s: float) -> list[Entry]:
    """The waiting runs, once some that others come after are over, and some have rested."""
    return [
        replace(
            entry,
            after=None if entry.after in over else entry.after,
            rests_s=0.0 if entry.rests_s <= now_s else entry.rests_s,
        )
        for entry in entries
    ]


def _begun_at(
    now_s: float, waiting: Iterable[Entry], running: Sequence[Held], capacity: Capacity
) -> list[Held]:
    """The runs that begin at one moment of the replay."""
    room = _Room(capacity, running)
    begun = []
    for entry in waiting:
        if room.is_closed:
            break
        claim = room.turn_of(entry).claim
        if claim is not None:
            ends_in_s = None if entry.lasts_s is None else now_s + entry.lasts_s
            begun.append(Held(entry.run, claim, ends_in_s))
    return begun


class _Room:
    """The room that is left while turns are given."""

    def __init__(self, capacity: Capacity, held: Iterable[Held]) -> None:
        self._capacity = capacity
        self._claims = [run.claim for run in held]
        self._others_mb = {gpu.uuid: self._used_by_others(gpu) for gpu in capacity.gpus}
        self._closed: set[str] = set()

    @property
    def is_closed(self) -> bool:
        """Whether nobody further can begin: every run needs a core."""
        return CPU in self._closed

    def turn_of(self, entry: Entry) -> Turn:
        """The run's turn; takes its claim out of the room, or closes what it waits for."""
        if entry.after is not None:
            return Turn(entry, None, f"run `{entry.after}`")
        if entry.rests_s:
            waits_for = f"the machine, which asked for its place back ({entry.rests_s:.0f} s)"
            return Turn(entry, None, waits_for)
        plan, lacks = entry.plan, []
        cpus = cpus_of(plan, self._capacity)
        if cpus > self._free_cores():
            lacks.append(f"{cpus} CPU cores" if cpus > 1 else "a CPU core")
        suitable = suitable_gpus(plan, self._capacity)
        fitting = [gpu for gpu in suitable if self._fits(gpu, plan.gpu_mb)]
        if suitable and not fitting:
            lacks.append(f"a GPU with {plan.gpu_mb:,} MB")
        open_to_it = [gpu for gpu in fitting if gpu.uuid not in self._closed]
        lacks_cores = cpus > self._free_cores() or self.is_closed
        lacks_gpu = bool(suitable) and not open_to_it
        if lacks_cores or lacks_gpu:
            self._closed |= {CPU} if lacks_cores else set()
            self._closed |= {gpu.uuid for gpu in suitable} if lacks_gpu else set()
            return Turn(entry, None, " and ".join(lacks) or "its turn")
        claim = self._claim(plan, cpus, open_to_it)
        self._claims.append(claim)
        return Turn(entry, claim)

    def _claim(self, plan: Plan, cpus: int, gpus: list[Gpu]) -> Claim:
        """On the GPU with the fewest runs; on none where the machine has none."""
        if not gpus:
            return Claim(cpus)
        gpu = min(gpus, key=lambda gpu: (len(self._on(gpu)), -(self._free_mb(gpu) or 0)))
        most = plan.gpu_mb if gpu.total_mb is None else gpu.total_mb
        return Claim(cpus, gpu.uuid, min(plan.gpu_mb, most))

    def _free_cores(self) -> int:
        return self._capacity.cores - sum(claim.cpus for claim in self._claims)

    def _fits(self, gpu: Gpu, need_mb: int) -> bool:
        """Whether one more run may use this GPU.

        A run that needs more than the GPU has would wait for ever: it gets the GPU alone.
        """
        runs = len(self._on(gpu))
        if gpu.total_mb is not None and need_mb > gpu.total_mb:
            return runs == 0
        free_mb = self._free_mb(gpu)
        return runs < gpu.places and (free_mb is None or free_mb >= need_mb)

    def _free_mb(self, gpu: Gpu) -> int | None:
        """What `total - max(used, leased)` leaves; runs that have yet to allocate count."""
        if gpu.total_mb is None:
            return None
        leased_mb = sum(claim.gpu_mb for claim in self._on(gpu))
        return gpu.total_mb - self._others_mb[gpu.uuid] - leased_mb

    def _used_by_others(self, gpu: Gpu) -> int:
        """Memory in use, in MB, beyond what runs have leased."""
        return max(0, (gpu.used_mb or 0) - sum(claim.gpu_mb for claim in self._on(gpu)))

    def _on(self, gpu: Gpu) -> list[Claim]:
        return [claim for claim in self._claims if claim.gpu == gpu.uuid]


def cpus_of(plan: Plan, capacity: Capacity) -> int:
    """The cores a run gets: those it asks for, at most all; by default its share.

    A run on a GPU shares the cores with the runs that the GPUs have place for.
    """
    places = sum(gpu.places for gpu in capacity.gpus) if plan.gpu is not None else 1
    share = capacity.cores // max(1, places)
    return max(1, min(share if plan.cpus is None else plan.cpus, capacity.cores))


def suitable_gpus(plan: Plan, capacity: Capacity) -> tuple[Gpu, ...]:
    """The GPUs that a run may be put on: where none has the memory, every one it may choose.

    None where it wants none, or one that is not there: its trainer says so better.
    """
    if plan.gpu is None:
        return ()
    chosen = tuple(
        gpu for number, gpu in enumerate(capacity.gpus) if plan.gpu in ("any", str(number))
    )
    large = [gpu for gpu in chosen if gpu.total_mb is None or gpu.total_mb >= plan.gpu_mb]
    return tuple(large) or chosen
