"""While a run trains, MLflow follows; whatever is wrong with its store, training goes on."""

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from drivetrain.runs.record import Verdict
from drivetrain.tracking import live
from drivetrain.tracking.live import mirroring
from drivetrain.tracking.mirror import Mirror
from drivetrain.tracking.store import store_file
from tests.tracking.written_runs import curve, end, shown, tell, written_run

PATIENCE_S = 30.0


class Told:
    """Shows what the mirror says of itself, and lets a test wait for it."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._tracker = "-"

    @property
    def tracker(self) -> str:
        return self._tracker

    @tracker.setter
    def tracker(self, words: str) -> None:
        with self._news:
            self._tracker = words
            self._news.notify_all()

    def meet(self, is_so: Callable[[str], bool]) -> str:
        """What it says at the first moment at which something is so."""
        with self._news:
            met = self._news.wait_for(lambda: is_so(self._tracker), PATIENCE_S)
            assert met, f"it never was so; in the end `{self._tracker}`"
            return self._tracker


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds become milliseconds."""
    monkeypatch.setattr(live, "EVERY_S", 0.01)
    monkeypatch.setattr(live, "LONGEST_PAUSE_S", 0.05)


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Somebody else writes to the store, and takes long."""
    with closing(sqlite3.connect(store_file(home))) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.rollback()


def test_a_training_run_is_followed(home: Path) -> None:
    folder, told = written_run(home), Told()
    with mirroring(folder, 1, told):
        tell(folder, 10, reward=1.5)
        told.meet("on".__eq__)
    assert curve(folder, "reward") == [(10, 1.5)]
    assert shown(folder).info.status == "RUNNING"
    assert shown(folder).data.tags["attempt"] == "1"


def test_mlflow_waits_until_training_tells_something(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, told = written_run(home), Told()
    tell(folder, 0, "started")
    looks = threading.Semaphore(0)
    look = live._Thread._told

    def counted(thread: live._Thread) -> int:
        looks.release()
        return look(thread)

    monkeypatch.setattr(live._Thread, "_told", counted)
    with mirroring(folder, 1, told):
        for _ in range(4):
            assert looks.acquire(timeout=PATIENCE_S)
    assert told.tracker == "-"
    assert not folder.tracking.exists()


def test_a_locked_store_is_left_alone_and_told_later(home: Path) -> None:
    folder, told = written_run(home), Told()
    with mirroring(folder, 1, told):
        with locked(home):
            tell(folder, 10, reward=1.5)
            assert told.meet(lambda words: words != "-") == "off: database is locked"
        told.meet("on".__eq__)
    assert curve(folder, "reward") == [(10, 1.5)]


def test_a_store_that_was_broken_for_days_is_told_what_it_missed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, told = written_run(home), Told()
    monkeypatch.setattr(live, "LONGEST_PAUSE_S", 0.0)
    go_on, tries = Mirror.go_on, itertools.count()

    def fails_long(mirror: Mirror, attempt: int) -> None:
        if next(tries) < 1100:
            raise OSError("broken")
        go_on(mirror, attempt)

    monkeypatch.setattr(Mirror, "go_on", fails_long)
    with mirroring(folder, 1, told):
        tell(folder, 10, reward=1.5)
        told.meet("on".__eq__)
    assert curve(folder, "reward") == [(10, 1.5)]


def test_what_a_locked_store_missed_is_replayed_when_the_run_is_closed(home: Path) -> None:
    folder, told = written_run(home), Told()
    with locked(home), mirroring(folder, 1, told):
        tell(folder, 10, reward=1.5)
        told.meet(lambda words: words.startswith("off"))
    end(folder, Verdict("succeeded", "completed", step=10))
    Mirror(folder).close()
    assert curve(folder, "reward") == [(10, 1.5)]
    assert shown(folder).info.status == "FINISHED"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda store: store.write_bytes(bytes(range(256)) * 16), "file is not a database"),
        (lambda store: (store.unlink(), store.mkdir()), "unable to open database file"),
    ],
    ids=["corrupt", "unopenable"],
)
def test_a_store_that_cannot_be_used_costs_training_nothing(
    home: Path, damage: Callable[[Path], object], words: str
) -> None:
    folder, told = written_run(home), Told()
    damage(store_file(home))
    with mirroring(folder, 1, told):
        tell(folder, 10, reward=1.5)
        assert told.meet(lambda now: now != "-") == f"off: {words}"


def test_a_store_deleted_while_training_is_made_anew(home: Path) -> None:
    folder, told = written_run(home), Told()
    with mirroring(folder, 1, told):
        tell(folder, 10, reward=1.5)
        told.meet("on".__eq__)
        store_file(home).unlink()
        tell(folder, 20, reward=2.5)
        told.meet(lambda words: words.startswith("off"))
        told.meet("on".__eq__)
    assert curve(folder, "reward") == [(10, 1.5), (20, 2.5)]
