"""Asking ended runs to go on."""

import json
from pathlib import Path
from typing import Any

import pytest

from drivetrain.errors import ConflictError, DataError, NotFoundError, RequestError
from drivetrain.runs import launch, patience, resume
from drivetrain.runs.atomic import read_json, replace_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.launched import read_launch
from drivetrain.runs.locks import held
from drivetrain.runs.record import Ended, Queued
from drivetrain.runs.registry import find_run, overview
from drivetrain.runs.resume import Raised, request_resume
from drivetrain.runs.schedule import schedule_step
from drivetrain.runs.stop import request_stop
from tests.runs.living import (
    at_once,
    attempt_of,
    ended,
    finished,
    is_training,
    kill,
    meet,
    save,
    spec,
    start,
    start_and_meet,
)


def stopped(home: Path, way: str = "work") -> Ended:
    """A run that trained, saved and was stopped."""
    start_and_meet(home, way)
    request_stop(home, "r1")
    return ended(home)


def launch_facts(folder: RunFolder) -> dict[str, Any]:
    facts = read_json(attempt_of(folder).launch)
    assert facts is not None
    return facts


def events(folder: RunFolder, name: str) -> list[dict[str, Any]]:
    lines = map(json.loads, folder.events.read_text(encoding="utf-8").splitlines())
    return [event for event in lines if event["event"] == name]


def test_a_stopped_run_goes_on_from_the_step_it_saved(home: Path) -> None:
    first = stopped(home)
    assert first.next_action == "`/train resume r1`"
    reply = request_resume(home, "r1")
    assert (reply.did, reply.from_step) == ("queued", first.unit)
    run = meet(home, "r1", lambda run: is_training(run) and attempt_of(run.folder).number == 2)
    assert run.progress is not None
    assert run.progress.step >= reply.from_step > 0
    assert [event["step"] for event in events(run.folder, "resumed")] == [first.unit]
    request_stop(home, "r1")
    second = ended(home)
    assert (second.attempt, second.how) == (2, "stopped")
    assert second.unit is not None
    assert second.unit >= reply.from_step


def test_an_attempt_says_what_made_it_and_where_it_began(home: Path) -> None:
    first = stopped(home)
    folder = request_resume(home, "r1").run.folder
    facts = launch_facts(folder)
    assert (facts["by"], facts["from_step"]) == ("user", first.unit)
    assert (facts["total_steps"], facts["stalled_for_s"]) == (None, 600.0)
    assert facts["units"] == str(folder.units)
    before = read_launch(folder.attempt(1))
    assert before is not None
    assert (before.by, before.from_step) == ("start", 0)


def test_an_end_on_record_is_never_written_anew(home: Path) -> None:
    first = stopped(home)
    exit_record = RunFolder(home, "r1").attempt(1).exit
    told = exit_record.read_bytes()
    request_stop(home, "r1")
    request_resume(home, "r1")
    kill(RunFolder(home, "r1"), "trainer")
    assert ended(home).attempt == 2
    overview(home)
    schedule_step(home)
    assert exit_record.read_bytes() == told
    assert first.at == exit_record.stat().st_mtime


def test_asking_an_active_run_is_refused_with_what_to_type(home: Path) -> None:
    start_and_meet(home, "work")
    with pytest.raises(ConflictError, match=r"`r1` is still active.*`/train stop r1`"):
        request_resume(home, "r1")


def test_a_completed_run_goes_on_only_to_a_higher_total(home: Path) -> None:
    start(home, "complete")
    assert ended(home).unit == 20
    for total in (None, 20, 5):
        with pytest.raises(ConflictError, match=r"completed, 20 steps.*`.*--steps 40`\.$"):
            request_resume(home, "r1", Raised(total_steps=total))
    assert request_resume(home, "r1", Raised(total_steps=30)).from_step == 20
    end = ended(home)
    assert (end.reason, end.step, end.attempt) == ("completed", 30, 2)


def test_the_total_to_type_is_above_what_the_last_rollout_reached(home: Path) -> None:
    folder = start(home, "complete").run.folder
    ended(home)
    record = attempt_of(folder).exit
    replace_json(record, (read_json(record) or {}) | {"step": 50})
    with pytest.raises(ConflictError, match=r"completed, 50 steps.*`.*--steps 60`\.$"):
        request_resume(home, "r1")
    assert request_resume(home, "r1", Raised(total_steps=60)).did == "queued"


def test_a_total_is_never_lowered(home: Path) -> None:
    stopped(home)
    with pytest.raises(RequestError, match=r"`--steps 19` is lower.*20 steps.*resume r1`\.$"):
        request_resume(home, "r1", Raised(total_steps=19))
    assert isinstance(find_run(home, "r1").state, Ended)


def test_a_raised_total_stays_raised(home: Path) -> None:
    stopped(home)
    folder = request_resume(home, "r1", Raised(total_steps=500_000)).run.folder
    meet(home, "r1", is_training)
    request_stop(home, "r1")
    ended(home)
    request_resume(home, "r1")
    assert launch_facts(folder)["total_steps"] == 500_000
    assert (read_json(folder.resume_request) or {})["total_steps"] == 500_000


def test_a_run_that_saved_nothing_starts_over(home: Path) -> None:
    folder = start_and_meet(home, "work").folder
    kill(folder, "trainer")
    assert not ended(home).resumable
    assert request_resume(home, "r1").from_step == 0
    meet(home, "r1", is_training)
    assert attempt_of(folder).number == 2


