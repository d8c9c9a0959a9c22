"""What a trainer tells, and what follows from it: rate, end, promises."""

import json
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain import checkpoint_units
from drivetrain.runs import disk_watch
from drivetrain.runs.boot import start_time
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.locks import held
from drivetrain.runs.outcome import reason_of
from drivetrain.runs.pace import Pace
from drivetrain.runs.phases import Phases
from drivetrain.runs.progress import read_progress
from drivetrain.runs.telemetry import RunTelemetry


class HandClock:
    """A clock that goes as told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def wall(self) -> float:
        return self.now

    def mono(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[RunFolder]:
    """A run folder of this process's own."""
    import signal

    folder = RunFolder(tmp_path, "r1")
    folder.path.mkdir(parents=True)
    before = signal.getsignal(signal.SIGTERM)
    yield folder
    signal.signal(signal.SIGTERM, before)


def events(folder: RunFolder) -> list[dict[str, object]]:
    return [json.loads(line) for line in folder.events.read_text().splitlines()]


def test_the_status_shows_step_reward_rate_and_end(folder: RunFolder) -> None:
    clock = HandClock()
    with RunTelemetry(folder, 1, total=10_000, clock=clock) as telemetry:
        telemetry.write(0, {})
        for step in range(100, 5_001, 100):
            clock.now += 1
            telemetry.write(step, {"reward": step / 100, "best_reward": 60.0})
    seen = read_progress(folder)
    assert seen is not None
    assert (seen.step, seen.total, seen.reward, seen.best_reward) == (5000, 10_000, 50.0, 60.0)
    assert seen.rate == pytest.approx(100)
    assert seen.eta_s == pytest.approx(50)
    assert seen.eta_low_s is None
    assert seen.rss is not None
    assert seen.rss > 1_000_000


def test_evaluations_and_saves_slow_no_rate_but_delay_the_end(folder: RunFolder) -> None:
    clock = HandClock()
    telemetry = RunTelemetry(folder, 1, clock=clock)
    telemetry.expect(10_000, eval_every=1_000)
    with telemetry:
        telemetry.write(0, {})
        for step in range(100, 5_001, 100):
            clock.now += 1
            telemetry.write(step, {"reward": 1.0})
            if step % 1_000 == 0:
                with telemetry.phase("eval"):
                    clock.now += 30
    seen = read_progress(folder)
    assert seen is not None
    assert seen.rate == pytest.approx(100)
    assert seen.eval_s == pytest.approx(30)
    assert seen.eta_s == pytest.approx(50 + 6 * 30)


def test_no_end_is_told_before_it_can_be_known(folder: RunFolder) -> None:
    clock = HandClock()
    with RunTelemetry(folder, 1, total=1000, clock=clock) as telemetry:
        telemetry.write(0, {})
        clock.now += 5
        telemetry.write(50, {})
    seen = read_progress(folder)
    assert seen is not None
    assert seen.eta_s is None


def test_events_are_whole_lines_of_plain_json(folder: RunFolder) -> None:
    with RunTelemetry(folder, 1) as telemetry:
        telemetry.write(1, {"reward": math.nan, "loss": float(np.float32(0.5))})
        telemetry.event(1, "best", path=Path("best.pt"), rates={"collision": np.float64(0.25)})
        telemetry.event(1, "warning", text="x" * 100_000)
    said = events(folder)
    assert [event["event"] for event in said] == ["started", "metrics", "best", "warning"]
    assert said[1]["reward"] is None
    assert said[2]["path"] == "best.pt"
    assert said[2]["rates"] == {"collision": 0.25}
    assert max(map(len, folder.events.read_bytes().splitlines())) < 4096


def test_metrics_are_thinned_and_the_last_ones_kept(folder: RunFolder) -> None:
    clock = HandClock()
    with RunTelemetry(folder, 1, clock=clock) as telemetry:
        for step in range(1, 1001):
            clock.now += 0.01
            telemetry.write(step, {"reward": float(step)})
    metrics = [event for event in events(folder) if event["event"] == "metrics"]
    assert len(metrics) < 15
    assert metrics[-1]["reward"] == 1000.0


