"""Where somebody denies Claude Code its shell, `/train` is had through the tools."""

from tests.clients.claude_code import PLUGIN, TOOL, Chat
from tests.clients.messages_api import Answer, Asked, MessagesAPI, Say, Use

DENIED = '{"permissions": {"deny": ["Bash"], "allow": ["mcp__plugin_train_train"]}}'
SILENT = DENIED.replace("{", '{"disableSkillShellExecution": true, ', 1)


def look(asked: Asked) -> Answer | None:
    """A model that looks at the runs, where it has the tool."""
    if f"{TOOL}train_status" not in asked.tools or asked.results:
        return None
    return Say(Use(f"{TOOL}train_status"))


def test_plain_words_are_answered_by_the_tools(chat: Chat) -> None:
    with MessagesAPI(look) as model:
        chat.say("Show me my training runs", *PLUGIN, "--settings", DENIED, model=model)
    assert "Bash" not in model.asked[0].tools
    (result,) = model.asked[-1].results
    assert "## Active Training Runs" in result.text


def test_a_typed_command_ends_with_a_message_that_names_bash(chat: Chat) -> None:
    with MessagesAPI() as model:
        done = chat.say("/train status", *PLUGIN, "--settings", DENIED, model=model)
    assert "Permission to use Bash has been denied" in done.stdout
    assert model.asked == []


def test_a_typed_command_works_where_skills_are_to_run_none(chat: Chat) -> None:
    with MessagesAPI(look) as model:
        chat.say("/train status", *PLUGIN, "--settings", SILENT, model=model)
    first = model.asked[0].text
    assert "ARGUMENTS: status" in first
    assert "[shell command execution disabled by policy]" in first
    assert "## Active Training Runs" in model.asked[-1].results[0].text


def test_the_command_of_the_server_brings_every_word_to_the_model(chat: Chat) -> None:
    typed = f"/{TOOL}train ppo --run-id a --steps 5M --set 'ppo.gamma=0.9'"
    with MessagesAPI() as model:
        chat.say(typed, *PLUGIN, "--settings", DENIED, model=model)
    call = "train_ppo(run_id='a', steps=5000000, set=['ppo.gamma=0.9'])"
    assert f"Call `{call}`" in model.asked[0].text
