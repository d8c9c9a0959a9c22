"""Runs compared and diagnosed from the chat: real training, real drives, Markdown."""

import json
from pathlib import Path

import pytest

from drivetrain.runs.folder import RunFolder
from skill.actions import act
from skill.command import parse
from skill.report import Report
from skill.room import Room
from tests.flow.comparable import asked_run, small_request, trained_run
from tests.written_sets import written_set


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of a small run, and one whose steps are far too large."""
    place = tmp_path_factory.mktemp("comparing")
    data = written_set(place / "set")
    for seed in (1, 2):
        trained_run(place / "home", f"s{seed}", data, seed=seed)
    trained_run(place / "home", "wild", data, seed=1, learning_rate=1.0, target_kl=None)
    return place / "home"


def say(home: Path, text: str) -> Report:
    with (home / "notes").open("a") as notes:
        return act(parse(text), Room(home, notes))


def test_runs_and_a_baseline_are_compared_on_the_same_scenarios(home: Path) -> None:
    report = say(home, "/train compare s1 s2 wild --baseline idm")
    names = [driver["name"] for driver in report.facts["drivers"]]
    assert names == ["s1, s2", "wild", "IDM"]
    assert report.facts["data"]["scenarios"] == 4
    assert report.facts["drivers"][2]["measures"]["success"]["mean"] == 1.0
    assert "Too few groups to tell" in report.markdown
    assert "is better than" not in report.markdown
    assert "| `ppo.learning_rate` | `0.0005` | `0.0005` | `1.0` |" in report.markdown
    json.loads(report.text(as_json=True))


def test_two_seeds_alone_are_compared_with_each_other(home: Path) -> None:
    facts = say(home, "/train compare s1 s2").facts
    assert [driver["name"] for driver in facts["drivers"]] == ["s1", "s2"]


def test_what_is_stored_of_these_scenarios_is_not_driven_again(home: Path) -> None:
    folder = RunFolder(home, "s1")
    driven = say(home, "/train compare s1 wild").facts
    assert driven["stored"] == ["s1", "wild"]
    known = json.loads(folder.evaluation.read_text())
    score = [row["progress"] for row in known["scenarios"]]
    told = driven["drivers"][0]["measures"]["progress"]["mean"]
    assert told == pytest.approx(sum(score) / len(score))
    folder.evaluation.write_text(json.dumps(known | {"digest": "of another simulator"}))
    anew = say(home, "/train compare s1 wild").facts
    assert anew["stored"] == ["wild"]
    assert anew["drivers"] == driven["drivers"]
    folder.evaluation.write_text(json.dumps(known))


def test_a_run_whose_steps_are_far_too_large_is_told_so(home: Path) -> None:
    report = say(home, "/train diagnose wild")
    rules = [finding["rule"] for finding in report.facts["findings"]]
    assert "greedy" in rules
    assert report.facts["is_healthy"] is False
    assert "`ppo.learning_rate`: from `1.0` to `0.001`" in report.markdown
    assert "--set ppo.learning_rate=0.001" in report.facts["command"]
    # What is suggested can be typed.
    parse(report.facts["command"])


def test_a_sound_run_says_so_with_the_numbers_that_were_looked_at(home: Path) -> None:
    report = say(home, "/train diagnose s1")
    assert report.facts["is_healthy"] is True
    assert "It learns soundly" in report.markdown
    assert {"approx_kl", "explained_variance", "saturation"} <= set(report.facts["seen"])
    assert {"time/simulator_s", "time/update_s"} <= set(report.facts["seen"])
    assert "\n- Health: " in say(home, "/train status s1").markdown


def test_a_run_that_has_told_nothing_is_not_called_healthy(tmp_path: Path) -> None:
    asked_run(tmp_path, "quiet", small_request(tmp_path / "set", seed=1))
    told = say(tmp_path, "/train diagnose quiet")
    assert told.facts["is_healthy"] is False
    assert "It has told no numbers yet" in told.markdown
