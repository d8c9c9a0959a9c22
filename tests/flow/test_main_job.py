"""The main job with nothing replaced: chat text, real training in the background, Markdown."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivetrain.runs.asker import FOREGROUND
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import read_request
from drivetrain.runs.registry import overview
from drivetrain.runs.stop import request_stop
from drivetrain.runs.wait import wait_for
from drivetrain.settings import PROJECT
from tests.written_sets import written_set
from trainers import checkpoints

PATIENCE_S = 240.0
SMALL = "--set environment.num_envs=16 --set policy.hidden=[16] --set training.threads=1"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder to type in, with a scenario set; runs that are left are ended."""
    written_set(tmp_path / "set")
    yield tmp_path
    home = tmp_path / "experiments"
    for run in overview(home).active if home.exists() else ():
        request_stop(home, run.id, force=True)
        wait_for(home, run.id, PATIENCE_S)


def type_in(place: Path, text: str) -> subprocess.CompletedProcess[str]:
    """What a shell in that folder shows for `train TEXT`."""
    environment = os.environ | {"DRIVETRAIN_PYTHON": sys.executable}
    environment.pop("DRIVETRAIN_HOME", None)
    return subprocess.run(
        [str(PROJECT / "bin" / "train"), text],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_run_trains_on_its_own_and_is_judged_from_the_chat(place: Path) -> None:
    start = f"/train ppo --data set --run-id small --steps 4k {SMALL}"
    started = type_in(place, start)
    assert started.returncode == 0, started.stderr
    assert "## Run small started" in started.stdout

    again = type_in(place, start)
    assert again.returncode == 0
    assert "same" in again.stdout
    other = type_in(place, f"{start} --seed 2")
    assert other.returncode == 4
    assert "taken" in other.stderr

    waited = type_in(place, f"/train wait small --timeout {PATIENCE_S:.0f}")
    assert waited.returncode == 0, type_in(place, "/train logs small").stdout
    status = type_in(place, "/train status").stdout
    assert status.startswith("## Active Training Runs")
    assert "| small | PPO | succeeded | 4K |" in status

    page = type_in(place, "/train status small").stdout
    for driver in ("small (best)", "untrained", "random", "IDM", "PDM", "log replay"):
        assert f"`{driver}`" in page
    best = place / "experiments" / "checkpoints" / "small" / "best.pt"
    assert checkpoints.load(best).algorithm == "PPO"
    assert any((place / "experiments" / "logs" / "small").glob("events.out.tfevents.*"))

    judged = type_in(place, "/train eval small --scenarios 2 --json")
    drivers = json.loads(judged.stdout)["drivers"]
    assert [driver["episodes"] for driver in drivers] == [2] * 6


def test_a_stopped_run_keeps_its_policy_and_says_that_it_was_stopped(place: Path) -> None:
    type_in(place, f"/train ppo --data set --run-id long --steps 100M {SMALL}")
    stopped = type_in(place, "/train stop long")
    assert stopped.returncode == 0, stopped.stderr
    waited = type_in(place, f"/train wait long --timeout {PATIENCE_S:.0f}")
    assert waited.returncode == 75
    assert "stopped" in type_in(place, "/train status long").stdout


def test_the_foreground_door_trains_the_same_run(place: Path) -> None:
    config = place / "small.yaml"
    config.write_text(
        "algorithm: PPO\n"
        "environment: {name: ADPlanning-v0, num_envs: 16}\n"
        "ppo: {learning_rate: 3e-4}\npolicy: {hidden: [16]}\n"
        "training: {total_steps: 2_000, threads: 1}\n"
        "data: set\n"
    )
    words = ["-m", "trainers.train_rl", "--config", str(config), "--run-id", "front"]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "DRIVETRAIN_HOME": "home"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "front" in done.stdout
    assert (place / "home" / "checkpoints" / "front" / "best.pt").is_file()
    asked = read_request(RunFolder(place / "home", "front"))
    assert asked is not None
    assert asked.asked_by == FOREGROUND
