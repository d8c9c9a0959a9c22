"""Runs that are started, stopped or left alone from a chat in the real Claude Code."""

import json
import re
import shlex
from pathlib import Path

import pytest

from drivetrain.runs.asker import SHELL, Asker
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import read_request
from drivetrain.runs.registry import overview
from skill.tools.roles import ROLES
from tests.clients.claude_code import ALLOWED, PLUGIN, TOOL, Chat
from tests.clients.messages_api import Answer, Asked, MessagesAPI, Rule, Say, Use
from tests.clients.models import delegating, is_chat, using
from tests.runs.living import ended, start_and_meet

NO_TOOLS = ("--strict-mcp-config", "--mcp-config", '{"mcpServers": {}}')


def asker(chat: Chat, run: str) -> Asker | None:
    """Who asked for a run, as its folder tells."""
    asked = read_request(RunFolder(chat.runs, run))
    assert asked is not None
    return asked.asked_by


def typing(words: str) -> Rule:
    """A model that does by Bash what the skill says."""

    def rule(asked: Asked) -> Answer | None:
        if not is_chat(asked) or asked.results:
            return None
        (folder,) = re.findall(r"^Base directory for this skill: (.*)$", asked.text, re.M)
        program = shlex.quote(str(Path(folder) / "bin" / "train"))
        return Say(Use("Bash", {"command": f"{program} {words}", "description": "Train"}))

    return rule


def test_a_run_that_a_tool_starts_outlives_the_chat(chat: Chat) -> None:
    with MessagesAPI(using("train_ppo", run_id="cc_v1", steps=1_000_000)) as model:
        done = chat.say("/train ppo --run-id cc_v1 --steps 1M", *PLUGIN, ALLOWED, model=model)
    assert done.returncode == 0
    told = model.asked[-1].results[-1]
    assert not told.is_error
    assert json.loads(told.text)["report"].startswith("## Run cc_v1 started")
    assert [run.id for run in overview(chat.runs).active] == ["cc_v1"]
    assert asker(chat, "cc_v1") == Asker("mcp")


def test_a_run_that_bash_starts_outlives_the_chat(chat: Chat) -> None:
    rule = typing("'ppo' '--run-id' 'cc_v2' '--steps' '1M'")
    with MessagesAPI(rule) as model:
        chat.say("/train ppo --run-id cc_v2", *PLUGIN, *NO_TOOLS, ALLOWED, model=model)
    assert model.asked[-1].results[-1].text.startswith("## Run cc_v2 started")
    assert [run.id for run in overview(chat.runs).active] == ["cc_v2"]
    assert asker(chat, "cc_v2") == SHELL


def test_a_run_is_stopped_only_once_somebody_agreed(chat: Chat) -> None:
    start_and_meet(chat.runs, "work")
    with MessagesAPI(using("train_stop", run="r1")) as model:
        chat.say("/train stop r1", *PLUGIN, ALLOWED, model=model)
    refused = model.asked[-1].results[-1]
    assert refused.is_error
    assert "train_stop(run='r1', confirm='r1')" in refused.text
    assert [run.id for run in overview(chat.runs).active] == ["r1"]

    with MessagesAPI(using("train_stop", run="r1", confirm="r1")) as model:
        chat.say("Yes, stop it.", *PLUGIN, ALLOWED, model=model)
    assert not model.asked[-1].results[-1].is_error
    assert ended(chat.runs).how == "stopped"


def test_an_agent_that_judges_can_neither_stop_a_run_nor_reach_a_shell(chat: Chat) -> None:
    start_and_meet(chat.runs, "work")
    wishes = (
        Use(f"{TOOL}train_stop", {"run": "r1", "confirm": "r1"}),
        Use(f"{TOOL}train_ppo", {"run_id": "r2"}),
        Use("Bash", {"command": "touch X"}),
        Use("Write", {"file_path": "X", "content": "x"}),
        Use("Skill", {"skill": "train:train", "args": "stop r1"}),
    )
    with MessagesAPI(delegating("train:ad-experiment-manager", *wishes)) as model:
        chat.say("Let it stop.", *PLUGIN, ALLOWED, model=model)
    (last,) = [asked for asked in model.asked if not is_chat(asked) and asked.results]
    assert len(last.results) == len(wishes)
    for result in last.results:
        assert "No such tool available" in result.text, result.tool
    assert [run.id for run in overview(chat.runs).active] == ["r1"]
    assert [path.name for path in chat.folder.iterdir()] == ["experiments"]


@pytest.mark.parametrize("role", ROLES)
def test_an_agent_is_offered_the_tools_of_its_role_and_no_others(role: str, chat: Chat) -> None:
    look = Use(f"{TOOL}train_status")
    with MessagesAPI(delegating(f"train:{role}", look)) as model:
        chat.say("Let it look.", *PLUGIN, ALLOWED, model=model)
    first, last = (asked for asked in model.asked if not is_chat(asked))
    # One of these holds a place in the host's cache, and does nothing.
    offered = set(first.tools) - {"DeferredToolPlaceholder"}
    assert offered == {TOOL + tool for tool in ROLES[role]}
    assert "## Active Training Runs" in last.results[-1].text
