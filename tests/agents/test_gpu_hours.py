"""The runs of an agent take no more GPU-hours than it was given, also when it is gone."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from agents.limits import Budget, Limits
from agents.started import Before, StartedRuns
from drivetrain.runs.atomic import replace_json
from drivetrain.runs.folder import RunFolder
from skill.tools.catalog import tool_named
from skill.tools.reply import Reply
from tests.agents.scripts import in_turn, use
from tests.agents.worked import Work
from tests.clients.messages_api import Say
from trainers.ppo_request import PPORequest

HOUR_S = 3600.0
BEFORE = Before(frozenset(), attempts=0)
ON_GPU = {"device": "cuda"}


class NoonClock:
    """It is noon of a day long ago."""

    def wall(self) -> float:
        return 12 * HOUR_S

    def mono(self) -> float:
        return 0.0


def recorded(
    home: Path,
    name: str,
    gpu: str | None,
    *hours: tuple[float, float | None],
    bound: float | None = None,
) -> None:
    """A run whose attempts were launched and ended at these hours; queued where it has none."""
    folder = RunFolder(home, name)
    folder.path.mkdir(parents=True)
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
        "plan": {"gpu": gpu and "any", "max_hours": bound},
    }
    replace_json(folder.request, {**facts, "request": request.model_dump(mode="json")})


def started_by_agent(home: Path, *names: str) -> StartedRuns:
    started = StartedRuns(home, NoonClock())
    for name in names:
        started.note(tool_named("train_ppo"), BEFORE, Reply(report="", run_ids=(name,)))
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


def refusal_of(budget: Budget, tool: str, **arguments: object) -> str:
    refusal = budget.refusal(tool_named(tool), arguments)
    assert refusal is not None
    return refusal


def is_allowed(budget: Budget, tool: str, **arguments: object) -> bool:
    return budget.refusal(tool_named(tool), arguments) is None


def test_a_run_on_a_gpu_begins_with_a_bound_that_fits(tmp_path: Path) -> None:
    budget = Budget(Limits(gpu_hours=24.0), started_by_agent(tmp_path))
    assert refusal_of(budget, "train_ppo", run_id="a", **ON_GPU) == (
        "A run on a GPU is held to the GPU-hours that are left, 24.00 of 24 "
        "(`--max-gpu-hours`), and this one has no bound. Try "
        "`train_ppo(run_id='a', device='cuda', max_hours=24.0)`."
    )
    assert "may take 24.50" in refusal_of(budget, "train_ppo", max_hours=24.5, **ON_GPU)
    assert is_allowed(budget, "train_ppo", max_hours=24.0, **ON_GPU)
    assert budget.reached == []


def test_what_runs_may_still_take_is_kept_for_them(tmp_path: Path) -> None:
    recorded(tmp_path, "ended", "GPU-1", (1.0, 2.0), bound=9.0)
    recorded(tmp_path, "queued", "GPU-1", bound=10.0)
    budget = Budget(Limits(gpu_hours=24.0), started_by_agent(tmp_path, "ended", "queued"))
    assert ", 13.00 of 24 (" in refusal_of(budget, "train_sac", max_hours=13.5, **ON_GPU)
    assert is_allowed(budget, "train_sac", max_hours=13.0, **ON_GPU)


def test_a_run_that_may_go_on_for_ever_leaves_nothing(tmp_path: Path) -> None:
    recorded(tmp_path, "endless", "GPU-1")
    budget = Budget(Limits(gpu_hours=24.0), started_by_agent(tmp_path, "endless"))
    assert refusal_of(budget, "train_sac", max_hours=0.1, **ON_GPU) == (
        "The limit of 24 GPU-hours (`--max-gpu-hours`) is used up by or kept for `endless`. "
        "Start no more; report what there is."
    )


def test_no_hours_are_no_hours(tmp_path: Path) -> None:
    budget = Budget(Limits(gpu_hours=0.0), started_by_agent(tmp_path))
    refused = refusal_of(budget, "train_ppo", max_hours=0.01, **ON_GPU)
    assert "The limit of 0 GPU-hours (`--max-gpu-hours`) is too little for any run" in refused


def test_without_a_gpu_runs_need_no_bound(tmp_path: Path) -> None:
    recorded(tmp_path, "gpu", "GPU-1", (1.0, 2.0))
    recorded(tmp_path, "cpu", None, (1.0, 2.0))
    budget = Budget(Limits(gpu_hours=1.0), started_by_agent(tmp_path, "gpu"))
    assert is_allowed(budget, "train_sac", device="cpu")
    assert is_allowed(budget, "train_resume", run="cpu")


def test_out_of_gpu_hours_nothing_is_started_or_resumed(tmp_path: Path) -> None:
    recorded(tmp_path, "gpu", "GPU-1", (1.0, 2.0))
    budget = Budget(Limits(gpu_hours=1.0), started_by_agent(tmp_path, "gpu"))
    for refused in (
        refusal_of(budget, "train_sac", **ON_GPU),
        refusal_of(budget, "train_resume", run="gpu", max_hours=1.5),
    ):
        assert "The limit of 1 GPU-hours (`--max-gpu-hours`) is used up" in refused
    assert is_allowed(budget, "train_sac", dry_run=True, **ON_GPU)
    assert is_allowed(budget, "train_stop", run="gpu")
    assert len(budget.reached) == 1


def test_a_bound_counts_wherever_it_stands(tmp_path: Path) -> None:
    budget = Budget(Limits(gpu_hours=2.0), started_by_agent(tmp_path))
    config = tmp_path / "short.yaml"
    config.write_text("schedule: {max_hours: 1.5}\ndevice: cuda\n", encoding="utf-8")
    assert is_allowed(budget, "train_ppo", config=str(config))
    bounds = ["schedule.max_hours=2.5", "ppo.gamma=0.9"]
    assert refusal_of(budget, "train_ppo", set=bounds, **ON_GPU).endswith(
        "Try `train_ppo(set=['ppo.gamma=0.9'], device='cuda', max_hours=2.0)`."
    )


def test_a_resume_is_given_what_is_left_beside_what_the_run_took_before(
    tmp_path: Path,
) -> None:
    recorded(tmp_path, "old", "GPU-1", (1.0, 3.0))
    budget = Budget(Limits(gpu_hours=1.0), started_by_agent(tmp_path))
    for wish in ({}, {"max_hours": 3.5}):
        refused = refusal_of(budget, "train_resume", run="old", **wish)
        assert refused.endswith("Try `train_resume(run='old', max_hours=3.0)`.")
    assert is_allowed(budget, "train_resume", run="old", max_hours=3.0)


def test_its_own_run_may_go_on_with_what_it_did_not_take(tmp_path: Path) -> None:
    recorded(tmp_path, "own", "GPU-1", (1.0, 3.0), bound=4.0)
    budget = Budget(Limits(gpu_hours=4.0), started_by_agent(tmp_path, "own"))
    assert is_allowed(budget, "train_resume", run="own")


def test_a_start_that_is_the_same_run_again_takes_nothing_more(tmp_path: Path) -> None:
    recorded(tmp_path, "a", "GPU-1", bound=4.0)
    budget = Budget(Limits(gpu_hours=4.0), started_by_agent(tmp_path, "a"))
    assert is_allowed(budget, "train_ppo", run_id="a", **ON_GPU)
    assert is_allowed(budget, "train_resume", run="a")


def test_what_cannot_be_called_anyway_is_left_to_the_door(tmp_path: Path) -> None:
    budget = Budget(Limits(gpu_hours=4.0), started_by_agent(tmp_path))
    assert is_allowed(budget, "train_ppo", devise="cuda")
    assert is_allowed(budget, "train_resume", run="nobody")


def test_the_model_repeats_a_start_with_the_bound_that_it_is_told(work: Work) -> None:
    start = use("train_ppo", run_id="a", **ON_GPU)
    bounded = use("train_ppo", run_id="a", max_hours=1.5, dry_run=True, **ON_GPU)
    done = work(
        "model-trainer",
        in_turn(start, bounded, Say("It may take 1.5 hours.")),
        options=("--max-gpu-hours", "1.5"),
    )
    assert re.search(r"has no bound. Try `.*, max_hours=1.5\)`", done.results[0].text)
    assert "max_hours: 1.5" in done.results[1].text
    assert done.exit_code == 0
    assert not (done.home / "runs").exists()