def test_a_run_stopped_before_it_began_can_begin_after_all(home: Path) -> None:
    launch._reserve(home, spec("complete"))
    request_stop(home, "r1")
    assert ended(home).next_action == "`/train resume r1`"
    request_resume(home, "r1")
    assert ended(home).reason == "completed"


def damage(path: Path) -> None:
    """The same size, other bytes: only a hash tells."""
    path.write_bytes(bytes(len(path.read_bytes())))


def test_a_damaged_state_is_passed_over_for_the_one_before(home: Path) -> None:
    stopped(home)
    folder = RunFolder(home, "r1")
    newer = save(folder, 900_000)
    damage(newer.file("policy.pt"))
    reply = request_resume(home, "r1")
    assert 0 < reply.from_step < 900_000


def test_where_every_state_is_damaged_nothing_is_started(home: Path) -> None:
    stopped(home)
    folder = RunFolder(home, "r1")
    for file in folder.units.glob("*/policy.pt"):
        damage(file)
    with pytest.raises(
        DataError, match=r"No saved state of run `r1` is whole.*`/train doctor`"
    ):
        request_resume(home, "r1")
    assert isinstance(find_run(home, "r1").state, Ended)


def test_an_unknown_run_cannot_go_on(home: Path) -> None:
    start(home, "complete", "ppo_v1")
    with pytest.raises(NotFoundError, match=r"no run `ppo_v2`.*`/train status ppo_v1`"):
        request_resume(home, "ppo_v2")


@pytest.fixture
def waiting(home: Path) -> Path:
    """A home in which `r1` waits to go on, while a request of its own is all there is."""
    start_and_meet(home, "work")
    request_stop(home, "r1")
    finished(home)
    folder = RunFolder(home, "r1")
    folder.resume_request.write_text('{"v": 1, "attempt": 1, "by": "user", "wall": 0}')
    return home


def test_a_run_that_waits_to_go_on_is_queued_and_says_why(waiting: Path) -> None:
    state = find_run(waiting, "r1").state
    assert isinstance(state, Queued)
    assert (state.attempt, state.by) == (2, "user")


def test_a_repeated_request_starts_what_the_first_did_not(waiting: Path) -> None:
    reply = request_resume(waiting, "r1")
    assert reply.did == "repeated"
    meet(waiting, "r1", is_training)
    assert attempt_of(reply.run.folder).number == 2


def test_a_request_without_its_asker_is_met_by_the_next_look_at_all_runs(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_and_meet(home, "work")
    request_stop(home, "r1")
    finished(home)
    overview(home)

    class Killed(BaseException):
        pass

    def ask_and_die(path: Path, facts: dict[str, Any]) -> None:
        replace_json(path, facts)
        raise Killed

    monkeypatch.setattr(resume, "replace_json", ask_and_die)
    with pytest.raises(Killed):
        request_resume(home, "r1")
    assert [run.id for run in overview(home).queued] == ["r1"]
    assert schedule_step(home) == 1


def test_a_request_that_the_index_never_heard_of_is_met_once_its_run_is_looked_at(
    waiting: Path,
) -> None:
    assert overview(waiting).queued == ()
    find_run(waiting, "r1")
    assert [run.id for run in overview(waiting).queued] == ["r1"]


def test_a_run_that_waits_to_go_on_can_be_stopped_and_resumed_again(waiting: Path) -> None:
    before = find_run(waiting, "r1").progress
    reply = request_stop(waiting, "r1")
    end = ended(waiting)
    assert reply.did == "never_started"
    assert (end.how, end.reason, end.attempt) == ("stopped", "user_stop", 2)
    assert end.detail == "stopped before it went on"
    assert end.resumable
    assert before is not None
    assert end.step == before.step
    request_resume(waiting, "r1")
    meet(waiting, "r1", is_training)
    assert attempt_of(RunFolder(waiting, "r1")).number == 3


def test_a_resumed_run_moves_from_the_ended_to_the_active_and_back(home: Path) -> None:
    stopped(home)
    assert [run.id for run in overview(home).ended] == ["r1"]
    request_resume(home, "r1")
    meet(home, "r1", is_training)
    seen = overview(home)
    assert ([run.id for run in seen.active], seen.ended, seen.ended_total) == (["r1"], (), 0)
    request_stop(home, "r1")
    ended(home)
    seen = overview(home)
    assert (seen.active, [run.id for run in seen.ended], seen.ended_total) == ((), ["r1"], 1)


def test_a_resume_does_not_wait_for_ever_for_whoever_holds_the_run(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(home)
    finished(home)
    monkeypatch.setattr(patience, "PATIENCE_S", 0.05)
    with (
        held(RunFolder(home, "r1").run_lock),
        pytest.raises(ConflictError, match=r"held run `r1`.*`/train doctor`"),
    ):
        request_resume(home, "r1")


RESUMER = """
import fcntl, sys
from pathlib import Path
from drivetrain.errors import ConflictError
from drivetrain.runs.resume import Raised, request_resume
home, gate = sys.argv[1:]
print("ready", flush=True)
with open(gate) as file:
    fcntl.flock(file, fcntl.LOCK_SH)
try:
    print(request_resume(Path(home), "r1").did)
except ConflictError:
    print("active")
"""


def test_many_who_ask_at_once_make_one_attempt(home: Path, tmp_path: Path) -> None:
    stopped(home)
    said = at_once(RESUMER, [[str(home)]] * 8, tmp_path)
    assert set(said) <= {"queued", "repeated", "active"}
    assert "queued" in said
    meet(home, "r1", is_training)
    attempts = RunFolder(home, "r1").attempts
    assert sorted(path.name for path in attempts.iterdir()) == ["001", "002"]
