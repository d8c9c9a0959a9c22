"""Files lie, clocks jump, pids come back: no false alive, no false stall."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.clock import SYSTEM
from drivetrain.runs import attempt, launch, liveness, phases
from drivetrain.runs.atomic import read_json
from drivetrain.runs.attempt import begin_attempt
from drivetrain.runs.boot import Boot, Identity, start_time, this_boot
from drivetrain.runs.events import append_line
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import look_at
from drivetrain.runs.progress import read_progress
from drivetrain.runs.record import Ended, Queued, Record, Running, Stalled, Starting, Stopping
from drivetrain.runs.registry import find_run
from drivetrain.runs.resume import request_resume
from drivetrain.runs.stop import request_stop
from tests.runs.by_hand import until
from tests.runs.living import (
    attempt_of,
    ended,
    finished,
    kill,
    kill_both,
    meet,
    pid_of,
    spec,
    start,
    start_and_meet,
)


@dataclass(frozen=True)
class Ahead:
    """A clock ahead of the machine's, or behind it, by so many seconds."""

    wall_s: float = 0.0
    mono_s: float = 0.0

    def wall(self) -> float:
        return SYSTEM.wall() + self.wall_s

    def mono(self) -> float:
        return SYSTEM.mono() + self.mono_s


def state_at(folder: RunFolder, clock: Ahead) -> Record:
    run = look_at(folder, clock=clock)
    assert run is not None
    return run.state


def change(path: Path, facts: dict[str, Any]) -> None:
    """Put other facts into a record."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | facts))


@pytest.mark.parametrize("mark", [{"boot_id": "another"}, {"pid1_start": 1}])
def test_a_run_of_another_boot_was_interrupted(home: Path, mark: dict[str, Any]) -> None:
    folder = start_and_meet(home, "work").folder
    kill_both(folder)
    change(attempt_of(folder).proc, mark)
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("interrupted", "reboot", 75)


def test_a_run_whose_damaged_record_names_nobody_is_lost(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    kill_both(folder)
    attempt_of(folder).proc.write_bytes(b"\0" * 100)
    end = ended(home)
    assert (end.how, end.reason) == ("lost", "supervisor_died")


def test_a_dead_run_whose_pids_live_again_is_not_alive(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    kill_both(folder)
    me = {"pid": os.getpid(), "start": start_time(os.getpid())}
    change(attempt_of(folder).proc, {"supervisor": me, "trainer": me})
    assert ended(home).how == "lost"
    assert request_stop(home, "r1").did == "over"


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any run."""
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    yield process
    process.kill()
    process.wait()


def test_a_stop_never_signals_a_stranger_with_the_supervisors_pid(
    home: Path, stranger: subprocess.Popen[bytes]
) -> None:
    folder = start_and_meet(home, "work").folder
    change(attempt_of(folder).proc, {"supervisor": {"pid": stranger.pid, "start": 1}})
    request_stop(home, "r1")
    assert ended(home).reason == "user_stop"
    assert stranger.poll() is None


def test_a_run_silent_past_its_promise_is_stalled_and_not_before(home: Path) -> None:
    folder = start_and_meet(home, "ignore").folder
    progress = find_run(home, "r1").progress
    assert progress is not None
    assert progress.next_by is not None
    left_s = progress.next_by - SYSTEM.mono()
    assert left_s > 0
    assert isinstance(state_at(folder, Ahead(mono_s=0)), Running)
    assert isinstance(state_at(folder, Ahead(mono_s=left_s + 1)), Stalled)


def test_a_run_whose_trainer_is_dead_is_not_stalled_while_its_end_waits_to_be_recorded(
    home: Path,
) -> None:
    folder = start_and_meet(home, "ignore").folder
    kill(folder, "supervisor", signal.SIGSTOP)
    kill(folder, "trainer")
    trainer = Identity.parse((read_json(attempt_of(folder).proc) or {})["trainer"])
    assert trainer is not None
    until(lambda: not trainer.is_alive())
    assert isinstance(state_at(folder, Ahead(mono_s=3600)), Stopping)
    kill(folder, "supervisor", signal.SIGCONT)
    assert ended(home).reason == "killed"


@pytest.mark.parametrize("wall_s", [-86_400.0, 86_400.0])
def test_a_clock_that_was_set_makes_nobody_stall(home: Path, wall_s: float) -> None:
    folder = start_and_meet(home, "work").folder
    assert isinstance(state_at(folder, Ahead(wall_s=wall_s)), Running)


