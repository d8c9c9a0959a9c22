"""Runs that are watched: whatever becomes of them is told in a line each."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.plan import Plan
from drivetrain.runs.registry import find_run
from drivetrain.runs.resume import request_resume
from drivetrain.runs.stop import request_stop
from drivetrain.settings import PROJECT
from skill.__main__ import main
from skill.actions import act
from skill.actions.queue import moved_on
from skill.command import parse
from skill.report import Report
from skill.room import Room
from tests.runs.living import (
    PATIENCE_S,
    end_all,
    finished,
    kill_both,
    start,
    start_and_meet,
)

SOON = "--every 0.1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("DRIVETRAIN_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    end_all(tmp_path / "home")


def watch(home: Path, words: str = "") -> Report:
    return act(parse(f"/train watch {words} {SOON}"), Room(home, sys.stderr))


def lines(home: Path, words: str = "") -> Iterator[str]:
    """The lines as they come, without their times."""
    stream = watch(home, words).stream
    assert stream is not None
    return (re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "", line) for line in stream)


def until(coming: Iterator[str], words: str) -> str:
    """The next line that holds these words."""
    return next(line for line in coming if words in line)


@contextmanager
def watcher(*words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "skill", "watch", *SOON.split(), *words],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as door:
        try:
            yield door
        finally:
            door.kill()


def test_a_run_is_watched_until_it_ends_and_the_exit_code_says_how(home: Path) -> None:
    start_and_meet(home, "work", "a")
    with watcher("a") as door:
        assert door.stdout is not None
        assert " a is running" in door.stdout.readline()
        request_stop(home, "a")
        out, err = door.communicate(timeout=PATIENCE_S)
    assert (door.returncode, err) == (75, "")
    assert re.search(r" a stopped at \d+ \(user_stop\): somebody asked it to stop\.", out)
    assert out.endswith("Next: `/train resume a`.\n")


def test_a_run_that_is_over_is_told_at_once(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(home, "complete", "a")
    finished(home, "a")
    assert main(["/train watch a"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(
        "a succeeded at 20 (completed): training reached its last step. Next: `/train eval a`."
    )


def test_a_run_that_nobody_has_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(home, "complete", "ppo_v1")
    assert main(["/train watch ppo_v2"]) == 3
    told = capsys.readouterr()
    assert (told.out, "`/train status ppo_v1`" in told.err) == ("", True)


def test_all_runs_are_watched_as_they_come_end_and_go_on(home: Path) -> None:
    coming = lines(home)
    assert next(coming).startswith("- no run is active or queued;")
    start_and_meet(home, "work", "a")
    assert next(coming).startswith("a is running")
    request_stop(home, "a")
    assert until(coming, "a stopped at").endswith("Next: `/train resume a`.")
    request_resume(home, "a")
    until(coming, "a goes on")


def test_a_run_that_began_and_ended_between_two_looks_is_told(home: Path) -> None:
    start(home, "complete", "old")
    finished(home, "old")
    coming = lines(home)
    next(coming)
    start(home, "complete", "a")
    finished(home, "a")
    assert until(coming, "succeeded").startswith("a succeeded at 20 (completed)")


@pytest.mark.usefixtures("own_slots")
def test_a_queue_that_nobody_else_moves_on_is_moved_on_by_who_watches(home: Path) -> None:
    start_and_meet(home, "work", "a")
    start(home, "work", "b", plan=Plan(after="a"))
    coming = lines(home, "b")
    assert next(coming).startswith("b is queued: number 1 in the queue, waiting for run `a`.")
    kill_both(RunFolder(home, "a"))
    assert until(coming, "b is running").startswith("b ")


def test_runs_that_vanish_or_are_damaged_end_no_watching(home: Path) -> None:
    start_and_meet(home, "work", "a")
    for run_id in ("b", "c"):
        start(home, "work", run_id, digest=run_id, plan=Plan(after="a"))
    coming = lines(home)
    for first in ("a is running", "b is queued", "c is queued"):
        until(coming, first)
    shutil.rmtree(RunFolder(home, "b").path)
    assert until(coming, "b cannot") == (
        "b cannot be followed any more: its folder is gone. Next: `/train doctor`."
    )
    RunFolder(home, "c").request.write_text("{")
    until(coming, "c cannot be followed any more: its record is damaged.")
    request_stop(home, "a")
    until(coming, "a stopped at")


def test_watching_one_run_ends_when_it_is_gone(home: Path) -> None:
    start_and_meet(home, "work", "a")
    start(home, "work", "b", plan=Plan(after="a"))
    report = watch(home, "b")
    assert report.stream is not None
    assert report.closing is not None
    next(report.stream)
    shutil.rmtree(RunFolder(home, "b").path)
    (last,) = report.stream
    assert "its folder is gone" in last
    assert report.closing() == 3


def test_a_home_that_cannot_be_read_for_a_while_is_told_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coming = lines(home)
    next(coming)
    failures = iter([OSError(5, "Input/output error")] * 3)

    def fail(at: Path) -> object:
        for error in failures:
            raise error
        return moved_on(at)

    monkeypatch.setattr("skill.actions.watching.moved_on", fail)
    assert next(coming) == (
        "- alert: the runs cannot be looked at (Input/output error); tried again and again. "
        "Next: `/train doctor`."
    )
    start_and_meet(home, "work", "a")
    assert next(coming).startswith("a is running")


def test_programs_get_an_object_a_line(home: Path) -> None:
    start(home, "complete", "a")
    finished(home, "a")
    stream = watch(home, "a --json").stream
    assert stream is not None
    (news,) = map(json.loads, stream)
    assert (news["run"], news["event"], news["state"]) == ("a", "state", "succeeded")
    assert (news["step"], news["next"]) == (20, "`/train eval a`")
    assert news["at"] >= find_run(home, "a").created


def test_watching_ends_when_nobody_reads_any_more(home: Path) -> None:
    assert not home.exists()
    with watcher() as door:
        assert door.stdout is not None
        assert "no run is active" in door.stdout.readline()
        door.stdout.close()
        assert door.wait(PATIENCE_S) == 0
        assert door.stderr is not None
        assert door.stderr.read() == ""


def test_a_test_event_comes_and_ends_the_watching(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["/train watch --test"]) == 0
    assert "test event of the watcher" in capsys.readouterr().out
    assert main(["/train watch --test --json"]) == 0
    assert json.loads(capsys.readouterr().out)["event"] == "test"
    assert main(["/train watch a --test"]) == 2
    assert not home.exists()


def test_a_chat_hears_of_what_matters_alone(home: Path) -> None:
    start(home, "complete", "old")
    finished(home, "old")
    start_and_meet(home, "work", "a")
    coming = lines(home, "--chat one")
    request_stop(home, "a")
    first = next(coming)
    assert first.startswith(("a is stopping", "a stopped at"))
    if "is stopping" in first:
        assert next(coming).startswith("a stopped at")
    request_resume(home, "a")
    assert next(coming).startswith(("a is queued", "a goes on"))


def test_a_chat_has_one_watcher_however_often_it_is_armed(home: Path) -> None:
    start_and_meet(home, "work", "a")
    first = watch(home, "--chat one").stream
    assert first is not None
    request_stop(home, "a")
    assert next(first)
    finished(home, "a")
    with watcher("--chat", "one", "a") as second:
        assert second.communicate(timeout=PATIENCE_S) == ("", "")
    for another in ("--chat two", "--chat ''"):
        assert "a stopped at" in next(lines(home, f"a {another}"))
    del first
    assert "a stopped at" in next(lines(home, "a --chat one"))


def test_the_monitors_of_the_plugin_start_a_watcher(home: Path) -> None:
    monitors = json.loads((PROJECT / "monitors" / "monitors.json").read_text())
    # A typed `/train` goes by the plugin's full name, a folder of skills by the short one.
    assert {one["when"] for one in monitors} == {
        "on-skill-invoke:train",
        "on-skill-invoke:train:train",
    }
    start(home, "complete", "a")
    finished(home, "a")
    for one in monitors:
        done = subprocess.run(
            ["/bin/sh", "-c", f"{one['command']} a --json"],
            env=os.environ
            | {
                "CLAUDE_PLUGIN_ROOT": str(PROJECT),
                "CLAUDE_CODE_SESSION_ID": "b",
                "DRIVETRAIN_PYTHON": sys.executable,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["says"].startswith("succeeded at 20")
