"""What becomes of runs, told as it happens: looks, now and then, until there is no more."""

import errno
import hashlib
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import UnsupportedOperation
from pathlib import Path
from typing import Final

from drivetrain.clock import SYSTEM
from drivetrain.errors import DataError, NotFoundError
from drivetrain.runs.look import Run, read_request
from drivetrain.runs.record import Ended, Queued
from drivetrain.runs.registry import find_run
from drivetrain.runs.waiting import Waiting
from skill.actions.diagnosing import health_of
from skill.actions.queue import moved_on
from skill.grammar import Wait, Watch
from skill.report import Report, json_text
from skill.room import Room
from skill.watching import (
    Event,
    Follower,
    News,
    Sight,
    lost_news,
    no_runs_news,
    trial_news,
    trouble_news,
)
from trainers.diagnosis.rules import Diagnosis

FOR_CHATS: Final = frozenset[Event]({"state", "alert", "cleared", "gone"})
HEALTH_EVERY_S = 20.0
"""Between two looks at the numbers of one run: they cost more than all other looks."""


def attend(command: Wait | Watch, room: Room) -> Report:
    """Stay with a run until it has ended, saying nothing or all there is to say."""
    match command:
        case Wait():
            from skill.actions.page import wait

            return wait(command, room)
        case Watch():
            return watch(command, room)


def watch(command: Watch, room: Room) -> Report:
    """Lines that tell what becomes of one run until it has ended, or of all.

    Raises:
        NotFoundError: there is no such run.
    """
    if command.is_test:
        return Report("", stream=_as_lines([trial_news(SYSTEM.wall())], command))
    if command.run is not None:
        find_run(room.home, command.run)
    vigil = Vigil(room.home, command.run, command.pause_s)
    news = vigil.news() if command.chat is None else _for_chat(vigil.news(), command.chat)
    return Report("", stream=_as_lines(news, command), closing=lambda: vigil.exit_code)


def _for_chat(news: Iterator[News], chat: str) -> Iterator[News]:
    """What a model should hear of unasked: each line is a turn of it, which somebody pays."""
    with _alone(chat) as is_alone:
        if is_alone:
            yield from (one for one in news if one.event in FOR_CHATS)


@contextmanager
def _alone(chat: str) -> Iterator[bool]:
    """Whether no other process watches for this chat; a chat without a name never knows."""
    if not chat:
        yield True
        return
    # A name without a file, which the kernel frees however its holder ends.
    name = hashlib.sha256(f"{os.getuid()} {chat}".encode()).hexdigest()[:32]
    with socket.socket(socket.AF_UNIX) as held:
        try:
            held.bind(f"\0drivetrain-watch-{name}")
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            yield False
            return
        yield True


def pause(seconds: float) -> bool:
    """Let time pass; False as soon as nobody reads the lines any more.

    A chat that was closed leaves its watchers behind: each would else look at its runs until
    there is something to tell, which may be never.
    """
    try:
        reader = sys.stdout.fileno()
    except (UnsupportedOperation, ValueError):  # a stream of a program's own
        time.sleep(seconds)
        return True
    watched = select.poll()
    watched.register(reader, 0)  # an end of reading comes unasked
    return not watched.poll(seconds * 1000)


@dataclass(frozen=True, slots=True)
class _Looked:
    """The runs of one look with their places in the queue, and why others cannot be read."""

    runs: tuple[tuple[Run, Waiting | None], ...]
    lost: dict[str, str]


