"""MLflow shows what the events tell, once, whoever tells it."""

from pathlib import Path

import pytest

from drivetrain.runs.atomic import replace_json
from drivetrain.runs.record import How, Reason, Verdict
from drivetrain.tracking.mirror import Mirror
from drivetrain.tracking.store import store_file, store_uri
from tests.tracking.written_runs import curve, end, ledger_of, shown, tell, written_run


def test_events_become_curves_params_and_tags(home: Path) -> None:
    folder = written_run(home)
    tell(folder, 0, "started")
    tell(folder, 10, reward=1.5, approx_kl=0.01, broken=None)
    tell(folder, 20, reward=2.5)
    tell(folder, 20, "evaluated", success=0.5)
    tell(folder, 20, "best", file="best.pt", reward=2.0)
    tell(folder, 20, "warning", text="the disk is nearly full")
    Mirror(folder).catch_up()
    assert curve(folder, "reward") == [(10, 1.5), (20, 2.5)]
    assert curve(folder, "eval/success") == [(20, 0.5)]
    run = shown(folder)
    assert set(run.data.metrics) == {"reward", "approx_kl", "eval/success"}
    assert run.data.params == {"seed": "3", "ppo.gamma": "0.98", "policy.hidden": "[64, 64]"}
    assert run.info.run_name == "r1"
    assert run.info.status == "RUNNING"
    told = {name: run.data.tags.get(name) for name in ("algorithm", "digest", "best_step")}
    assert told == {"algorithm": "PPO", "digest": "d1", "best_step": "20"}
    assert run.data.tags["warning"] == "the disk is nearly full"
    assert run.data.tags["mlflow.source.git.commit"] == "c0ffee"


def test_the_ledger_says_where_and_how_far(home: Path) -> None:
    folder = written_run(home)
    tell(folder, 10, reward=1.5)
    Mirror(folder).catch_up()
    ledger = ledger_of(folder)
    assert ledger["v"] == 1
    assert ledger["run_id"] == shown(folder).info.run_id
    assert ledger["uri"] == store_uri(home)
    assert ledger["offset"] == folder.events.stat().st_size
    assert ledger["closed"] is None


def test_a_line_is_told_once_it_is_whole(home: Path) -> None:
    folder = written_run(home)
    mirror = Mirror(folder)
    tell(folder, 10, reward=1.5)
    whole = folder.events.read_bytes()
    folder.events.write_bytes(whole[:-5])
    mirror.catch_up()
    assert ledger_of(folder)["offset"] == 0
    folder.events.write_bytes(whole)
    mirror.catch_up()
    assert curve(folder, "reward") == [(10, 1.5)]


def test_a_line_that_is_nested_without_end_is_passed_over(home: Path) -> None:
    folder = written_run(home)
    folder.events.write_bytes(b"[" * 10_000 + b"\n")
    tell(folder, 10, reward=1.5)
    Mirror(folder).catch_up()
    assert curve(folder, "reward") == [(10, 1.5)]


def test_a_replay_changes_nothing(home: Path) -> None:
    folder = written_run(home)
    for step in range(400):
        tell(folder, step, reward=step / 8, loss=1.0, entropy=2.0)
    Mirror(folder).catch_up()
    before = ledger_of(folder)["run_id"]
    folder.tracking.unlink()
    Mirror(folder).catch_up()
    assert ledger_of(folder)["run_id"] == before
    assert curve(folder, "reward") == [(step, step / 8) for step in range(400)]


def test_a_store_that_was_deleted_is_made_anew(home: Path) -> None:
    folder = written_run(home)
    tell(folder, 10, reward=1.5)
    Mirror(folder).catch_up()
    store_file(home).unlink()
    tell(folder, 20, reward=2.5)
    Mirror(folder).catch_up()
    assert curve(folder, "reward") == [(10, 1.5), (20, 2.5)]


