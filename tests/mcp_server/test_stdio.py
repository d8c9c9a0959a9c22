"""The server as a process of its own, as hosts start it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivetrain.runs.locks import held
from drivetrain.runs.record import Running
from drivetrain.runs.registry import find_run
from drivetrain.settings import PROJECT
from skill.tools.acting import EvalCall
from skill.tools.answers import question_of
from skill.tools.catalog import tool_named
from skill.tools.contract import words_of
from skill.tools.doing import ANSWERS_WITHIN_S
from tests.mcp_server.hosts import PATIENCE_S, begun
from tests.mcp_server.wire import Host, serving

ALIEN = "sys.modules['mcp'] = sys.modules['pydantic'] = sys.modules['anthropic'] = None"


def call(host: Host, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = host.ask("tools/call", {"name": tool, "arguments": arguments})
    result: dict[str, Any] = answer["result"]
    return result


def test_a_server_that_a_host_starts_answers(home: Path) -> None:
    with serving(home) as host:
        answer = call(host, "train_status", {})
        assert answer["isError"] is False
        assert answer["structuredContent"]["report"].startswith("## Active Training Runs")


def test_garbage_does_not_end_a_server(home: Path) -> None:
    with serving(home) as host:
        for line in (b"garbage {{{", b"\xff\xfe\x00", b"[]", b'{"jsonrpc": "2.0"}', b""):
            host.say(line)
        assert call(host, "train_status", {})["isError"] is False


def test_a_crash_within_a_call_ends_neither_the_server_nor_the_protocol(home: Path) -> None:
    home.mkdir()
    home.joinpath("audit.jsonl").mkdir()
    with serving(home) as host:
        assert call(host, "train_status", {})["isError"] is True
        home.joinpath("audit.jsonl").rmdir()
        assert call(host, "train_status", {})["isError"] is False


def test_a_host_that_leaves_ends_the_server_at_once_and_no_run(home: Path) -> None:
    begun(home, "a")
    with serving(home) as host:
        waiting = {"name": "train_wait", "arguments": {"run": "a"}}
        host.send({"id": 99, "method": "tools/call", "params": waiting})
        call(host, "train_status", {})
        said, _ = host.server.communicate(timeout=PATIENCE_S / 4)
        assert host.server.returncode == 0
        assert b'"result"' not in said
    assert isinstance(find_run(home, "a").state, Running)


def test_a_host_that_leaves_waits_for_no_answer_that_takes_long(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.parent)
    tool = tool_named("train_eval")
    question = question_of(home, words_of(tool.verb, EvalCall(driver="idm")))
    question.folder.mkdir(parents=True)
    with held(question.lock), serving(home) as host:
        waiting = {"name": tool.name, "arguments": {"driver": "idm"}}
        host.send({"id": 99, "method": "tools/call", "params": waiting})
        call(host, "train_status", {})
        host.server.communicate(timeout=ANSWERS_WITHIN_S / 2)
        assert host.server.returncode == 0


def test_a_server_for_an_agent_serves_that_agent_alone(home: Path) -> None:
    with serving(home, "--role", "ad-experiment-manager") as host:
        tools = host.ask("tools/list", {})["result"]["tools"]
        assert "train_propose" in {tool["name"] for tool in tools}
        assert "train_stop" not in {tool["name"] for tool in tools}
        assert call(host, "train_stop", {"run": "a"})["isError"] is True


def test_an_unknown_role_is_refused_with_a_command_that_works() -> None:
    command = [sys.executable, "-m", "skill", "mcp", "--role", "trainer"]
    said = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert "`/train mcp --role model-trainer`" in said.stderr
    assert said.stdout == ""


def test_verbs_that_answer_at_once_load_no_server(home: Path) -> None:
    program = f"import sys; {ALIEN}; from skill.__main__ import main; main(['status'])"
    environment = os.environ | {"DRIVETRAIN_HOME": str(home)}
    command = [sys.executable, "-c", program]
    said = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith("## Active Training Runs")
