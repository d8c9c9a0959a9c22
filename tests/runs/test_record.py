"""Every way to end has words, a next command and an exit code."""

import json
import shlex
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.record import (
    AUTO_RESUMED,
    HOWS,
    REASONS,
    Ended,
    Ending,
    How,
    Reason,
    Verdict,
    anew,
)

REASON_NAMES: tuple[Reason, ...] = get_args(Reason)
EVERY_END = list(product(HOWS, REASON_NAMES, [None, 500]))


def end_of(home: Path, how: How, reason: Reason, unit: int | None) -> Ended:
    verdict = Verdict(how, reason, step=700)
    return verdict.ended(RunFolder(home, "r1"), "PPO", Ending(2, 9.0, unit))


@pytest.mark.parametrize(("how", "reason", "unit"), EVERY_END)
def test_every_end_names_a_command_and_an_exit_code(
    tmp_path: Path, how: How, reason: Reason, unit: int | None
) -> None:
    end = end_of(tmp_path, how, reason, unit)
    assert "/train " in end.next_action
    assert "r1" in end.next_action
    assert "{" not in end.next_action
    assert end.exit_code in {0, 2, 3, 5, 75}
    assert (end.resumable, end.step, end.attempt, end.at) == (unit is not None, 700, 2, 9.0)


def test_every_reason_has_a_clause_for_people() -> None:
    assert tuple(REASONS) == REASON_NAMES
    for clause in REASONS.values():
        assert 10 < len(clause) < 60
        assert not clause.endswith(".")


def test_an_end_is_read_back_as_it_was_told() -> None:
    for how, reason in product(HOWS, REASON_NAMES):
        facts = {"how": how, "reason": reason, "detail": "so", "step": 3}
        assert Verdict.parse(facts) == Verdict(how, reason, "so", 3)
    assert Verdict.parse({"how": "succeeded", "reason": "magic"}) is None
    assert Verdict.parse({"how": "vanished", "reason": "error"}) is None


@pytest.mark.parametrize("odd", [None, 7, "gone", ["nan"], {"nan": 1}])
def test_what_tells_no_known_end_is_none(odd: object) -> None:
    assert Verdict.parse({"how": "failed", "reason": odd}) is None
    assert Verdict.parse({"how": odd, "reason": "nan"}) is None


@pytest.mark.parametrize("reason", sorted(AUTO_RESUMED))
def test_an_end_that_is_no_fault_of_the_run_is_gone_on_from(
    tmp_path: Path, reason: Reason
) -> None:
    assert end_of(tmp_path, "interrupted", reason, 500).next_action == "`/train resume r1`"


@pytest.mark.parametrize(
    ("how", "reason", "unit", "next_action"),
    [
        ("stopped", "user_stop", 500, "`/train resume r1`"),
        ("stopped", "user_stop", None, "`/train resume r1`"),
        ("failed", "error", None, "`/train logs r1`"),
        ("failed", "killed", 500, "`/train resume r1`"),
        ("failed", "config", 500, "`/train logs r1`"),
        ("failed", "data", 500, "`/train logs r1`"),
        ("failed", "disk_full", 500, "free some disk space, then `/train resume r1`"),
        ("failed", "gpu_error", 500, "`/train doctor`, then `/train resume r1`"),
        ("succeeded", "completed", 500, "`/train eval r1`"),
    ],
)
def test_the_next_command_follows_from_the_reason_and_from_what_was_saved(
    tmp_path: Path, how: How, reason: Reason, unit: int | None, next_action: str
) -> None:
    assert end_of(tmp_path, how, reason, unit).next_action == next_action


@pytest.mark.parametrize("reason", ["nan", "unlearning", "gpu_oom", "host_oom"])
def test_what_would_happen_again_is_tried_otherwise_from_the_best_checkpoint(
    tmp_path: Path, reason: Reason
) -> None:
    folder = RunFolder(tmp_path, "r1")
    assert "--init-from" not in end_of(tmp_path, "failed", reason, None).next_action
    folder.checkpoints.mkdir(parents=True)
    folder.best_checkpoint.touch()
    action = end_of(tmp_path, "failed", reason, 500).next_action
    assert f"--config {folder.config} --init-from {folder.best_checkpoint} --set" in action


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("host_oom", "environment.num_envs=8`"),
        ("gpu_oom", "environment.num_envs=8 --set ppo.batch_size=128`"),
        ("nan", "ppo.learning_rate=2e-06`"),
    ],
)
def test_a_remedy_is_milder_than_what_the_run_was_asked_for(
    tmp_path: Path, reason: Reason, remedy: str
) -> None:
    folder = RunFolder(tmp_path, "r1")
    folder.path.mkdir(parents=True)
    asked = {"environment": {"num_envs": 16}, "ppo": {"learning_rate": 2e-5, "batch_size": 256}}
    folder.request.write_text(json.dumps({"request": asked}))
    assert end_of(tmp_path, "failed", reason, None).next_action.endswith(remedy)


def test_a_command_to_type_is_one_whatever_the_home_is_called(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "my runs", "r1")
    folder.checkpoints.mkdir(parents=True)
    folder.best_checkpoint.touch()
    words = shlex.split(anew(folder, "PPO"))
    assert words == [
        "/train",
        "ppo",
        "--config",
        str(folder.config),
        "--init-from",
        str(folder.best_checkpoint),
    ]
