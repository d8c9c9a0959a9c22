"""An agent is stopped by what it was given, told so, and what it started is named."""

import os
from pathlib import Path
from typing import Any

import pytest

from agents.limits import Budget, Limits
from agents.repetition import Repetition
from agents.started import StartedRuns
from drivetrain.runs.atomic import replace_json
from drivetrain.runs.folder import RunFolder
from skill.tools.catalog import tool_named
from skill.tools.reply import Reply
from tests.agents.scripts import in_turn, use
from tests.agents.worked import Work
from tests.clients.messages_api import Asked, Say, Use
from trainers.ppo_request import PPORequest

SMALL = {"device": "cpu", "set": ["environment.num_envs=2"]}
HOUR_S = 3600.0


class NoonClock:
    """It is noon of a day long ago."""

    def wall(self) -> float:
        return 12 * HOUR_S

    def mono(self) -> float:
        return 0.0


def look_on(asked: Asked) -> Say:
    """A call that differs each time."""
    number = len(asked.results)
    return use("train_status", run=f"no_such_{number}")


def test_after_its_turns_nothing_is_done_and_the_model_reports(work: Work) -> None:
    turns = (use("train_status"), use("train_data"), use("train_ppo", run_id="late"))
    done = work(
        "model-trainer", in_turn(*turns, Say("Two looks.")), options=("--max-turns", "2")
    )
    assert done.exit_code == 75
    assert [result.is_error for result in done.results] == [False, False, True]
    assert done.results[-1].text == (
        "The limit of 2 turns (`--max-turns`) is reached. Call nothing more; report what there "
        "is."
    )
    assert done.out == "Two looks.\n"
    assert (
        "\nThe limit of 2 turns (`--max-turns`) is reached.\nNo run was started.\n" in done.err
    )
    assert not (done.home / "runs").exists()


def test_a_model_that_calls_on_instead_of_reporting_is_cut_off(work: Work) -> None:
    done = work("model-trainer", look_on, options=("--max-turns", "2"))
    assert done.exit_code == 75
    assert len(done.api.asked) == 4
    assert len(done.audit) == 2


def test_a_report_within_the_turns_is_no_limit(work: Work) -> None:
    rule = in_turn(use("train_status"), Say("One look."))
    done = work("model-trainer", rule, options=("--max-turns", "1"))
    assert (done.exit_code, done.out) == (0, "One look.\n")


def test_after_its_tokens_nothing_is_done(work: Work) -> None:
    rule = in_turn(use("train_ppo", run_id="late"), Say("Nothing was done."))
    done = work("model-trainer", rule, options=("--max-tokens", "10"))
    assert done.exit_code == 75
    assert "The limit of 10 tokens (`--max-tokens`) is reached." in done.err
    assert not (done.home / "runs").exists()


def test_no_more_runs_are_started_than_it_may(work: Work) -> None:
    start = {"run_id": "a", **SMALL}
    done = work(
        "model-trainer",
        in_turn(
            Say(Use("train_ppo", start), Use("train_ppo", start | {"run_id": "b"})),
            Say(
                Use("train_ppo", start | {"run_id": "b", "dry_run": True}), Use("train_status")
            ),
            Say("One of two runs."),
        ),
        options=("--max-runs", "1"),
    )
    assert done.exit_code == 75
    assert [result.is_error for result in done.results] == [False, True, False, False]
    assert done.results[1].text == (
        "The limit of 1 runs (`--max-runs`) is reached; started were `a`. Start no more; "
        "report what there is."
    )
    assert [path.name for path in (done.home / "runs").glob("[a-z]")] == ["a"]
    assert "Started: `a` (" in done.err


def test_the_same_start_again_is_one_run(work: Work) -> None:
    start = use("train_ppo", run_id="a", **SMALL)
    other = use("train_ppo", run_id="b", **SMALL)
    done = work("model-trainer", in_turn(start, start, other), options=("--max-runs", "2"))
    assert done.results[1].text.startswith("## Run a is already there")
    assert done.exit_code == 0, done.err
    assert done.err.count("`a`") == done.err.count("`b`") == 1