@pytest.mark.parametrize(
    ("how", "reason", "status"),
    [
        ("succeeded", "completed", "FINISHED"),
        ("stopped", "user_stop", "KILLED"),
        ("interrupted", "preempted", "KILLED"),
        ("failed", "nan", "FAILED"),
        ("lost", "supervisor_died", "FAILED"),
    ],
)
def test_a_closed_run_shows_how_it_ended(
    home: Path, how: How, reason: Reason, status: str
) -> None:
    folder = written_run(home)
    tell(folder, 10, reward=1.5)
    end(folder, Verdict(how, reason, "in words", 10))
    Mirror(folder).close()
    run = shown(folder)
    assert run.info.status == status
    assert run.info.end_time == round(folder.attempt(1).exit.stat().st_mtime * 1000)
    told = {
        name: run.data.tags[name] for name in ("how", "reason", "detail", "step", "attempt")
    }
    wanted = {"how": how, "reason": reason, "detail": "in words", "step": "10", "attempt": "1"}
    assert told == wanted
    assert curve(folder, "reward") == [(10, 1.5)]
    assert ledger_of(folder)["closed"] == {"attempt": 1, "how": how, "reason": reason}


def test_a_run_that_was_told_is_not_told_again(home: Path) -> None:
    folder = written_run(home)
    end(folder, Verdict("failed", "config"))
    Mirror(folder).close()
    store_file(home).unlink()
    Mirror(folder).close()
    assert not store_file(home).exists()


def test_what_was_written_after_the_end_was_told_is_told_too(home: Path) -> None:
    folder = written_run(home)
    end(folder, Verdict("lost", "supervisor_died"))
    Mirror(folder).close()
    tell(folder, 30, reward=3.0)
    Mirror(folder).close()
    assert curve(folder, "reward") == [(30, 3.0)]
    assert shown(folder).info.status == "FAILED"


def test_a_run_that_goes_on_stays_the_same_mlflow_run(home: Path) -> None:
    folder = written_run(home)
    tell(folder, 10, reward=1.0)
    end(folder, Verdict("lost", "supervisor_died", "both vanished", step=10))
    Mirror(folder).close()
    first = shown(folder).info.run_id
    folder.attempt(2).path.mkdir()
    tell(folder, 10, "resumed")
    tell(folder, 20, reward=2.0)
    mirror = Mirror(folder)
    mirror.go_on(2)
    mirror.catch_up()
    run = shown(folder)
    assert (run.info.run_id, run.info.status) == (first, "RUNNING")
    assert (run.data.tags["attempt"], run.data.tags["resumed_at"]) == ("2", "10")
    assert not {"how", "reason", "detail", "step"} & set(run.data.tags)
    Mirror(folder).close()
    assert shown(folder).info.status == "RUNNING", "the second attempt has not ended"
    end(folder, Verdict("succeeded", "completed", step=20), attempt=2)
    Mirror(folder).close()
    assert shown(folder).info.status == "FINISHED"
    assert curve(folder, "reward") == [(10, 1.0), (20, 2.0)]


def test_how_the_best_policy_drove_is_shown_with_the_end(home: Path) -> None:
    folder = written_run(home)
    own = {"name": "r1 (best)", "episodes": 4, "success": {"rate": 0.75}, "reward": {"mean": 8}}
    facts = {"data": {"split": "test"}, "step": 20, "drivers": [own, {"name": "IDM"}]}
    replace_json(folder.evaluation, facts)
    end(folder, Verdict("succeeded", "completed", step=20))
    Mirror(folder).close()
    assert shown(folder).data.metrics == {"test/success": 0.75, "test/reward": 8.0}


def test_a_run_of_the_same_name_after_a_deleted_one_is_another(home: Path) -> None:
    folder = written_run(home)
    Mirror(folder).catch_up()
    first = ledger_of(folder)["run_id"]
    folder.tracking.unlink()
    asked = folder.request.read_text().replace("1700000000.5", "1700000001.5")
    folder.request.write_text(asked)
    Mirror(folder).catch_up()
    assert ledger_of(folder)["run_id"] != first