class Vigil:
    """Watches one run until it has ended, or all runs of a home until nobody listens.

    exit_code: what the watching ends with, as `wait` does.
    """

    def __init__(
        self,
        home: Path,
        run_id: str | None,
        pause_s: float,
        rest: Callable[[float], bool] = pause,
    ) -> None:
        self.exit_code = 0
        self._home = home
        self._run_id = run_id
        self._pause_s = pause_s
        self._rest = rest
        self._began = SYSTEM.wall()
        self._followers: dict[str, Follower] = {}
        self._health = _Health()
        self._is_blind = False

    def news(self) -> Iterator[News]:
        """First how things stand, then whatever changes."""
        yield from self._first()
        while not self._is_over() and self._rest(self._pause_s):
            try:
                looked = self._look()
            except OSError as error:  # a home on a disk of other machines comes back
                if not self._is_blind:
                    yield trouble_news(error.strerror or str(error), SYSTEM.wall())
                self._is_blind = True
                continue
            self._is_blind = False
            yield from self._told(looked)

    def _first(self) -> Iterator[News]:
        looked = self._look()
        if self._run_id is None:
            living = tuple(one for one in looked.runs if not isinstance(one[0].state, Ended))
            looked = _Looked(living, looked.lost)
        if not looked.runs and not looked.lost:
            yield no_runs_news(SYSTEM.wall())
        yield from self._told(looked)

    def _told(self, looked: _Looked) -> Iterator[News]:
        for run, waiting in looked.runs:
            follower = self._followers.setdefault(run.id, Follower())
            yield from follower.news(self._sight(run, waiting))
        yield from self._farewells(looked)

    def _farewells(self, looked: _Looked) -> Iterator[News]:
        for run_id, reason in looked.lost.items():
            self._followers.pop(run_id, None)
            yield lost_news(run_id, reason, SYSTEM.wall())
        if self._run_id is None:
            return
        for run, _ in looked.runs:
            if isinstance(run.state, Ended):
                self.exit_code = run.state.exit_code
        if looked.lost:
            self.exit_code = NotFoundError.exit_code

    def _is_over(self) -> bool:
        """Whether the one run that is watched has ended, or is gone."""
        if self._run_id is None:
            return False
        follower = self._followers.get(self._run_id)
        return follower is None or follower.is_over

    def _look(self) -> _Looked:
        if self._run_id is not None:
            return _one(self._home, self._run_id)
        followed = {run_id for run_id, one in self._followers.items() if not one.is_over}
        return _all(self._home, followed, self._began)

    def _sight(self, run: Run, waiting: Waiting | None) -> Sight:
        return Sight(run, SYSTEM.wall(), waiting, self._health.of(run))


class _Health:
    """What the rules find in runs, asked where something was told since, and not too often."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[float, int]] = {}

    def of(self, run: Run) -> Diagnosis | None:
        """What they find in this run, None where it need not be asked now."""
        if isinstance(run.state, Ended | Queued):
            return None
        try:
            size = run.folder.events.stat().st_size
        except OSError:
            return None
        now = SYSTEM.mono()
        asked_at, asked_size = self._asked.get(run.id, (-HEALTH_EVERY_S, -1))
        if size == asked_size or now - asked_at < HEALTH_EVERY_S:
            return None
        self._asked[run.id] = (now, size)
        return health_of(run, read_request(run.folder))


def _one(home: Path, run_id: str) -> _Looked:
    """One run, after moving on the queue where it waits or has just left its place."""
    try:
        run = find_run(home, run_id)
        if not isinstance(run.state, Queued | Ended):
            return _Looked(((run, None),), {})
        _, queue = moved_on(home)
        place = next((waiting for waiting in queue if waiting.run.id == run_id), None)
        return _Looked(((find_run(home, run_id), place),), {})
    except NotFoundError as error:
        return _Looked((), {run_id: _why_lost(error)})


def _all(home: Path, followed: Iterable[str], since: float) -> _Looked:
    """All active and queued runs, those that were followed, and those that ended meanwhile."""
    overview, queue = moved_on(home)
    runs: dict[str, tuple[Run, Waiting | None]] = {
        **{run.id: (run, None) for run in reversed(overview.active)},
        **{waiting.run.id: (waiting.run, waiting) for waiting in queue},
    }
    lost: dict[str, str] = {}
    for run in reversed(overview.ended):
        if isinstance(run.state, Ended) and (run.state.at or 0.0) >= since:
            runs.setdefault(run.id, (run, None))
    for run_id in sorted(set(followed) - runs.keys()):
        try:
            runs[run_id] = (find_run(home, run_id), None)
        except NotFoundError as error:
            lost[run_id] = _why_lost(error)
    return _Looked(tuple(runs.values()), lost)


def _why_lost(error: NotFoundError) -> str:
    return "its record is damaged" if isinstance(error, DataError) else "its folder is gone"


def _as_lines(news: Iterable[News], command: Watch) -> Iterator[str]:
    for one in news:
        if command.as_json:
            yield json_text(one.told())
        else:
            yield one.line()
