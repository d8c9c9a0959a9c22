"""`/train` in the real Claude Code: how it is found, and what the model reads of it."""

import pytest

from drivetrain.settings import PROJECT
from skill.tools.catalog import tools
from skill.tools.roles import ROLES
from tests.clients.claude_code import ALLOWED, PLUGIN, TOOL, Chat, install
from tests.clients.messages_api import MessagesAPI
from tests.runs.living import finished, start

ROW = "| r1 | PPO | succeeded | 20 | 2.0 |"


def test_the_plugin_passes_the_client_s_own_check(chat: Chat) -> None:
    done = chat.run("plugin", "validate", str(PROJECT), "--strict")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("way", ["plugin", "home", "project"])
def test_a_look_stands_in_the_very_first_request(way: str, chat: Chat) -> None:
    start(chat.runs, "complete")
    finished(chat.runs)
    if way != "plugin":
        install(chat, *(["--project"] if way == "project" else []))
    with MessagesAPI() as model:
        done = chat.say("/train status", *(PLUGIN if way == "plugin" else ()), model=model)
    assert (done.returncode, done.stdout) == (0, "Done.\n")
    first = model.asked[0].text
    assert "## Active Training Runs" in first
    assert ROW in first
    assert "ARGUMENTS: status" in first
    assert "bin/train status || true" not in first


@pytest.mark.parametrize("way", ["plugin", "home"])
def test_the_model_is_offered_every_tool_and_both_agents(way: str, chat: Chat) -> None:
    if way == "home":
        install(chat)
    with MessagesAPI() as model:
        chat.say("Hello", *(PLUGIN if way == "plugin" else ()), model=model)
    first = model.asked[0]
    assert f"{TOOL}train_status" in first.tools
    # The others are named, and loaded once the model asks for them.
    for tool in tools():
        assert f"{TOOL}{tool.name}" in first.text
    for role in ROLES:
        assert f"- train:{role}: " in first.text


def test_in_a_project_the_command_that_is_told_brings_the_tools(chat: Chat) -> None:
    install(chat, "--project")
    words = ("mcp", "add", "--scope", "local", "train", "--", str(PROJECT / "bin/train"), "mcp")
    assert chat.run(*words).returncode == 0
    with MessagesAPI() as model:
        chat.say("Hello", model=model)
    assert "mcp__train__train_status" in model.asked[0].tools
    assert chat.run("mcp", "remove", "--scope", "local", "train").returncode == 0
    with MessagesAPI() as model:
        chat.say("Hello", model=model)
    assert "mcp__train__train_status" not in model.asked[0].tools


def test_a_marketplace_of_this_checkout_installs_the_plugin(chat: Chat) -> None:
    assert chat.run("plugin", "marketplace", "add", str(PROJECT)).returncode == 0
    assert chat.run("plugin", "install", "train@drivetrain").returncode == 0
    with MessagesAPI() as model:
        chat.say("/train status", model=model)
    assert "## Active Training Runs" in model.asked[0].text
    assert f"{TOOL}train_status" in model.asked[0].tools
    assert chat.run("plugin", "uninstall", "train@drivetrain").returncode == 0


def test_a_checkout_that_is_opened_as_a_project_brings_the_tools(chat: Chat) -> None:
    inside = Chat(chat.home, PROJECT, {"DRIVETRAIN_HOME": str(chat.runs)})
    trusting = ("--settings", '{"enableAllProjectMcpServers": true}')
    with MessagesAPI() as model:
        inside.say("Hello", *trusting, model=model)
    assert "mcp__train__train_status" in model.asked[0].tools


def test_without_an_environment_the_chat_hears_at_once_how_to_get_one(chat: Chat) -> None:
    bare = Chat(chat.home, chat.folder, {"DRIVETRAIN_PYTHON": "/nowhere/python"})
    with MessagesAPI() as model:
        done = bare.say("/train ppo", *PLUGIN, ALLOWED, model=model)
    assert done.returncode == 0
    assert f'Install it with: make -C "{PROJECT}" install' in model.asked[0].text
    assert f"{TOOL}train_status" not in model.asked[0].tools