def test_a_torn_status_is_made_up_for_by_the_last_event(home: Path) -> None:
    folder = start(home, "complete").run.folder
    ended(home)
    whole = folder.status.read_bytes()
    folder.status.write_bytes(whole[: len(whole) // 2])
    progress = find_run(home, "r1").progress
    assert progress is not None
    assert (progress.step, progress.reward) == (20, 2.0)


@settings(max_examples=50, deadline=None)
@given(cut=st.integers(0, 400), rest=st.binary(max_size=40))
def test_no_status_however_torn_confuses_a_reader(
    tmp_path_factory: pytest.TempPathFactory, cut: int, rest: bytes
) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("home"), "r1")
    folder.path.mkdir(parents=True)
    whole = {"v": 1, "attempt": 1, "phase": "train", "step": 40, "reward": 4.0, "next_by": 9.0}
    event = {"t": 0.0, "attempt": 1, "step": 30, "event": "metrics", "reward": 3.0}
    append_line(folder, event)
    with folder.events.open("ab") as events:
        events.write(b'{"attempt": 1, "step": 3')
    folder.status.write_bytes(json.dumps(whole).encode()[:cut] + rest)
    progress = read_progress(folder)
    assert progress is not None
    assert (progress.step, progress.reward) in [(40, 4.0), (30, 3.0), (40, None)]


def forge_launch(home: Path, number: int, **facts: Any) -> RunFolder:
    """A run whose supervisor was launched and never came up, so many times."""
    folder, _ = launch._reserve(home, spec("complete"))
    launch_in_vain(folder, range(1, number + 1), **facts)
    return folder


def launch_in_vain(folder: RunFolder, numbers: Iterable[int], **facts: Any) -> None:
    """Attempts that no supervisor ever took up."""
    for path in (folder.attempt(number).path for number in numbers):
        path.mkdir(parents=True)
        known = {"boot_id": this_boot().id, "mono": SYSTEM.mono(), "by": "start"}
        (path / "launch.json").write_text(json.dumps(known | facts))


def test_a_supervisor_that_does_not_come_up_leaves_its_run_waiting(home: Path) -> None:
    folder = forge_launch(home, 1)
    assert isinstance(state_at(folder, Ahead()), Starting)
    assert isinstance(state_at(folder, Ahead(mono_s=11)), Queued)
    begin_attempt(folder)
    assert [path.name for path in folder.attempts.iterdir()] == ["001"]


def test_a_launch_before_a_reboot_is_made_again(home: Path) -> None:
    folder = forge_launch(home, 1, boot_id="another")
    begin_attempt(folder)
    assert ended(home).reason == "completed"
    assert attempt_of(folder).number == 2


def test_after_three_launches_in_vain_the_run_has_failed(home: Path) -> None:
    folder = forge_launch(home, 3)
    state = state_at(folder, Ahead(mono_s=11))
    assert isinstance(state, Ended)
    assert (state.how, state.reason) == ("failed", "error")
    assert state.detail == "no supervisor came up in 3 starts"


def test_launches_in_vain_are_counted_from_the_last_attempt_that_came_up(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    request_stop(home, "r1")
    finished(home)
    folder.resume_request.write_text('{"v": 1, "attempt": 1}')
    launch_in_vain(folder, [2, 3], by="user")
    state = state_at(folder, Ahead(mono_s=11))
    assert isinstance(state, Queued)
    assert (state.attempt, state.by) == (4, "user")
    launch_in_vain(folder, [4], by="user")
    state = state_at(folder, Ahead(mono_s=11))
    assert isinstance(state, Ended)
    assert (state.detail, state.attempt) == ("no supervisor came up in 3 starts", 4)
    assert state.resumable


def test_attempts_that_were_never_launched_do_not_count(home: Path) -> None:
    folder = forge_launch(home, 2)
    for number in (3, 4):
        folder.attempt(number).path.mkdir()
    state = state_at(folder, Ahead(wall_s=11, mono_s=11))
    assert isinstance(state, Queued)
    assert (state.attempt, state.by) == (5, "start")


def test_a_launch_that_cannot_be_written_down_leaves_no_attempt(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = launch._reserve(home, spec("complete"))

    def refuse(path: Path, _facts: dict[str, Any]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as full_disk:
        full_disk.setattr(attempt, "replace_json", refuse)
        with pytest.raises(OSError, match="No space left"):
            begin_attempt(folder)
    assert folder.last_attempt() is None
    assert begin_attempt(folder)
    assert attempt_of(folder).number == 1


def test_an_orphan_that_is_silent_past_its_promise_is_no_longer_waited_for(home: Path) -> None:
    folder = start_and_meet(home, "ignore").folder
    trainer = Identity(pid_of(folder, "trainer"), start_time(pid_of(folder, "trainer")) or 0)
    kill(folder, "supervisor")
    meet(home, "r1", lambda run: isinstance(run.state, Stopping))
    late = Ahead(mono_s=phases.STEPPING_PROMISE_S + liveness.SPARE_S + 1)
    state = state_at(folder, late)
    assert isinstance(state, Ended)
    assert (state.how, state.reason) == ("lost", "supervisor_died")
    assert trainer.is_alive()


def test_a_damaged_exit_record_keeps_its_run_ended(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    request_stop(home, "r1")
    end = ended(home)
    attempt_of(folder).exit.write_bytes(b"\0" * 40)
    after = ended(home)
    assert (after.how, after.reason, after.unit) == (end.how, end.reason, end.unit)
    assert request_resume(home, "r1").did == "queued"


def test_boots_are_told_apart() -> None:
    here = this_boot()
    assert here == this_boot()
    assert here != Boot(here.id, -1)
