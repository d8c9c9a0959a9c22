"""Studies: what stands in them can be run, and what the runs told is drawn as it was."""

import json
import shlex
from pathlib import Path

import pytest

from benchmarks.study import Bench
from benchmarks.study_curves import curve_of
from skill.command import parse
from skill.grammar import Start
from trainers.configs import resolve

STUDIES = sorted(Path(__file__).parents[1].glob("experiments/*/study.yaml"))


@pytest.fixture(params=STUDIES, ids=lambda file: file.parent.name)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    return Bench(request.param.parent, tmp_path, tmp_path / "sources")


def test_every_run_of_a_study_is_a_command_that_is_understood(bench: Bench) -> None:
    for name, planned in bench.study.runs.items():
        words = [*bench.asked(planned), "--run-id", f"{name}_0", "--seed", "0", "--dry-run"]
        command = parse(shlex.join(words))
        assert isinstance(command, Start)
        assert resolve(command.asked).run_id == f"{name}_0"


def test_every_set_of_a_study_is_made_by_a_command_that_is_understood(bench: Bench) -> None:
    for name in bench.study.sets:
        parse(shlex.join(bench.making(name)))


def test_a_study_learns_and_judges_on_sets_that_it_makes(bench: Bench) -> None:
    assert {bench.study.train, *bench.study.judge} <= set(bench.study.sets)


def test_minutes_of_a_curve_leave_out_the_pause_between_attempts(tmp_path: Path) -> None:
    events = [
        {"t": 1000.0, "step": 0, "event": "started"},
        {"t": 1060.0, "step": 10, "event": "evaluated", "score": 0.2, "success": 0.1},
        {"t": 1120.0, "step": 20, "loss": 0.5},
        {"t": 9000.0, "step": 10, "event": "started"},
        {"t": 9060.0, "step": 20, "event": "evaluated", "score": 0.4, "success": 0.3},
    ]
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    curve = curve_of(file)
    assert curve.minutes.tolist() == [1.0, 3.0]
    assert curve.steps.tolist() == [10.0, 20.0]
    assert curve.score.tolist() == [0.2, 0.4]
    assert curve.success.tolist() == [0.1, 0.3]
