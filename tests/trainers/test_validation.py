"""Which of a run's policies is the best one."""

from pathlib import Path

import numpy as np
import pytest

from drivetrain.data.open import open_set
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.metrics import EpisodeTable, drive_each
from drivetrain.sim.planners import IdmDriver
from tests.written_sets import written_set
from trainers.ppo_request import PPORequest
from trainers.validation import Validation


@pytest.fixture
def validation(tmp_path: Path) -> Validation:
    data = written_set(tmp_path / "set")
    return Validation(PPORequest(data=data), open_set(data))


@pytest.fixture
def table(tmp_path: Path) -> EpisodeTable:
    scenarios = open_set(written_set(tmp_path / "driven"))
    return drive_each(
        scenarios.arrays, scenarios.picks("val")[:2], EnvironmentSettings(), IdmDriver()
    )


def with_results(table: EpisodeTable, score: float, *, success: bool) -> EpisodeTable:
    return table._replace(
        score=np.full_like(table.score, score), success=np.full_like(table.success, success)
    )


def test_the_best_policy_is_the_one_with_the_highest_score(
    validation: Validation, table: EpisodeTable
) -> None:
    assert validation.takes(1, with_results(table, 0.7, success=False))
    assert not validation.takes(2, with_results(table, 0.6, success=True))
    assert validation.takes(3, with_results(table, 0.8, success=False))


def test_without_a_score_the_best_policy_is_the_one_that_succeeds_most(
    validation: Validation, table: EpisodeTable
) -> None:
    assert validation.takes(1, with_results(table, np.nan, success=False))
    assert validation.takes(2, with_results(table, np.nan, success=True))
    assert not validation.takes(3, with_results(table, np.nan, success=False))