def test_a_full_disk_does_not_stop_a_trainer(folder: RunFolder) -> None:
    with RunTelemetry(folder, 1) as telemetry:
        folder.events.unlink()
        folder.events.symlink_to("/dev/full")
        telemetry.write(1, {"reward": 1.0})
        telemetry.event(1, "best")
        assert not telemetry.should_stop()


def test_what_the_disk_did_not_take_is_counted(folder: RunFolder) -> None:
    with RunTelemetry(folder, 1) as telemetry:
        folder.events.unlink()
        folder.events.symlink_to("/dev/full")
        telemetry.event(1, "best")
        telemetry.event(2, "best")
    seen = read_progress(folder)
    assert seen is not None
    assert seen.dropped == 2


def test_a_disk_that_runs_full_is_warned_of_once(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HandClock()
    free = shutil.disk_usage(folder.path).free
    monkeypatch.setattr(disk_watch, "LEAST_FREE", free // 2)
    with RunTelemetry(folder, 1, clock=clock) as telemetry:
        assert [event["event"] for event in events(folder)] == ["started"]
        monkeypatch.setattr(disk_watch, "LEAST_FREE", free * 2)
        for step in range(1, 5):
            clock.now += 60
            with telemetry.phase("save"):
                telemetry.write(step, {})
    warned = [event["text"] for event in events(folder) if event["event"] == "warning"]
    assert len(warned) == 1
    assert f"MB are free in {folder.home}" in str(warned[0])
    seen = read_progress(folder)
    assert seen is not None
    assert seen.disk_low


def test_the_status_shows_the_newest_saved_state(folder: RunFolder) -> None:
    with RunTelemetry(folder, 1) as telemetry:
        for step in (20, 40):
            with telemetry.phase("save"):
                checkpoint_units.write(folder.units, step, {}, {})
    seen = read_progress(folder)
    assert seen is not None
    assert seen.last_unit == 40


def test_a_resumed_attempt_counts_from_where_it_goes_on(folder: RunFolder) -> None:
    clock = HandClock()
    with RunTelemetry(folder, 2, first_step=400, total=1_000, clock=clock) as telemetry:
        seen = read_progress(folder)
        assert seen is not None
        assert seen.step == 400
        telemetry.begin_at(300)
        telemetry.write(300, {})
        clock.now += 40
        telemetry.write(500, {})
        clock.now += 40
        telemetry.write(700, {})
    seen = read_progress(folder)
    assert seen is not None
    assert seen.rate == pytest.approx(5)
    assert seen.eta_s == pytest.approx(60)
    said = events(folder)
    assert [(event["event"], event["step"]) for event in said[:2]] == [
        ("started", 400),
        ("resumed", 300),
    ]


def test_a_first_attempt_is_not_resumed(folder: RunFolder) -> None:
    with RunTelemetry(folder, 1) as telemetry:
        telemetry.begin_at(0)
    assert [event["event"] for event in events(folder)] == ["started"]


def test_a_line_that_a_power_cut_tore_does_not_spoil_the_next(folder: RunFolder) -> None:
    folder.events.write_text('{"event": "started"}\n{"event": "met', encoding="utf-8")
    with RunTelemetry(folder, 2):
        pass
    lines = folder.events.read_text(encoding="utf-8").splitlines()
    assert lines[1] == '{"event": "met'
    assert json.loads(lines[2])["attempt"] == 2


def test_the_status_tells_how_the_tracker_does(folder: RunFolder) -> None:
    with RunTelemetry(folder, 1) as telemetry:
        telemetry.tracker = "off: database is locked"
    seen = read_progress(folder)
    assert seen is not None
    assert seen.tracker == "off: database is locked"


def test_a_stop_request_is_heard_and_only_by_its_own_attempt(folder: RunFolder) -> None:
    clock = HandClock()
    with RunTelemetry(folder, 2, clock=clock) as telemetry:
        folder.stop_request.write_text('{"attempt": 1}', encoding="utf-8")
        clock.now += 1
        assert not telemetry.should_stop()
        folder.stop_request.write_text('{"attempt": 2}', encoding="utf-8")
        clock.now += 1
        assert telemetry.should_stop()
        assert telemetry.stop_reason() == "user_stop"


@settings(max_examples=50, deadline=None)
@given(rate=st.floats(0.01, 1e6), laps=st.lists(st.floats(0.1, 300), min_size=1, max_size=50))
def test_a_steady_pace_is_told_as_it_is(rate: float, laps: list[float]) -> None:
    pace, done = Pace(), 0.0
    for lap_s in laps:
        done += max(1.0, rate * lap_s)
        pace.train_for(lap_s if rate * lap_s >= 1 else 1 / rate)
        pace.reach(round(done))
    assert pace.rate == pytest.approx(rate, rel=0.5)


def test_a_pace_follows_a_change_with_a_half_life_of_two_minutes() -> None:
    pace, step = Pace(), 0
    for rate in (100, 200):
        for _ in range(120 if rate == 200 else 3600):
            step += rate
            pace.train_for(1.0)
            pace.reach(step)
    assert pace.rate == pytest.approx(150, rel=0.01)


def test_an_uneven_pace_is_told_as_a_range() -> None:
    pace, step = Pace(), 0
    for rate in [50, 150] * 50:
        step += rate
        pace.train_for(1.0)
        pace.reach(step)
    assert pace.range() == (50, 150)


def test_a_slow_phase_promises_more_than_a_step_and_learns_how_much() -> None:
    phases = Phases("import", now=0.0)
    phases.begin_training(10.0)
    phases.check_in(11.0)
    assert phases.next_by == 41.0
    phases.enter("eval", 11.0)
    assert phases.next_by == 311.0
    phases.leave(111.0)
    assert phases.next_by == 141.0
    phases.enter("eval", 120.0)
    assert phases.next_by == 120.0 + 3 * 100.0 + 60.0


def test_a_promise_grows_with_the_longest_silence_between_steps() -> None:
    phases = Phases("import", now=0.0)
    phases.begin_training(0.0)
    phases.check_in(20.0)
    assert phases.next_by == 80.0


@pytest.mark.parametrize("name", ["train", "bc", "gail"])
def test_every_phase_of_steps_promises_the_next_one_soon(name: str) -> None:
    phases = Phases("import", now=0.0)
    phases.begin_training(0.0)
    if name != "train":
        phases.enter(name, 0.0)
    phases.check_in(1.0)
    assert phases.is_learning
    assert phases.next_by == 31.0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (type("OutOfMemoryError", (RuntimeError,), {})("full"), "gpu_oom"),
        (RuntimeError("CUDA error: an illegal memory access"), "gpu_error"),
        (ValueError("Expected parameter loc of distribution Normal"), "nan"),
        (BrokenPipeError(), "env_worker_died"),
        (MemoryError(), "host_oom"),
        (RuntimeError("something else"), "error"),
    ],
)
def test_errors_of_libraries_get_reasons_of_the_field(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


def test_an_attempt_that_starts_over_voids_what_the_one_before_told(folder: RunFolder) -> None:
    for attempt in (1, 2):
        RunTelemetry(folder, attempt).begin_at(0)
    assert [(event["event"], event["attempt"]) for event in events(folder)] == [("resumed", 2)]


def test_a_trainer_whose_supervisor_died_says_so_while_somebody_settles_that(
    folder: RunFolder,
) -> None:
    attempt = folder.attempt(1)
    attempt.path.mkdir(parents=True)
    telemetry = RunTelemetry(folder, 1)
    for supervisor, reason in ((os.getppid(), "preempted"), (os.getpid(), "supervisor_died")):
        identity = {"pid": supervisor, "start": start_time(supervisor)}
        attempt.proc.write_text(json.dumps({"supervisor": identity}))
        with held(folder.run_lock):
            assert telemetry.stop_reason() == reason
