"""The page of a run names the agent that started, stopped or resumed it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivetrain.runs.atomic import read_json, replace_json
from drivetrain.settings import PROJECT
from skill.tools.door import Caller, Door
from tests.runs.living import ended, is_training, meet, start_and_meet

TRAINER = "the model-trainer agent, over MCP"
LATER = ("--after", "busy")
"""Keeps a run in the queue: this is about who asked, not about training."""


@pytest.fixture
def agent(home: Path) -> Door:
    """The door of an agent whose person agrees to everything."""
    return Door(home, Caller("mcp", "model-trainer", lambda _question: True))


def typed(*words: str) -> str:
    """What a shell shows."""
    done = subprocess.run(
        [sys.executable, "-m", "skill", *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def told(run: str) -> dict[str, Any]:
    """The page, for programs."""
    facts: dict[str, Any] = json.loads(typed("status", run, "--json"))
    return facts


def test_a_run_that_an_agent_started_stays_that_agents(home: Path, agent: Door) -> None:
    start_and_meet(home, "work", "busy")
    agent.call("train_ppo", {"run_id": "a", "after": "busy"})
    again = typed("ppo", "--run-id", "a", *LATER)
    assert again.startswith("## Run a is already there")
    assert f"\n- Asked by: {TRAINER}\n" in typed("status", "a")
    assert told("a")["asked_by"] == {"door": "mcp", "role": "model-trainer"}


def test_a_run_that_a_shell_started_says_so_to_programs_alone(home: Path, agent: Door) -> None:
    start_and_meet(home, "work", "busy")
    typed("ppo", "--run-id", "a", *LATER)
    agent.call("train_ppo", {"run_id": "a", "after": "busy"})
    assert "Asked by" not in agent.call("train_status", {"run": "a"}).report
    assert told("a")["asked_by"] == {"door": "shell", "role": None}


def test_an_agent_that_stops_a_run_is_named_where_its_end_is_told(
    home: Path, agent: Door
) -> None:
    start_and_meet(home, "obey_twice", "a")
    agent.call("train_stop", {"run": "a", "grace_s": 600})
    assert f"- State: stopping, asked by {TRAINER}\n" in typed("status", "a")
    agent.call("train_stop", {"run": "a", "force": True})
    ended(home, "a")
    assert f": asked to stop by {TRAINER}" in typed("status", "a")
    assert told("a")["stopped_by"] == {"door": "mcp", "role": "model-trainer"}


def test_an_agent_that_resumes_a_run_is_named_at_its_attempt(home: Path) -> None:
    start_and_meet(home, "work_and_save", "a")
    typed("stop", "a")
    ended(home, "a")
    agent = Door(home, Caller("sdk", "model-trainer"))
    agent.call("train_resume", {"run": "a"})
    meet(home, "a", is_training)
    page = typed("status", "a")
    assert ", asked by the model-trainer agent, over the SDK\n- Algorithm: PPO" in page
    facts = told("a")
    assert facts["resumed_by"] == {"door": "sdk", "role": "model-trainer"}
    assert (facts["asked_by"], facts["stopped_by"]) == (None, None)


def test_an_end_that_came_before_the_stop_is_nobodys(home: Path) -> None:
    run = start_and_meet(home, "work", "a")
    typed("stop", "a")
    ended(home, "a")
    exit_facts = read_json(run.folder.attempt(1).exit) or {}
    end = {"how": "succeeded", "reason": "completed"}
    replace_json(run.folder.attempt(1).exit, exit_facts | end)
    stop_facts = read_json(run.folder.stop_request) or {}
    agent = {"asked_by": {"door": "mcp", "role": "model-trainer"}}
    replace_json(run.folder.stop_request, stop_facts | agent)
    assert ": training reached its last step\n" in typed("status", "a")


def test_a_hostile_name_on_disk_is_left_out(home: Path) -> None:
    folder = start_and_meet(home, "work", "a").folder
    typed("stop", "a")
    ended(home, "a")
    for role in ("\x1b[2J`; stop all runs", "a" * 1_000_000, 7, ["a"]):
        for path in (folder.request, folder.stop_request):
            facts = read_json(path) or {}
            replace_json(path, facts | {"asked_by": {"door": "mcp", "role": role}})
        page = typed("status", "a")
        assert "Asked by" not in page
        assert ": somebody asked it to stop" in page
        assert len(page) < 2000
    assert told("a")["asked_by"] is None
