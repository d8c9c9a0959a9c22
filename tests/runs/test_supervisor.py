"""What a supervisor promises beside watching: leases, the log, the record of what is saved."""

import errno
import fcntl
import os
import signal
import sys
from pathlib import Path

import pytest

from drivetrain import checkpoint_units
from drivetrain.runs import supervise
from drivetrain.runs.atomic import read_json
from drivetrain.runs.locks import is_held
from drivetrain.runs.logs import tail
from drivetrain.runs.stop import request_stop
from drivetrain.runs.supervise import newest_unit
from tests.runs.by_hand import launch_by_hand, until
from tests.runs.living import attempt_of, ended, is_training, kill, meet

TELL_WHAT_IS_LEFT = """
import os
print("marks", [name for name in os.environ if name.startswith("DRIVETRAIN_")])
print("open", sorted(os.listdir("/proc/self/fd")))
"""
CHATTER = """
import pathlib, sys
log = pathlib.Path(sys.argv[1], "out.log")
number = size = 0
while size <= log.stat().st_size:
    size = log.stat().st_size
    number += 1
    print(number, flush=True)
print("done")
"""


def units_of(place: Path, *steps: int) -> Path:
    """A folder of whole units."""
    for step in steps:
        checkpoint_units.write(
            place / "units",
            step,
            {
                "policy.pt": lambda file: file.write(b"policy"),
                "rng.pt": lambda file: file.write(b"chance"),
            },
            {},
        )
    return place / "units"


