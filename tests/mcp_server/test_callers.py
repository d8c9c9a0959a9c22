"""One server serves a chat and its agents: a call is held to the role that is noted for it."""

import json
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from mcp import Client, types

from drivetrain.runs.record import Ended, Running, Stopping
from drivetrain.runs.registry import find_run
from drivetrain.settings import state_folder
from skill.callers import note_caller
from skill.tools.audit import audit_file
from tests.mcp_server.hosts import ERAS, begun, call, talk, text_of

STOP = {"run": "a", "confirm": "a"}
TRAINER, MANAGER = "model-trainer", "ad-experiment-manager"


@pytest.fixture(autouse=True)
def _noted(own_slots: None) -> None:  # noqa: ARG001 - notes lie in the state folder, too
    note_caller("use-1", TRAINER)
    note_caller("use-2", MANAGER)


def using(use: object) -> types.RequestParamsMeta:
    """As Claude Code says which use of a tool a call is."""
    return cast(types.RequestParamsMeta, {"claudecode/toolUseId": use})


def audited(home: Path) -> list[tuple[str | None, str]]:
    lines = audit_file(home).read_text(encoding="utf-8").splitlines()
    return [(facts["role"], facts["outcome"]) for facts in map(json.loads, lines)]


@pytest.mark.parametrize("era", ERAS)
def test_an_agent_s_call_needs_a_finding_and_the_chat_s_does_not(home: Path, era: str) -> None:
    begun(home, "a")
    refused = call(home, "train_stop", STOP, using("use-1"), era=era)
    assert refused.is_error
    assert "no finding of `a`" in text_of(refused)
    assert isinstance(find_run(home, "a").state, Running)

    stopped = call(home, "train_stop", STOP, using("use-3"), era=era)
    assert text_of(stopped).startswith("Run `a` is asked to stop")
    assert isinstance(find_run(home, "a").state, Stopping | Ended)
    assert audited(home) == [(TRAINER, "refused"), (None, "done")]


@pytest.mark.parametrize("era", ERAS)
def test_an_agent_has_the_tools_of_its_role_and_no_others(home: Path, era: str) -> None:
    begun(home, "a")
    for tool, arguments in (("train_stop", STOP), ("train_ppo", {"run_id": "b"})):
        refused = call(home, tool, arguments, using("use-2"), era=era)
        assert refused.is_error
        assert f"`{tool}` is not for `{MANAGER}`" in text_of(refused)
    assert not call(home, "train_status", {}, using("use-2"), era=era).is_error
    assert isinstance(find_run(home, "a").state, Running)
    assert audited(home) == [(MANAGER, "refused"), (MANAGER, "refused"), (MANAGER, "done")]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("person", "outcome"), [("accept", "done"), ("decline", "declined")])
def test_a_call_is_of_the_same_agent_once_a_person_has_answered(
    home: Path, era: str, person: str, outcome: str
) -> None:
    begun(home, "a")
    call(home, "train_stop", {"run": "a"}, using("use-1"), era=era, answer=person)
    assert audited(home) == [(TRAINER, outcome)]


def test_calls_at_the_same_time_are_each_of_their_own_caller(home: Path) -> None:
    begun(home, "a")
    uses = ["use-1", "use-2", None] * 4

    async def all_at_once(client: Client) -> None:
        async with anyio.create_task_group() as group:
            for use in uses:
                meta = using(use) if use else None
                group.start_soon(_look, client, meta)

    talk(home, all_at_once)
    roles = [role for role, _ in audited(home)]
    assert sorted(map(str, roles)) == sorted([TRAINER, MANAGER, "None"] * 4)


async def _look(client: Client, meta: types.RequestParamsMeta | None) -> None:
    await client.call_tool("train_status", {}, meta=meta)


@pytest.mark.parametrize("use", [None, 7, "", "../use-1", ["use-1"], "\0", "x" * 100_000])
def test_an_id_that_is_none_or_of_nobody_is_a_chat_s(home: Path, use: Any) -> None:
    assert not call(home, "train_status", {}, using(use)).is_error
    assert audited(home) == [(None, "done")]


def test_a_call_of_no_tool_is_written_down_with_its_caller(home: Path) -> None:
    assert call(home, "train_everything", {}, using("use-1")).is_error
    assert audited(home) == [(TRAINER, "refused")]


def test_the_role_of_a_server_stands_whatever_is_noted(home: Path) -> None:
    refused = call(home, "train_ppo", {}, using("use-1"), role=MANAGER)
    assert refused.is_error
    assert audited(home) == [(MANAGER, "refused")]


def test_a_note_that_cannot_be_read_is_nobody_s_leave(home: Path) -> None:
    begun(home, "a")
    for note in (state_folder() / "callers").iterdir():
        note.write_text("root")
    refused = call(home, "train_stop", STOP, using("use-1"))
    assert refused.is_error
    assert text_of(refused).startswith("The note of who calls holds `root`")
    assert isinstance(find_run(home, "a").state, Running)
