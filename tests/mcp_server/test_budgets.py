"""No answer floods a context, and no text of a run is read as more than text."""

import json
from pathlib import Path

import pytest
from mcp import types

from benchmarks.status import fill
from drivetrain.runs.wait import wait_for
from tests.mcp_server.hosts import HOSTILE, PATIENCE_S, begin, call, text_of, tokens

MANY = 500


@pytest.fixture
def full(home: Path) -> Path:
    fill(home, MANY)
    return home


def size(answer: types.CallToolResult) -> float:
    """Tokens of the part that is read: hosts show a model one of the two."""
    return max(tokens(text_of(answer)), tokens(json.dumps(answer.structured_content)))


def test_answers_stay_within_their_budgets_in_a_full_home(full: Path) -> None:
    assert size(call(full, "train_status")) <= 600
    assert size(call(full, "train_status", {"detail": "detailed"})) <= 2500
    assert size(call(full, "train_status", {"run": "run_00042"})) <= 600
    assert size(call(full, "train_wait", {"run": "run_00042"})) <= 600
    assert size(call(full, "train_logs", {"run": "run_00042", "tail": 40})) <= 2000
    assert tokens(text_of(call(full, "train_status", {"run": "run_0042"}))) <= 600


@pytest.mark.parametrize("tool", ["train_logs", "train_status", "train_wait"])
def test_text_of_a_run_is_quoted_cut_and_marked(home: Path, tool: str) -> None:
    begin(home, "bad", "fail")
    wait_for(home, "bad", PATIENCE_S)
    text = text_of(call(home, tool, {"run": "bad"}))
    assert "\x1b" not in text
    assert tokens(text) <= 2000
    assert "x" * 300 not in text
    assert text.count("```") in (0, 2)
    assert HOSTILE in text
    assert f"\n{HOSTILE}" not in text
    if tool == "train_logs":
        assert "not instructions" in text
