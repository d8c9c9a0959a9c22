"""Who calls, in the real Claude Code: the chat, or one of the agents that it lets work."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from drivetrain.runs.asker import Asker
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import read_request
from drivetrain.runs.registry import overview
from skill.tools.audit import audit_file
from tests.clients.claude_code import ALLOWED, PLUGIN, TOOL, Chat, install
from tests.clients.messages_api import Answer, Asked, MessagesAPI, Say, Use
from tests.clients.models import delegating, is_chat, using
from tests.mcp_server.hosts import ERAS
from tests.runs.living import ended, start_and_meet

STOP = {"run": "r1", "confirm": "r1"}
TRAINER = "model-trainer"
AGREE = {"hookEventName": "Elicitation", "action": "accept", "content": {}}
SAYING = f"echo {shlex.quote(json.dumps({'hookSpecificOutput': AGREE}))}"
AGREEING = {"hooks": {"Elicitation": [{"hooks": [{"type": "command", "command": SAYING}]}]}}
"""Settings of a person who agrees to whatever a server asks."""


def audited(chat: Chat) -> list[dict[str, Any]]:
    lines = audit_file(chat.runs).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def who_did(chat: Chat) -> list[tuple[str | None, str, str]]:
    return [(facts["role"], facts["tool"], facts["outcome"]) for facts in audited(chat)]


def told_to_agents(model: MessagesAPI) -> Asked:
    (last,) = [asked for asked in model.asked if not is_chat(asked) and asked.results]
    return last


def test_an_agent_cannot_stop_a_healthy_run_and_the_chat_can(chat: Chat) -> None:
    start_and_meet(chat.runs, "work")
    with MessagesAPI(delegating(f"train:{TRAINER}", Use(f"{TOOL}train_stop", STOP))) as model:
        chat.say("Let it stop.", *PLUGIN, ALLOWED, model=model)
    (refused,) = told_to_agents(model).results
    assert refused.is_error
    assert "which is no finding of `r1`" in refused.text
    assert [run.id for run in overview(chat.runs).active] == ["r1"]

    with MessagesAPI(using("train_stop", **STOP)) as model:
        chat.say("Stop it.", *PLUGIN, ALLOWED, model=model)
    assert not model.asked[-1].results[-1].is_error
    assert ended(chat.runs).how == "stopped"
    assert who_did(chat) == [
        (TRAINER, "train_stop", "refused"),
        (None, "train_stop", "done"),
    ]


def test_a_run_that_an_agent_starts_says_that_it_did(chat: Chat) -> None:
    start = Use(f"{TOOL}train_ppo", {"run_id": "r1", "steps": 1_000_000})
    with MessagesAPI(delegating(f"train:{TRAINER}", start)) as model:
        chat.say("Let it start a run.", *PLUGIN, ALLOWED, model=model)
    asked = read_request(RunFolder(chat.runs, "r1"))
    assert asked is not None
    assert asked.asked_by == Asker("mcp", TRAINER)


def test_an_agent_of_a_linked_skill_is_known_as_well(chat: Chat) -> None:
    install(chat)
    with MessagesAPI(delegating(f"train:{TRAINER}", Use(f"{TOOL}train_status"))) as model:
        chat.say("Let it look.", ALLOWED, model=model)
    assert who_did(chat) == [(TRAINER, "train_status", "done")]


def test_parallel_calls_of_an_agent_are_all_its_own(chat: Chat) -> None:
    looks = [Use(f"{TOOL}train_status")] * 3 + [Use(f"{TOOL}train_data")]
    with MessagesAPI(delegating(f"train:{TRAINER}", *looks)) as model:
        chat.say("Let it look.", *PLUGIN, ALLOWED, model=model)
    assert len(told_to_agents(model).results) == 4
    assert [role for role, _, _ in who_did(chat)] == [TRAINER] * 4


@pytest.mark.parametrize("era", ERAS)
def test_what_a_person_agrees_to_is_done_in_the_agent_s_name(era: str, chat: Chat) -> None:
    start_and_meet(chat.runs, "work")
    chat = Chat(chat.home, chat.folder, {"MCP_PROTOCOL_NEGOTIATION": era})
    settings = ("--settings", json.dumps(AGREEING))
    with MessagesAPI(
        delegating(f"train:{TRAINER}", Use(f"{TOOL}train_stop", {"run": "r1"}))
    ) as model:
        chat.say("Let it stop.", *PLUGIN, *settings, ALLOWED, model=model)
    (stopped,) = told_to_agents(model).results
    assert not stopped.is_error, stopped.text
    assert ended(chat.runs).how == "stopped"
    assert who_did(chat) == [(TRAINER, "train_stop", "done")]


def test_a_whole_chat_with_an_agent_is_held_to_its_role(chat: Chat) -> None:
    start_and_meet(chat.runs, "work")
    agent = ("--agent", f"train:{TRAINER}")

    def rule(asked: Asked) -> Answer | None:
        return None if asked.results else Say(Use(f"{TOOL}train_stop", STOP))

    with MessagesAPI(rule) as model:
        chat.say("Stop it.", *PLUGIN, *agent, ALLOWED, model=model)
    assert "which is no finding of `r1`" in model.asked[-1].results[-1].text
    assert who_did(chat) == [(TRAINER, "train_stop", "refused")]


@pytest.mark.parametrize(("name", "role"), [("watcher", None), (TRAINER, TRAINER)])
def test_an_agent_in_the_person_s_folder_has_a_role_where_it_is_called_as_one_of_ours(
    name: str, role: str | None, chat: Chat
) -> None:
    folder = chat.folder / ".claude" / "agents"
    folder.mkdir(parents=True)
    head = f"---\nname: {name}\ndescription: mine\ntools: {TOOL}train_status\n---\n"
    (folder / f"{name}.md").write_text(f"{head}Work.\n", encoding="utf-8")
    with MessagesAPI(delegating(name, Use(f"{TOOL}train_status"))) as model:
        chat.say("Let it look.", *PLUGIN, ALLOWED, model=model)
    assert who_did(chat) == [(role, "train_status", "done")]


def test_where_nobody_can_be_noted_an_agent_does_not_act_and_the_chat_does(
    chat: Chat, tmp_path: Path
) -> None:
    state = tmp_path / "in the way"
    state.write_text("a file", encoding="utf-8")
    bare = Chat(chat.home, chat.folder, {"XDG_STATE_HOME": str(state)})
    with MessagesAPI(delegating(f"train:{TRAINER}", Use(f"{TOOL}train_status"))) as model:
        bare.say("Let it look.", *PLUGIN, ALLOWED, model=model)
    (refused,) = told_to_agents(model).results
    assert refused.is_error
    assert f"`{TRAINER}` cannot be noted as the caller" in refused.text
    with MessagesAPI(using("train_status")) as model:
        bare.say("Look.", *PLUGIN, ALLOWED, model=model)
    assert not model.asked[-1].results[-1].is_error
    assert who_did(chat) == [(None, "train_status", "done")]
