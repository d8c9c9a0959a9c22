"""Faults of files and disks: torn, damaged, deleted, full, forbidden."""

import errno
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.fault_scene import RUN, Scene, told
from drivetrain.checkpoint_units import newest_verified
from drivetrain.runs.index import index_file
from drivetrain.runs.plan import Plan
from drivetrain.runs.record import Running
from drivetrain.runs.registry import find_run, overview
from drivetrain.runs.resume import request_resume
from drivetrain.runs.stop import request_stop
from drivetrain.tracking.ledger import Closed, read_ledger
from drivetrain.tracking.store import store_file
from tests.faults.test_unit_kills import SITUATIONS, kill_each_save
from tests.runs.by_hand import is_gone
from tests.runs.living import kill, pid_of
from trainers.launch import CLOSER

PAGE = 4096


def tear_status(scene: Scene) -> None:
    """Half of what the trainer tells."""
    scene.begin()
    tear(scene.folder.status)
    assert told(find_run(scene.home, RUN).state) == "running"
    scene.goes_on()


def tear_last_status(scene: Scene) -> None:
    """Half of what the trainer told last."""
    kill(scene.begin(), "trainer")
    step = scene.end().step
    tear(scene.folder.status)
    assert find_run(scene.home, RUN).progress is not None
    assert scene.end().step == step


def tear_request(scene: Scene) -> None:
    """Half of what was asked for, of a run that is over."""
    kill(scene.begin(), "trainer")
    scene.end()
    tear(scene.folder.request)


def harm_index(harm: Callable[[Path], object]) -> Callable[[Scene], None]:
    """Something happens to the index of all runs."""

    def inject(scene: Scene) -> None:
        scene.begin()
        harm(index_file(scene.home))
        assert [run.id for run in overview(scene.home).active] == [RUN]

    return inject


def lock_index(scene: Scene) -> None:
    """Somebody keeps the index to himself."""
    scene.begin()
    with closing(sqlite3.connect(index_file(scene.home), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert [run.id for run in overview(scene.home).active] == [RUN]


def lock_tracker(scene: Scene) -> None:
    """Somebody keeps MLflow's store to himself; it is told of the end once he is done."""
    scene.home.mkdir()
    with closing(sqlite3.connect(store_file(scene.home), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        scene.begin(plan=Plan(closer=CLOSER))
        request_stop(scene.home, RUN)
        scene.end()
    scene.until(lambda: _closed(scene) is not None)


def _closed(scene: Scene) -> Closed | None:
    ledger = read_ledger(scene.folder)
    return None if ledger is None else ledger.closed


def damage_saved(name: str) -> Callable[[Scene], None]:
    """A byte of the newest state rots; the resume goes on from the one before."""

    def inject(scene: Scene) -> None:
        scene.begin()
        request_stop(scene.home, RUN)
        scene.end()
        flip(scene.folder.checkpoints / name if name == "last.pt" else newest_file(scene, name))
        scene.remember()
        before, damages = newest_verified(scene.folder.units)
        assert before is not None
        assert len(damages) == 1
        assert request_resume(scene.home, RUN).from_step == before.step
        scene.goes_on()

    return inject


def kill_saves(scene: Scene) -> None:
    """A save dies at each of its moments, in every situation; whole states are found."""
    with tempfile.TemporaryDirectory() as place:
        scene.kills_in_saves = sum(
            kill_each_save(Path(place) / str(number), situation)
            for number, situation in enumerate(SITUATIONS)
        )
    kill(scene.begin(), "trainer")


def fill_disk_in_save(scene: Scene) -> None:
    """The disk is full when the trainer saves."""
    scene.begin()
    with full(scene.home):
        scene.end()


def fill_disk_at_end(scene: Scene) -> None:
    """The disk is full when the run dies: its verdict needs room."""
    scene.begin("ignore")
    with full(scene.home):
        kill(scene.folder, "trainer")
        scene.end()


def forbid_writing(scene: Scene) -> None:
    """The home becomes read-only for a while, in which nothing needs to be saved."""
    scene.begin("work")
    with read_only(scene.home):
        assert isinstance(find_run(scene.home, RUN).state, Running)


def forbid_saving(scene: Scene) -> None:
    """The home becomes read-only for a while, and the trainer wants to save."""
    folder = scene.begin()
    trainer = pid_of(folder, "trainer")
    with read_only(scene.home):
        scene.until(lambda: is_gone(trainer))


def newest_file(scene: Scene, name: str) -> Path:
    """A file of the newest unit."""
    unit, _ = newest_verified(scene.folder.units)
    assert unit is not None
    return unit.file(name)


def tear(path: Path) -> None:
    """Keep the first half of a file."""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def overwrite(path: Path) -> None:
    """Put something else in a file's place, byte for byte."""
    path.write_bytes(b"no database" * (path.stat().st_size // 11))


def flip(path: Path) -> None:
    """Change one bit."""
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """Nothing in this folder can be changed, for the time of a block."""
    # Mounted over itself: the kernel refuses this to a disk on which files are being written.
    for words in (("--bind", place, place), ("-o", "remount,bind,ro", place)):
        subprocess.run(["mount", *words], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@contextmanager
def full(place: Path) -> Iterator[None]:
    """No byte is free on the disk of this folder, for the time of a block."""
    ballast = place / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            while file.write(bytes(PAGE)):
                pass
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    try:
        yield
    finally:
        ballast.unlink()
