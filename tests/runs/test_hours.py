"""A run that was given so many hours takes no more of them, over all its attempts."""

import errno
import os
import sys
from pathlib import Path

import pytest

from drivetrain.errors import ConflictError, RequestError
from drivetrain.runs import supervise
from drivetrain.runs.atomic import read_json, replace_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.hours import left_s, max_hours, more_hours, spent_s
from drivetrain.runs.plan import Plan
from drivetrain.runs.record import Ended
from drivetrain.runs.registry import find_run
from drivetrain.runs.resume import Raised, request_resume
from tests.runs.by_hand import launch_by_hand
from tests.runs.living import (
    TRAINER,
    attempt_of,
    ended,
    finished,
    is_training,
    kill_both,
    meet,
    start,
    start_and_meet,
)

A_MOMENT = Plan(max_hours=1e-9)
DEAF_AT_FIRST = ("sh", "-c", f'trap "" TERM; exec {sys.executable} {TRAINER} work "$0"')
"""It hears no signal until it is up; then it looks for itself whether it was asked to stop."""


def test_when_its_time_is_over_a_run_saves_and_ends(home: Path) -> None:
    folder = launch_by_hand(home, argv=DEAF_AT_FIRST, time_left_s=0.0, max_hours=2)
    end = ended(home)
    assert (end.how, end.reason, end.exit_code) == ("stopped", "time_limit", 75)
    assert end.resumable
    assert (read_json(attempt_of(folder).exit) or {})["sent"] == ["SIGTERM"]
    assert end.next_action == "`/train resume r1 --max-hours 3`"


def test_a_run_whose_time_is_over_before_it_trains_says_the_same(home: Path) -> None:
    start(home, "work", plan=A_MOMENT)
    assert (ended(home).how, ended(home).reason) == ("stopped", "time_limit")


def test_one_that_dies_of_being_asked_was_stopped_by_its_time_too(home: Path) -> None:
    launch_by_hand(home, argv=("sh", "-c", "exec sleep 600"), time_left_s=0.0)
    end = ended(home)
    assert (end.how, end.reason, end.detail) == (
        "stopped",
        "time_limit",
        "left before it saved",
    )


def test_a_run_with_time_left_trains_on(home: Path) -> None:
    folder = launch_by_hand(home, "complete", time_left_s=3600.0)
    assert ended(home).reason == "completed"
    assert not folder.stop_request.exists()


def test_no_run_goes_on_by_itself_past_its_time(home: Path) -> None:
    start(home, "work_and_save", plan=Plan(max_hours=1e-9, auto_resumes=3))
    finished(home)
    assert isinstance(find_run(home, "r1").state, Ended)


def test_a_run_out_of_time_goes_on_only_with_more(home: Path) -> None:
    folder = start(home, "work", plan=A_MOMENT).run.folder
    ended(home)
    with pytest.raises(ConflictError, match=r"has had its 1e-09 hours.*--max-hours 2`\.$"):
        request_resume(home, "r1")
    with pytest.raises(RequestError, match=r"`--max-hours 1e-09` counts.*--max-hours 2`\.$"):
        request_resume(home, "r1", Raised(max_hours=1e-9))
    assert request_resume(home, "r1", Raised(max_hours=2)).did == "queued"
    meet(home, "r1", is_training)
    launched = read_json(attempt_of(folder).launch) or {}
    assert launched["max_hours"] == 2
    assert 0 < launched["time_left_s"] == pytest.approx(7200 - spent_before(folder), abs=0.01)


def spent_before(folder: RunFolder) -> float:
    """What the first attempt took."""
    return float((read_json(folder.attempt(1).exit) or {})["lasted_s"])


def test_whose_time_is_over_and_who_dies_over_it_was_stopped_by_it(home: Path) -> None:
    folder = start_and_meet(home, "ignore").folder
    replace_json(folder.stop_request, {"attempt": 1, "reason": "time_limit"})
    kill_both(folder)
    assert (ended(home).how, ended(home).reason) == ("stopped", "time_limit")


def test_what_nobody_watched_to_its_end_counts_until_its_last_sign(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    kill_both(folder)
    ended(home)
    heard_s = folder.status.stat().st_mtime - attempt_of(folder).proc.stat().st_mtime
    assert spent_s(folder) == pytest.approx(heard_s, abs=0.01)
    assert heard_s > 0


def test_a_disk_that_takes_nothing_gives_no_more_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "attempts" / "001").mkdir(parents=True)
    replace_json(tmp_path / "attempts" / "001" / "launch.json", {"time_left_s": 0.0})
    monkeypatch.setattr(supervise, "replace_json", refuse)
    supervisor = supervise.Supervisor(str(tmp_path), "001", [])
    assert supervisor.stop_request()["reason"] == "time_limit"


def attempted(folder: RunFolder, number: int, *, begun: float, **told: object) -> None:
    """An attempt as its records tell of it.  begun: wall clock, s.  told: its exit record."""
    attempt = folder.attempt(number)
    attempt.path.mkdir(parents=True)
    replace_json(attempt.launch, {"max_hours": told.pop("max_hours", None)})
    os.utime(attempt.launch, (begun, begun))
    if ended_at := told.pop("ended", None):
        replace_json(attempt.exit, told)
        os.utime(attempt.exit, (float(str(ended_at)),) * 2)


def test_all_attempts_count_and_no_waiting_between_them(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "r1")
    attempted(folder, 1, begun=1000.0, ended=9000.0, lasted_s=300.0)
    attempted(folder, 2, begun=9000.0, ended=9100.0)
    attempted(folder, 3, begun=20_000.0)
    assert spent_s(folder, until=20_050.0) == pytest.approx(450)
    assert spent_s(folder, until=19_000.0) == pytest.approx(400)


def test_the_newest_bound_holds(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "r1")
    attempted(folder, 1, begun=0.0, ended=1.0, lasted_s=3600.0)
    assert (max_hours(folder), left_s(folder)) == (None, None)
    replace_json(folder.request, {"plan": {"max_hours": 3.0}})
    assert (max_hours(folder), left_s(folder), more_hours(folder)) == (3, 7200, 4)
    attempted(folder, 2, begun=0.0, ended=1.0, lasted_s=0.0, max_hours=5.0)
    assert max_hours(folder) == 5
    replace_json(folder.resume_request, {"max_hours": 0.5})
    assert (max_hours(folder), left_s(folder)) == (0.5, 0)
