"""Ten thousand hostile texts over the wire of a server, and as addresses and prompts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import (
    OBEYED,
    assert_nothing_happened,
    hostile_calls,
    hostile_texts,
    short_texts,
)
from tests.hostile_run import ORDER, hostile_run
from tests.mcp_server.wire import Host, Request, serving

SOME = 100


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a person, empty."""
    folder = tmp_path / "person"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def tool_calls(target: Path) -> Iterator[Request]:
    for name, arguments in hostile_calls(hostile_texts(target)):
        yield "tools/call", {"name": name, "arguments": arguments}


def other_requests(target: Path) -> Iterator[Request]:
    """Texts where hosts put addresses, names, arguments of prompts, and what they please."""
    for text in short_texts(target, SOME):
        for uri in (text, f"run://{text}", f"run://{text}/config", f"train://config/{text}"):
            yield "resources/read", {"uri": uri}
        yield "prompts/get", {"name": "train", "arguments": {"args": text}}
        yield "prompts/get", {"name": "diagnose", "arguments": {"run_id": text}}
        yield "prompts/get", {"name": text, "arguments": {text: text}}
        meta = {"progressToken": text, "claudecode/toolUseId": text, text: {text: text}}
        yield "tools/call", {"name": "train_status", "arguments": {}, "_meta": meta}
        reference = {"type": "ref/prompt", "name": text}
        argument = {"name": text, "value": text}
        yield "completion/complete", {"ref": reference, "argument": argument}
        yield "tools/list", {"cursor": text}
        yield text, {text: text}


def shown_in(answer: dict[str, Any]) -> str:
    """All that an answer shows to a model or a person."""
    # An error's `data` is its request's own address or method, for programs.
    told = answer["result"] if "result" in answer else answer["error"]["message"]
    return "\n".join(texts_in(told))


def texts_in(told: object) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict | list):
        for each in told.values() if isinstance(told, dict) else told:
            yield from texts_in(each)


def assert_unharmed(host: Host, answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        shown = shown_in(answer)
        assert "Traceback" not in shown
        assert not OBEYED.search(shown), answer
    after = host.ask("tools/call", {"name": "train_status", "arguments": {}})
    assert after["result"]["isError"] is False
    host.complaints.seek(0)
    assert b"Traceback" not in host.complaints.read()


def test_no_call_runs_a_command_or_touches_a_file_or_ends_a_server(
    home: Path, person: Path
) -> None:
    with serving(home) as host:
        answers = host.ask_all(list(tool_calls(home.parent / "touched")))
        assert_unharmed(host, answers)
    assert_nothing_happened(home, person.name, "state")


def test_no_address_prompt_or_meta_does_either(home: Path, person: Path) -> None:
    with serving(home) as host:
        answers = host.ask_all(list(other_requests(home.parent / "touched")))
        assert_unharmed(host, answers)
    assert_nothing_happened(home, person.name, "state")


def test_a_run_with_hostile_records_is_told_as_text(home: Path) -> None:
    hostile_run(home)
    looks = [{}, {"run": "r1"}, {"run": "r1", "detail": "detailed"}, {"detail": "detailed"}]
    calls = [("train_status", look) for look in looks]
    calls += [("train_logs", {"run": "r1"}), ("train_wait", {"run": "r1"})]
    requests: list[Request] = [
        ("resources/list", {}),
        ("resources/read", {"uri": "run://r1"}),
        ("resources/read", {"uri": "run://r1/config"}),
        *(("tools/call", {"name": name, "arguments": given}) for name, given in calls),
    ]
    with serving(home) as host:
        answers = host.ask_all(requests)
        assert_unharmed(host, answers)
    assert all("result" in answer for answer in answers)
    assert json.dumps(answers).count(ORDER) > 20


def test_half_a_character_is_no_reason_to_leave_a_host_without_an_answer(home: Path) -> None:
    with serving(home) as host:
        answer = host.ask(
            "tools/call", {"name": "train_status", "arguments": {"run": "a\ud83d"}}
        )
        assert answer["result"]["isError"] is True
        assert "cannot name a run" in json.dumps(answer)
