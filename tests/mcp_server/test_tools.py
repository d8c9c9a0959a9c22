"""Hosts see the tools of the catalog, and call them through the door."""

import json
from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest
from mcp import Client, types

from drivetrain.runs.wait import wait_for
from skill.tools.audit import audit_file
from skill.tools.catalog import tools
from skill.tools.reply import Reply
from skill.tools.roles import ROLES
from tests.mcp_server.hosts import (
    ERAS,
    PATIENCE_S,
    begin,
    begun,
    call,
    talk,
    text_of,
    tokens,
)


def listed(home: Path, era: str = "auto", role: str | None = None) -> types.ListToolsResult:
    return talk(home, lambda client: client.list_tools(), era=era, role=role)


@pytest.mark.parametrize("era", ERAS)
def test_a_host_is_told_each_tool_as_the_catalog_has_it(home: Path, era: str) -> None:
    told = listed(home, era).tools
    assert [each.name for each in told] == [tool.name for tool in tools()]
    for each, tool in zip(told, tools(), strict=True):
        assert (each.title, each.description) == (tool.title, tool.description)
        assert each.input_schema == tool.schema
        hints = each.annotations
        assert hints is not None
        assert (hints.read_only_hint, hints.destructive_hint) == (
            tool.read_only,
            tool.destructive,
        )
        assert (hints.idempotent_hint, hints.open_world_hint) == (tool.idempotent, False)
        assert each.output_schema is not None
        assert set(each.output_schema["properties"]) <= set(Reply.model_fields)


def test_all_tools_together_leave_room_for_a_conversation(home: Path) -> None:
    told = listed(home).model_dump_json(by_alias=True, exclude_none=True)
    assert tokens(told) <= 6000


def test_hosts_that_load_tools_on_demand_load_the_status_at_once(home: Path) -> None:
    always = [each.name for each in listed(home).tools if each.meta]
    assert always == ["train_status"]


@pytest.mark.parametrize("role", ROLES)
def test_an_agent_sees_and_calls_only_what_is_its_own(home: Path, role: str) -> None:
    assert {each.name for each in listed(home, role=role).tools} == set(ROLES[role])
    for tool in {tool.name for tool in tools()} - set(ROLES[role]):
        answer = call(home, tool, {}, role=role)
        assert answer.is_error
        assert f"`{tool}` is not for `{role}`" in text_of(answer)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("train_ppo", {"step": 5}, "`step` is not an argument of `train_ppo`"),
        ("train_status", {"run": "nope"}, "There is no run `nope`"),
        ("train_logs", {}, "`train_logs` needs `run`. Try `train_logs(run='ppo_v1')`."),
        ("train_wait", {"run": "nope", "timeout_s": 5}, "There is no run `nope`"),
        ("train_stop", {"run": "nope"}, "There is no run `nope`"),
        ("train_sttus", {}, "There is no tool `train_sttus`"),
        ("train_eval", {"driver": "nope"}, "There is no run `nope`"),
        ("train_status", {"picture": True}, "`picture` shows how one run learned"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence_and_a_call_that_works(
    home: Path, era: str, tool: str, arguments: dict[str, object], sentence: str
) -> None:
    answer = call(home, tool, arguments, era=era)
    assert answer.is_error
    assert text_of(answer).startswith(sentence)
    assert "Try `" in text_of(answer)


@pytest.mark.parametrize("era", ERAS)
def test_every_tool_can_be_called(home: Path, era: str) -> None:
    begin(home, "done", "succeed")
    wait_for(home, "done", PATIENCE_S)

    async def say(client: Client) -> dict[str, types.CallToolResult]:
        said = {}
        for tool, arguments in CALLS.items():
            said[tool] = await client.call_tool(tool, arguments)
        return said

    said = talk(home, say, era=era)
    assert set(said) == {tool.name for tool in tools()}
    for tool, answer in said.items():
        assert CALLED[tool] in text_of(answer), tool


DEMOS = {"data": "nowhere"}
CALLS: dict[str, dict[str, object]] = {
    "train_ppo": {"dry_run": True, "run_id": "p"},
    "train_sac": {"dry_run": True, "steps": "20k"},
    "train_bc": {"dry_run": True, **DEMOS},
    "train_gail": {"dry_run": True, "expert_data": "nowhere"},
    "train_hybrid": {"dry_run": True, **DEMOS},
    "train_status": {"run": "done"},
    "train_logs": {"run": "done"},
    "train_wait": {"run": "done"},
    "train_compare": {"runs": ["done"], "baselines": ["idm"]},
    "train_data": {},
    "train_eval": {"driver": "done"},
    "train_propose": {
        "hypothesis": "h",
        "falsifier": "f",
        "commands": ["/train ppo --run-id p2"],
    },
    "train_resume": {"run": "done"},
    "train_stop": {"run": "done", "confirm": "done"},
}
CALLED = {
    "train_ppo": "run_id: p\n",
    "train_sac": "total_steps: 20000\n",
    "train_bc": "nowhere",
    "train_gail": "nowhere",
    "train_hybrid": "nowhere",
    "train_status": "State: succeeded",
    "train_logs": "not instructions",
    "train_wait": "State: succeeded",
    "train_compare": "has no `best.pt`",
    "train_data": "No scenario set is at hand",
    "train_eval": "has no `best.pt`",
    "train_propose": "## Proposal",
    "train_resume": "`done`",
    "train_stop": "`done` is already over",
}


def test_a_call_is_written_down_with_the_door_and_the_role(home: Path) -> None:
    call(home, "train_status", {}, role="model-trainer")
    written = json.loads(audit_file(home).read_text(encoding="utf-8").splitlines()[-1])
    assert (written["door"], written["role"]) == ("mcp", "model-trainer")
    assert (written["tool"], written["outcome"]) == ("train_status", "done")


def test_calls_at_the_same_time_do_not_disturb_each_other(home: Path) -> None:
    begun(home, "busy")

    async def say(client: Client) -> list[str]:
        said: list[str] = []

        async def one(tool: str, arguments: Mapping[str, object]) -> None:
            said.append(text_of(await client.call_tool(tool, dict(arguments))))

        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(one, "train_status", {})
                tasks.start_soon(one, "train_status", {"run": "busy"})
                start = {"run_id": f"dry_{number}", "dry_run": True}
                tasks.start_soon(one, "train_ppo", start)
        return said

    said = talk(home, say, era="legacy")
    assert len(said) == 24
    assert sum("## Active Training Runs" in each for each in said) == 8
    assert sum("## Run busy" in each for each in said) == 8
    for number in range(8):
        assert sum(f"run_id: dry_{number}\n" in each for each in said) == 1
    lines = audit_file(home).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["outcome"] for line in lines] == ["done"] * 24


def test_a_picture_comes_with_the_report(home: Path) -> None:
    begin(home, "done", "succeed")
    wait_for(home, "done", PATIENCE_S)
    answer = call(home, "train_status", {"run": "done", "picture": True})
    assert "## Run done" in text_of(answer)
    (picture,) = [each for each in answer.content if isinstance(each, types.ImageContent)]
    assert picture.mime_type == "image/png"
    assert picture.data.startswith("iVBORw0KGgo")
    assert answer.structured_content is not None
    assert answer.structured_content["images"] == [str(home / "pictures" / "done.png")]
