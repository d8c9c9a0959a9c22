"""A lease lasts as long as a process holds it, and no longer."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.leases import Claim, Holder, Lease, slots_of
from drivetrain.settings import PROJECT, state_folder

pytestmark = pytest.mark.usefixtures("own_slots")

CORES = (4, 5, 7)
HOLDER = """
import signal, sys
from pathlib import Path
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.leases import Claim, slots_of
home = Path(sys.argv[1])
with slots_of(home) as slots:
    slots.take(RunFolder(home, "other"), Claim(1, "GPU-1", 500), [4], 1)
print("ready", flush=True)
signal.pause()
"""


@pytest.fixture
def leases() -> Iterator[list[Lease]]:
    """What is given back when the test is over."""
    taken: list[Lease] = []
    yield taken
    for lease in taken:
        lease.close()


def take(home: Path, run: str, claim: Claim, gpu_slots: int = 1) -> Lease | None:
    with slots_of(home) as slots:
        return slots.take(RunFolder(home, run), claim, CORES, gpu_slots)


def holders(home: Path) -> tuple[Holder, ...]:
    with slots_of(home) as slots:
        return slots.holders()


def open_files() -> int:
    """How many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_lease_names_its_holder_in_every_home(home: Path, leases: list[Lease]) -> None:
    lease = take(home, "r1", Claim(2, "GPU-1", 2048))
    assert lease is not None
    leases.append(lease)
    assert (lease.gpu, lease.cpus) == ("GPU-1", 2)
    holder = Holder(str(home), "r1", (4, 5), "GPU-1", 2048)
    assert holders(home) == holders(home / "another") == (holder,)


def test_what_is_closed_can_be_had_again(home: Path) -> None:
    for run in ("r1", "r2"):
        lease = take(home, run, Claim(3, "MIG-GPU-1/2/0"))
        assert lease is not None
        assert holders(home)[0].gpu == "MIG-GPU-1/2/0"
        lease.close()
    assert holders(home) == ()


@pytest.mark.parametrize("claim", [Claim(3), Claim(1, "GPU-1")])
def test_a_claim_that_does_not_fit_takes_nothing(
    home: Path, leases: list[Lease], claim: Claim
) -> None:
    first = take(home, "r1", Claim(1, "GPU-1"))
    assert first is not None
    leases.append(first)
    before = holders(home)
    files_before = open_files()
    assert take(home, "r2", claim) is None
    assert holders(home) == before
    assert open_files() == files_before


def test_as_many_runs_share_a_gpu_as_it_has_places(home: Path, leases: list[Lease]) -> None:
    granted = [take(home, f"r{n}", Claim(1, "GPU-1"), gpu_slots=2) for n in range(3)]
    leases += [lease for lease in granted if lease is not None]
    assert [lease is not None for lease in granted] == [True, True, False]


def test_a_process_that_is_killed_leaves_its_slots_to_others(home: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert [holder.run for holder in holders(home)] == ["other"]
        process.kill()
        process.wait()
    assert holders(home) == ()


def test_a_process_that_was_handed_a_lease_keeps_it_when_its_starter_lets_go(
    home: Path,
) -> None:
    lease = take(home, "r1", Claim(1))
    assert lease is not None
    code = "import sys; sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, pass_fds=lease.descriptors
    ) as process:
        lease.close()
        assert [holder.run for holder in holders(home)] == ["r1"]
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    assert holders(home) == ()


def test_where_the_users_folder_cannot_be_written_a_home_has_slots_of_its_own(
    home: Path, leases: list[Lease]
) -> None:
    state_folder().parent.mkdir(parents=True)
    state_folder().write_text("in the way", encoding="utf-8")
    lease = take(home, "r1", Claim(1))
    assert lease is not None
    leases.append(lease)
    assert [holder.run for holder in holders(home)] == ["r1"]
    assert holders(home / "another") == ()


@pytest.mark.parametrize("text", ["", "{", json.dumps({"gpu_mb": "many"}), "[]"])
def test_a_slot_whose_words_are_torn_is_taken_all_the_same(
    home: Path, leases: list[Lease], text: str
) -> None:
    lease = take(home, "r1", Claim(1, "GPU-1", 9))
    assert lease is not None
    leases.append(lease)
    for descriptor in lease.descriptors:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
    assert holders(home) == (Holder("", "", (4,), "GPU-1", 0),)
    assert take(home, "r2", Claim(1, "GPU-1")) is None


def test_a_user_without_a_home_folder_has_slots_in_the_home_of_runs(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "home", nowhere)
    with slots_of(home) as slots:
        assert slots.holders() == ()
    assert (home / "runs" / ".slots").is_dir()