def damage(unit: Path, name: str, content: bytes | None) -> None:
    """Put another content into a file of a unit, or take it away."""
    if content is None:
        (unit / name).unlink()
    else:
        (unit / name).write_bytes(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("policy.pt", None),
        ("policy.pt", b"policy"),
        ("rng.pt", b"chanc"),
        ("rng.pt", b"another chance"),
        ("meta.json", None),
        ("meta.json", b""),
        ("meta.json", b"[]"),
        ("meta.json", b'{"v": 1, "step": 20}'),
        ("meta.json", b'{"v": 1, "step": 20, "files": ["policy.pt"]}'),
        ("meta.json", b'{"v": 1, "step": 20, "files": {"policy.pt": 6}}'),
        ("meta.json", b'{"v": 1, "step": 20, "files": {"policy.pt": {}}}'),
        ("meta.json", b'{"v": 1, "step": 10, "files": {}}'),
        ("meta.json", b'{"v": 2, "step": 20, "files": {}}'),
    ],
)
def test_supervisor_and_trainer_agree_on_what_is_whole(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    units = units_of(tmp_path, 10, 20)
    (units / ".tmp-000000000030").mkdir()
    damage(units / "000000000020", name, content)
    unit = checkpoint_units.newest(units)
    assert newest_unit(str(units)) == (None if unit is None else unit.step)


def test_where_nothing_is_saved_they_agree_too(tmp_path: Path) -> None:
    assert newest_unit(str(tmp_path / "units")) is None
    assert newest_unit("") is None
    assert checkpoint_units.newest(tmp_path / "units") is None


def test_the_end_tells_the_newest_unit(home: Path) -> None:
    folder = launch_by_hand(home, "save_units")
    meet(home, "r1", lambda run: is_training(run) and any(folder.units.glob("0*")))
    kill(folder, "trainer")
    ended(home)
    facts = read_json(attempt_of(folder).exit) or {}
    assert facts["unit"] == newest_unit(str(folder.units))
    assert facts["unit"] > 0
    assert facts["resumable"] is True


def test_an_end_before_the_first_save_is_not_resumable(home: Path) -> None:
    folder = launch_by_hand(home, "error")
    ended(home)
    facts = read_json(attempt_of(folder).exit) or {}
    assert (facts["unit"], facts["resumable"]) == (None, False)


def test_a_run_that_dies_at_once_ends_where_it_went_on_from(home: Path) -> None:
    launch_by_hand(home, argv=(sys.executable, "-c", "raise SystemExit(1)"), from_step=600)
    assert ended(home).step == 600


def leased(place: Path, name: str) -> tuple[Path, int]:
    """A lock on something, and its open descriptor."""
    slot = place / name
    descriptor = os.open(slot, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return slot, descriptor


def test_a_lease_lives_and_dies_with_the_supervisor_alone(home: Path, tmp_path: Path) -> None:
    slot, descriptor = leased(tmp_path, "cpu.0")
    folder = launch_by_hand(home, "ignore", lease=[descriptor])
    os.close(descriptor)
    meet(home, "r1", is_training)
    assert is_held(slot)
    kill(folder, "supervisor")
    until(lambda: not is_held(slot))
    # Nobody told the trainer of the lease; it lives on.
    assert is_held(folder.trainer_lock)
    kill(folder, "trainer")


def test_the_finisher_has_neither_the_lease_nor_a_mark_of_the_run(
    home: Path, tmp_path: Path
) -> None:
    slot, descriptor = leased(tmp_path, "cpu.0")
    finisher = [sys.executable, "-c", TELL_WHAT_IS_LEFT]
    folder = launch_by_hand(home, "complete", lease=[descriptor], finisher=finisher)
    os.close(descriptor)
    ended(home)
    until(lambda: len(list(tail(folder, 2))) == 2)
    assert not is_held(slot)
    # The fourth descriptor is that of the listing itself.
    assert list(tail(folder, 2)) == ["marks []", "open ['0', '1', '2', '3']"]


def test_a_log_that_grows_too_long_keeps_its_newest_part(home: Path) -> None:
    argv = (sys.executable, "-c", CHATTER)
    folder = launch_by_hand(home, argv=argv, log_limit=4_000)
    ended(home)
    torn, *kept = folder.path.joinpath("out.log.1").read_text().splitlines()
    assert len("\n".join([torn, *kept])) >= 900
    assert kept[:3] == [str(int(kept[0]) + more) for more in range(3)]
    assert list(tail(folder, 1)) == ["done"]
    assert folder.log.stat().st_size < 4_000


@pytest.mark.parametrize(
    ("is_forced", "how", "reason"),
    [(True, "stopped", "user_stop"), (False, "interrupted", "preempted")],
)
def test_workers_that_a_signal_ended_are_no_fault_of_their_own(
    home: Path, how: str, reason: str, *, is_forced: bool
) -> None:
    folder = launch_by_hand(home, "blame_worker")
    meet(home, "r1", is_training)
    if is_forced:
        request_stop(home, "r1", force=True)
    else:
        kill(folder, "supervisor", signal.SIGTERM)
    end = ended(home)
    assert (end.how, end.reason) == (how, reason)


def test_a_signal_without_a_name_is_told_by_its_number(home: Path) -> None:
    folder = launch_by_hand(home)
    meet(home, "r1", is_training)
    kill(folder, "trainer", signal.SIGRTMIN + 6)
    end = ended(home)
    assert (end.reason, end.detail) == ("killed", f"signal {signal.SIGRTMIN + 6} from outside")


def refuse(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_log_that_cannot_be_kept_leaves_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.log").write_bytes(b"line" * 9)
    monkeypatch.setattr(os, "sendfile", refuse)
    with pytest.raises(OSError, match="No space"):
        supervise.keep_end(str(tmp_path / "out.log"), str(tmp_path / "out.log.1"), 8)
    assert [path.name for path in tmp_path.iterdir()] == ["out.log"]


def test_a_verdict_that_fits_in_part_is_written_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = supervise.Supervisor.__new__(supervise.Supervisor)
    supervisor.folder = str(tmp_path)
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, text, at: write(file, text[:3], at))
    supervisor.fill_exit(b'{"how": "stopped"}')
    assert (tmp_path / "exit.json").read_bytes() == b'{"how": "stopped"}'
