"""Who of the waiting runs may begin: in order, within the machine, nobody waiting for ever."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.runs.capacity import Capacity, Gpu
from drivetrain.runs.leases import Claim
from drivetrain.runs.plan import PRIORITIES, Plan
from drivetrain.runs.queue import Entry, Held, cpus_of, in_order, starts, suitable_gpus, turns


def machine(cores: int, *totals_mb: int, places: int = 1) -> Capacity:
    """A machine with so many cores, and idle GPUs of these sizes."""
    gpus = tuple(Gpu(f"GPU-{n}", places, mb, 0) for n, mb in enumerate(totals_mb))
    return Capacity(cores, tuple(range(cores)), gpus)


def waiting(
    run: str, since: float = 0.0, lasts_s: float | None = None, **plan: object
) -> Entry:
    return Entry(run, Plan.parse(plan), since, lasts_s=lasts_s)


def begun(entries: Iterable[Entry], held: Sequence[Held], capacity: Capacity) -> list[str]:
    return [turn.entry.run for turn in turns(entries, held, capacity) if turn.claim]


def waits(entries: Iterable[Entry], held: Sequence[Held], capacity: Capacity) -> dict[str, str]:
    return {
        turn.entry.run: turn.waits_for
        for turn in turns(entries, held, capacity)
        if not turn.claim
    }


def test_a_run_that_rests_begins_after_it_and_is_in_nobodys_way() -> None:
    runs = [replace(waiting("resting", 1, cpus=2), rests_s=42.0), waiting("next", 2, 10.0)]
    assert begun(runs, [], machine(2)) == ["next"]
    assert "(42 s)" in waits(runs, [], machine(2))["resting"]
    assert starts(runs, [], machine(2)) == {"next": 0.0, "resting": 42.0}


BUSY = [Held("busy", Claim(2), ends_in_s=100.0)]


def test_the_oldest_begins_and_priority_goes_before_age() -> None:
    runs = [waiting("new", 3), waiting("old", 1), waiting("low", 0, priority="low")]
    urgent = waiting("urgent", 9, priority="high")
    assert [entry.run for entry in in_order([*runs, urgent])] == ["urgent", "old", "new", "low"]
    assert begun([*runs, urgent], [], machine(2)) == ["urgent", "old"]


def test_a_large_run_keeps_its_place_before_smaller_ones() -> None:
    runs = [waiting("large", 1, cpus=2), waiting("small", 2)]
    held = [Held("busy", Claim(1))]
    assert waits(runs, held, machine(2)) == {"large": "2 CPU cores", "small": "its turn"}


def test_whoever_waits_for_a_gpu_lets_runs_on_the_cpu_pass() -> None:
    runs = [waiting("gpu", 1, gpu="any", gpu_mb=2048), waiting("cpu", 2)]
    held = [Held("busy", Claim(1, "GPU-0", 20_000))]
    capacity = machine(4, 24_000)
    assert begun(runs, held, capacity) == ["cpu"]
    assert waits(runs, held, capacity) == {"gpu": "a GPU with 2,048 MB"}


def test_a_run_that_comes_after_another_waits_and_blocks_nobody() -> None:
    later = replace(waiting("later", 1, cpus=2), after="bc_v1")
    runs = [later, waiting("next", 2)]
    assert begun(runs, [], machine(2)) == ["next"]
    assert waits(runs, [], machine(2)) == {"later": "run `bc_v1`"}


def test_a_run_that_waits_for_one_gpu_leaves_the_others_to_those_behind() -> None:
    runs = [
        waiting("first", 1, gpu="0", gpu_mb=1000),
        waiting("second", 2, gpu="any", gpu_mb=1000),
        waiting("third", 3, gpu="any", gpu_mb=10),
    ]
    held = [Held("busy", Claim(1, "GPU-0", 500))]
    found = turns(runs, held, machine(8, 24_000, 24_000))
    assert [turn.claim and turn.claim.gpu for turn in found] == [None, "GPU-1", None]


def test_nobody_passes_on_a_gpu_that_would_do_for_somebody_earlier() -> None:
    runs = [
        waiting("large", 1, gpu="any", gpu_mb=20_000),
        waiting("small", 2, gpu="any", gpu_mb=10),
        waiting("modest", 3, gpu="1", gpu_mb=10),
    ]
    held = [Held("busy", Claim(1, "GPU-0", 10_000))]
    # Only the first GPU has what the large one needs: the second is nothing to it.
    assert begun(runs, held, machine(8, 24_000, 8_000, places=3)) == ["small", "modest"]
    assert begun(runs, held, machine(8, 24_000, places=3)) == ["modest"]


@pytest.mark.parametrize(
    ("used_mb", "leased_mb", "fits"),
    [(0, 0, True), (20_000, 0, False), (14_000, 14_000, True), (0, 15_000, False)],
)
def test_a_gpus_memory_counts_what_strangers_use_and_what_runs_will(
    used_mb: int, leased_mb: int, *, fits: bool
) -> None:
    gpu = Gpu("GPU-0", 4, 24_000, used_mb)
    held = [Held("busy", Claim(1, "GPU-0", leased_mb))] if leased_mb else []
    run = waiting("r", gpu="any", gpu_mb=10_000)
    assert bool(begun([run], held, Capacity(8, tuple(range(8)), (gpu,)))) == fits


def test_a_gpu_that_tells_no_memory_is_shared_by_its_places_alone() -> None:
    silent = Capacity(8, tuple(range(8)), (Gpu("MIG-1", 1, None, None),))
    run = waiting("r", gpu="any", gpu_mb=10_000)
    assert begun([run], [], silent) == ["r"]
    assert begun([run], [Held(None, Claim(1, "MIG-1"))], silent) == []


def test_runs_spread_over_the_gpus_before_they_share_one() -> None:
    runs = [waiting(f"r{n}", n, gpu="any", gpu_mb=100) for n in range(4)]
    found = turns(runs, [], machine(8, 1000, 1000, places=2))
    assert [turn.claim and turn.claim.gpu for turn in found] == ["GPU-0", "GPU-1"] * 2


def test_a_need_beyond_the_machine_is_cut_to_it_and_starts_once_it_is_idle() -> None:
    capacity = machine(2, 8_000)
    giant = waiting("giant", cpus=64, gpu="any", gpu_mb=80_000)
    (turn,) = turns([giant], [], capacity)
    assert turn.claim == Claim(2, "GPU-0", 8_000)
    assert begun([giant], [Held(None, Claim(1))], capacity) == []
    assert begun([giant], [Held(None, Claim(0, "GPU-0", 10))], capacity) == []


def test_a_run_that_wants_a_gpu_that_is_not_there_is_left_to_say_so_itself() -> None:
    (turn,) = turns([waiting("r", gpu="7")], [], machine(2, 8_000))
    assert turn.claim == Claim(1)


@pytest.mark.parametrize(
    ("gpu", "gpus", "places", "share"),
    [(None, 0, 1, 8), ("any", 2, 1, 4), ("any", 2, 2, 2), ("any", 0, 1, 8), ("any", 16, 1, 1)],
)
def test_a_run_that_asks_for_no_number_of_cores_gets_its_share(
    gpu: str | None, gpus: int, places: int, share: int
) -> None:
    plan = Plan(cpus=None, gpu=gpu)
    assert cpus_of(plan, machine(8, *[1000] * gpus, places=places)) == share


def test_the_next_run_begins_when_the_one_before_it_is_foreseen_to_end() -> None:
    runs = [
        waiting("a", 1, lasts_s=50.0, cpus=2),
        waiting("b", 2, lasts_s=None),
        replace(waiting("c", 3), after="a"),
        waiting("d", 4, cpus=2),
    ]
    assert starts(runs, BUSY, machine(2)) == {"a": 100.0, "b": 150.0, "c": 150.0}


def test_behind_a_run_without_a_known_end_nobody_knows_when_to_begin() -> None:
    assert starts([waiting("a")], [Held("busy", Claim(2))], machine(2)) == {}


CORES, PLACES = 4, 2
MACHINE = machine(CORES, 4_000, 8_000, places=PLACES)
PLANS = st.builds(
    Plan,
    cpus=st.none() | st.integers(1, 6),
    gpu=st.sampled_from([None, None, "any", "0", "1", "5"]),
    gpu_mb=st.sampled_from([0, 500, 3_000, 6_000, 20_000]),
    priority=st.sampled_from(PRIORITIES),
)
ENTRIES = st.lists(
    st.tuples(PLANS, st.integers(0, 5), st.none() | st.integers(0, 9), st.integers(1, 50)),
    max_size=8,
).map(
    lambda rows: [
        Entry(f"r{n}", plan, float(since), f"r{after}" if after in range(n) else None, lasts)
        for n, (plan, since, after, lasts) in enumerate(rows)
    ]
)
HELD = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([None, "GPU-0", "GPU-1"]), st.integers(1, 99)),
    max_size=2,
).map(
    lambda rows: [
        Held(f"h{n}", Claim(cpus, gpu, 700), end) for n, (cpus, gpu, end) in enumerate(rows)
    ]
)


def overbooked(claims: Sequence[Claim], held: Sequence[Held]) -> bool:
    """Whether more was given than there is, beyond what was held before."""
    everything = [*claims, *(one.claim for one in held)]
    cores = sum(claim.cpus for claim in everything) > CORES and bool(claims)
    return cores or any(
        any(claim.gpu == gpu.uuid for claim in claims)
        and (
            sum(claim.gpu == gpu.uuid for claim in everything) > PLACES
            or sum(claim.gpu_mb for claim in everything if claim.gpu == gpu.uuid)
            > (gpu.total_mb or 0)
        )
        for gpu in MACHINE.gpus
    )


@given(entries=ENTRIES, held=HELD)
def test_never_is_more_given_than_the_machine_has(
    entries: list[Entry], held: list[Held]
) -> None:
    claims = [turn.claim for turn in turns(entries, held, MACHINE) if turn.claim]
    assert not overbooked(claims, held)


@given(entries=ENTRIES)
def test_an_idle_machine_always_starts_one(entries: list[Entry]) -> None:
    assert begun(entries, [], MACHINE) or all(entry.after for entry in entries)


@given(entries=ENTRIES, held=HELD)
def test_nobody_takes_what_somebody_earlier_waits_for(
    entries: list[Entry], held: list[Held]
) -> None:
    closed: set[str] = set()
    for turn in turns(entries, held, MACHINE):
        if turn.claim is not None:
            assert "cpu" not in closed
            assert turn.claim.gpu not in closed
        if "core" in turn.waits_for:
            closed.add("cpu")
        if "GPU" in turn.waits_for:
            closed |= {gpu.uuid for gpu in suitable_gpus(turn.entry.plan, MACHINE)}


@given(entries=ENTRIES, held=HELD, data=st.data())
def test_the_order_in_which_runs_are_found_changes_nothing(
    entries: list[Entry], held: list[Held], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(entries))
    assert turns(entries, held, MACHINE) == turns(shuffled, held, MACHINE)
    assert starts(entries, held, MACHINE) == starts(shuffled, held, MACHINE)


@given(entries=ENTRIES, held=HELD)
def test_the_forecast_agrees_with_what_begins_now_and_everybody_begins(
    entries: list[Entry], held: list[Held]
) -> None:
    foreseen = starts(entries, held, MACHINE)
    now = {run for run, at_s in foreseen.items() if at_s == 0}
    assert now == set(begun(entries, held, MACHINE))
    assert set(foreseen) == {entry.run for entry in entries}
    for entry in entries:
        if entry.after is not None:
            assert foreseen[entry.run] >= foreseen[entry.after]
