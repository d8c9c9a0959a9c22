"""What hosts read without calling a tool, and the prompts that they offer."""

from pathlib import Path

import anyio
import pytest
from mcp import Client, types
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated

from drivetrain.runs.stop import request_stop
from drivetrain.runs.wait import wait_for
from drivetrain.settings import PROJECT
from skill.mcp_prompts import WORDS
from tests.mcp_server.hosts import ERAS, PATIENCE_S, begin, begun, talk


def read(home: Path, address: str, era: str = "auto") -> str:
    answer = talk(home, lambda client: client.read_resource(address), era=era)
    (content,) = answer.contents
    assert isinstance(content, types.TextResourceContents)
    return content.text


def prompt(home: Path, name: str, arguments: dict[str, str]) -> str:
    answer = talk(home, lambda client: client.get_prompt(name, arguments))
    (message,) = answer.messages
    assert isinstance(message.content, types.TextContent)
    return message.content.text


@pytest.mark.parametrize("era", ERAS)
def test_every_listed_resource_can_be_read(home: Path, era: str) -> None:
    begin(home, "done", "succeed")
    wait_for(home, "done", PATIENCE_S)

    async def say(client: Client) -> dict[str, int]:
        listed = (await client.list_resources()).resources
        texts = {each.uri: (await client.read_resource(each.uri)).contents for each in listed}
        return {str(uri): len(contents) for uri, contents in texts.items()}

    found = talk(home, say, era=era)
    assert "run://done" in found
    assert {"train://help", "train://doctor", "skill://train/SKILL.md"} <= set(found)
    assert {f"train://config/{name}" for name in ("ppo", "sac", "bc", "gail", "hybrid")} <= set(
        found
    )
    assert set(found.values()) == {1}


def test_a_run_is_read_by_its_name(home: Path) -> None:
    begin(home, "done", "succeed")
    wait_for(home, "done", PATIENCE_S)
    assert read(home, "run://done").startswith("## Run done")
    assert read(home, "run://done/config") == "algorithm: PPO\n"


def test_the_skill_is_served_as_it_stands(home: Path) -> None:
    text = (PROJECT / "SKILL.md").read_text(encoding="utf-8")
    assert read(home, "skill://train/SKILL.md") == text


def test_a_config_names_every_setting_with_its_limits(home: Path) -> None:
    text = read(home, "train://config/sac")
    assert "`environment.num_envs`" in text
    assert "from 1 to 16,384" in text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("address", ["run://nope", "run://nope/config", "run://..%2F..%2Fetc"])
def test_a_run_that_is_not_there_is_no_resource(home: Path, era: str, address: str) -> None:
    async def say(client: Client) -> None:
        with pytest.raises(MCPError):
            await client.read_resource(address)

    talk(home, say, era=era)


@pytest.mark.parametrize("era", ERAS)
def test_an_address_where_nothing_stands_is_refused_with_those_there_are(
    home: Path, era: str
) -> None:
    async def say(client: Client) -> str:
        with pytest.raises(MCPError) as refused:
            await client.read_resource("train://nothing\x1b[2J`")
        return refused.value.message

    told = talk(home, say, era=era)
    assert told.startswith("`train://nothing'` is no resource; there are `run://ID`, ")
    assert told.endswith("Try `train://help`.")


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("diagnosis\x1b[2J", {}, "`diagnosis` is no prompt; there are `train` and `diagnose`."),
        ("diagnose", {}, "Prompt `diagnose` needs `run_id`."),
        ("diagnose", {"run": "a"}, "`run` is no argument of prompt `diagnose`: try `run_id`."),
    ],
)
def test_a_prompt_that_cannot_be_had_is_refused_in_a_sentence(
    home: Path,
    name: str,
    arguments: dict[str, str],
    told: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def say(client: Client) -> str:
        with pytest.raises(MCPError) as refused:
            await client.get_prompt(name, arguments)
        return refused.value.message

    assert talk(home, say).startswith(told)
    assert "Traceback" not in caplog.text


def test_who_listens_hears_of_a_run_that_ends(home: Path) -> None:
    begun(home, "a")

    async def say(client: Client) -> list[str]:
        heard: list[str] = []
        async with client.listen(resource_subscriptions=["run://a"]) as events:
            await anyio.to_thread.run_sync(request_stop, home, "a")
            with anyio.fail_after(PATIENCE_S):
                async for event in events:
                    assert isinstance(event, ResourceUpdated)
                    heard.append(event.uri)
                    return heard
        return heard

    assert talk(home, say) == ["run://a"]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("status ppo_v1", "Call `train_status(run='ppo_v1')`"),
        ("/train ppo --steps 2k", "Call `train_ppo(steps=2000)`"),
        ("", "Call `train_status()`"),
        ("statsu", "Did you mean `status`?"),
        ("doctor", "Read the resource `train://doctor`"),
        ("help ppo", "Read the resource `train://config/ppo`"),
        ("replay idm", "`bin/train replay idm`"),
    ],
)
def test_the_prompt_of_a_chat_command_names_the_call(home: Path, typed: str, told: str) -> None:
    assert told in prompt(home, "train", {"args": typed})


def split(typed: str) -> dict[str, str]:
    """The arguments that a host makes of one line: a word each, and none for what is left."""
    return dict(zip(WORDS, typed.split(" "), strict=False))


def test_a_command_that_a_host_splits_into_words_is_put_together(home: Path) -> None:
    text = prompt(home, "train", split("ppo  --run-id a --set 'schedule.after=b'"))
    assert "`train_ppo(run_id='a', set=['schedule.after=b'])`" in text


@pytest.mark.parametrize("typed", ["ppo" + " --set a=b" * 12, f"ppo --data {'d' * 500}"])
def test_of_a_command_that_may_have_been_cut_nothing_is_done(home: Path, typed: str) -> None:
    text = prompt(home, "train", split(typed))
    assert "and maybe more that did not come through" in text
    assert "Call" not in text


def test_the_prompt_of_a_diagnosis_names_the_run(home: Path) -> None:
    text = prompt(home, "diagnose", {"run_id": "ppo_v1\x1b[2J\nand more"})
    assert "`train_status(run='ppo_v1 and more', detail='detailed')`" in text
    assert "\x1b" not in text


def test_the_instructions_are_not_cut_by_hosts(home: Path) -> None:
    async def say(client: Client) -> str:
        return client.instructions or ""

    told = talk(home, say)
    assert 500 < len(told.encode()) < 2048
