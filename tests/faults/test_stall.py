"""Trainers that go silent: asked what they do, forgiven if they come back, ended if not."""

import signal
import sys
from pathlib import Path
from typing import Any

from drivetrain.runs.registry import find_run
from drivetrain.runs.stop import request_stop
from drivetrain.runs.supervise import LONGEST_LOOK_S, Silence
from tests.runs.by_hand import is_gone, launch_by_hand, processes_of
from tests.runs.living import ended, is_training, kill, meet, pid_of, start

SOON: dict[str, Any] = {"stacks_after_s": 0.2, "stalled_for_s": 0.3}


def test_a_trainer_that_hangs_in_c_is_ended_and_the_place_is_told(home: Path) -> None:
    folder = launch_by_hand(home, "hang", **SOON)
    end = ended(home)
    assert (end.how, end.reason, end.step) == ("failed", "stalled", 7)
    assert end.detail.startswith("it hung at File ")
    assert end.detail.endswith("in hang_in_c")
    assert "hang_in_c" in folder.stacks.read_text(encoding="utf-8")
    assert "broke its promise" in folder.log.read_text(encoding="utf-8")
    assert processes_of(folder) == []


def test_a_trainer_that_checks_in_again_is_forgiven(home: Path) -> None:
    folder = launch_by_hand(home, "oversleep", stacks_after_s=0.0, stalled_for_s=60.0)
    end = ended(home)
    assert end.reason == "completed"
    assert "oversleep" in folder.stacks.read_text(encoding="utf-8")


def test_a_stalled_trainer_that_nobody_wants_ended_waits_for_a_stop(home: Path) -> None:
    folder = launch_by_hand(home, "hang", stacks_after_s=0.0, stalled_for_s=None)
    meet(home, "r1", lambda _: "broke its promise" in folder.log.read_text(encoding="utf-8"))
    assert not is_gone(pid_of(folder, "trainer"))


def test_a_suspended_trainer_is_ended_as_stalled(home: Path) -> None:
    folder = launch_by_hand(home, "promise_little", stacks_after_s=0.2, stalled_for_s=1.0)
    meet(home, "r1", is_training)
    kill(folder, "trainer", signal.SIGSTOP)
    end = ended(home)
    assert (end.how, end.reason) == ("failed", "stalled")
    assert end.detail == "it was suspended by a signal"
    assert end.resumable
    assert processes_of(folder) == []


def test_a_trainer_that_never_says_a_word_is_not_hit_by_the_question(home: Path) -> None:
    silent = (sys.executable, "-S", "-c", "import signal; signal.pause()")
    folder = launch_by_hand(home, argv=silent, first_word_s=0.1, **SOON)
    end = ended(home)
    # A SIGUSR1 before its handler would have ended it by that signal.
    assert (end.how, end.reason) == ("failed", "stalled")
    assert end.detail == "it told no stacks"
    assert "not been heard of since its start" in folder.log.read_text(encoding="utf-8")


def test_a_suspended_trainer_still_hears_a_stop(home: Path) -> None:
    folder = start(home, "save_units").run.folder
    meet(home, "r1", is_training)
    kill(folder, "trainer", signal.SIGSTOP)
    request_stop(home, "r1")
    end = ended(home)
    assert (end.how, end.reason) == ("stopped", "user_stop")
    assert end.step == int(max(path.name for path in folder.units.glob("0*")))


def test_the_next_start_after_a_stall_works(home: Path) -> None:
    launch_by_hand(home, "hang", **SOON)
    ended(home)
    start(home, "complete", "r2", "d2")
    assert ended(home, "r2").reason == "completed"
    assert find_run(home, "r1").state == ended(home, "r1")


def test_time_in_which_nobody_watched_is_no_silence() -> None:
    silence = Silence(promised=10.0)
    assert silence.lasts(None, 5.0) == 0.0
    assert silence.lasts(40.0, 11.0) == 0.0
    assert silence.lasts(40.0, 41.5) == 1.5
    # An hour in which the machine stood still.
    assert silence.lasts(40.0, 3641.5) == 1.5 + LONGEST_LOOK_S


def test_a_new_promise_ends_a_silence_and_the_question_can_be_asked_again() -> None:
    silence = Silence(promised=10.0)
    silence.lasts(None, 10.5)
    silence.is_asked = True
    assert silence.lasts(50.0, 12.0) == 0.0
    assert not silence.is_asked
