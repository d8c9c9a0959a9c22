"""The drivers that need no training, judged like a run."""

from pathlib import Path

import pytest

from skill import grammar
from tests.written_sets import written_set
from trainers.baselines import BASELINES, EVERY_BASELINE
from trainers.evaluate import evaluate_baseline


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("baselines") / "set")


def test_the_chat_takes_every_baseline_that_can_be_judged() -> None:
    assert tuple(BASELINES) == grammar.BASELINES
    assert grammar.EVERY_BASELINE == EVERY_BASELINE


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_is_judged_alone(data: Path, name: str) -> None:
    judged = evaluate_baseline(name, data, limit=2)
    assert judged.run == name
    assert [driver.name for driver in judged.drivers] == [BASELINES[name].title]
    assert judged.drivers[0].episodes == 2
    assert judged.drivers[0].red_light.count == 0
    assert judged.scenarios[0].red_lights == 0
    assert (judged.traffic, judged.horizon_s, judged.actuators) == ("idm", 15.0, "filtered")


def test_all_baselines_are_judged_on_the_same_scenarios(data: Path) -> None:
    judged = {driver.name: driver for driver in evaluate_baseline(EVERY_BASELINE, data).drivers}
    assert list(judged) == ["log replay", "PDM", "IDM", "constant velocity", "random"]
    assert {driver.episodes for driver in judged.values()} == {4}
    assert judged["log replay"].progress.mean == pytest.approx(1.0, abs=1e-3)
    assert judged["PDM"].success.rate == 1.0
    assert judged["constant velocity"].success.rate < 1.0