def test_a_third_time_the_same_ends_the_work(work: Work) -> None:
    done = work("model-trainer", in_turn(*[use("train_data")] * 3, use("train_status")))
    assert done.exit_code == 75
    assert [result.is_error for result in done.results] == [False, False, True]
    assert done.results[2].text == (
        f"{done.results[0].text}\n\n`train_data` was called and answered the same for the "
        "third time. Call nothing more; report what there is."
    )
    assert len(done.audit) == 3
    assert "\n`train_data` was called and answered the same for the third time.\n" in done.err


def test_the_same_call_with_another_answer_is_no_circle() -> None:
    repetition = Repetition()
    answers = ["a", "b", "a", "b"]
    assert not any(repetition.is_circle("t", {"x": 1}, answer, 0.0) for answer in answers)
    assert repetition.is_circle("t", {"x": 1}, "a", 0.0)


def test_to_wait_again_is_no_circle() -> None:
    repetition = Repetition()
    assert not any(repetition.is_circle("train_wait", {}, "still", 45.0) for _ in range(9))


def recorded(
    home: Path, name: str, gpu: str | None, *hours: tuple[float, float | None]
) -> None:
    """A run whose attempts were launched and ended at these hours."""
    folder = RunFolder(home, name)
    request = PPORequest(run_id=name)
    for number, (begun, ended) in enumerate(hours, 1):
        attempt = folder.attempt(number)
        attempt.path.mkdir(parents=True)
        replace_json(attempt.launch, {"v": 1, "lease": {"gpu": gpu, "cpus": 1}})
        os.utime(attempt.launch, (begun * HOUR_S, begun * HOUR_S))
        if ended is not None:
            replace_json(attempt.exit, {"how": "stopped", "reason": "user_stop", "step": 1})
            os.utime(attempt.exit, (ended * HOUR_S, ended * HOUR_S))
    facts: dict[str, Any] = {
        "algorithm": "PPO",
        "digest": "d",
        "created": 0.0,
        "command": ["t"],
    }
    replace_json(folder.request, {**facts, "request": request.model_dump(mode="json")})


def started_by_agent(home: Path, *names: str) -> StartedRuns:
    started = StartedRuns(home, NoonClock())
    before = started.look({})
    for name in names:
        started.note(tool_named("train_ppo"), before, Reply(report="", run_ids=(name,)))
    return started


def test_gpu_hours_are_those_of_attempts_that_had_a_gpu(tmp_path: Path) -> None:
    started = started_by_agent(tmp_path, "gpu", "cpu", "active")
    recorded(tmp_path, "gpu", "GPU-1", (1.0, 2.0), (4.0, 4.5))
    recorded(tmp_path, "cpu", None, (1.0, 9.0))
    recorded(tmp_path, "other", "GPU-1", (1.0, 9.0))
    assert started.gpu_hours() == pytest.approx(1.5)


def test_a_resumed_run_counts_from_where_it_was_resumed(tmp_path: Path) -> None:
    recorded(tmp_path, "old", "GPU-1", (1.0, 3.0))
    started = StartedRuns(tmp_path, NoonClock())
    before = started.look({"run": "old"})
    started.note(tool_named("train_resume"), before, Reply(report="", run_ids=("old",)))
    assert started.gpu_hours() == 0.0
    assert (started.created, started.ids) == ([], ("old",))
    recorded(tmp_path / "elsewhere", "new", "GPU-1", (5.0, 7.0))
    (tmp_path / "elsewhere/runs/new/attempts/001").rename(tmp_path / "runs/old/attempts/002")
    assert started.gpu_hours() == pytest.approx(2.0)


def test_out_of_gpu_hours_nothing_is_started_or_resumed(tmp_path: Path) -> None:
    started = started_by_agent(tmp_path, "gpu")
    budget = Budget(Limits(gpu_hours=1.0), started)
    assert budget.refusal(tool_named("train_sac"), {}) is None
    recorded(tmp_path, "gpu", "GPU-1", (1.0, 2.0))
    for name in ("train_sac", "train_resume"):
        refusal = budget.refusal(tool_named(name), {})
        assert refusal is not None
        assert "The limit of 1 GPU-hours (`--max-gpu-hours`) is reached by `gpu`." in refusal
    for name, arguments in (("train_sac", {"dry_run": True}), ("train_stop", {})):
        assert budget.refusal(tool_named(name), arguments) is None
    assert len(budget.reached) == 1
