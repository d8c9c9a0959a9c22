"""The protocol's own inspector finds nothing wrong, where it is installed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivetrain.settings import PROJECT

INSPECTOR = PROJECT / ".clients" / "node_modules" / ".bin" / "mcp-inspector"
TOOL_ERROR = 5


@pytest.fixture(autouse=True)
def _inspector() -> None:
    if not INSPECTOR.exists():
        why = "there is no MCP Inspector; `make clients` installs it"
        if os.environ.get("CI") and shutil.which("npm"):
            pytest.fail(why)
        pytest.skip(why)


def inspect(home: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what the server answered."""
    # It hands a server no environment but what it is told to.
    told = {"DRIVETRAIN_HOME": str(home), "DRIVETRAIN_PYTHON": sys.executable}
    environment = [word for name, value in told.items() for word in ("-e", f"{name}={value}")]
    server = (str(PROJECT / "bin" / "train"), "mcp")
    said = subprocess.run(
        [INSPECTOR, "--cli", "--format", "json", "-q", *environment, *words, "--", *server],
        env=os.environ | {"HOME": str(home.parent)},
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return said.returncode, json.loads(said.stdout or "{}").get("result", {})


def test_the_schemas_of_all_tools_are_strictly_valid(home: Path) -> None:
    code, told = inspect(home, "--method", "tools/list", "--strict")
    assert code == 0
    assert len(told["tools"]) == 14


def test_a_call_answers(home: Path) -> None:
    call = ("--method", "tools/call", "--tool-name", "train_status")
    code, told = inspect(home, *call)
    assert code == 0
    assert told["structuredContent"]["report"].startswith("## Active Training Runs")


def test_a_refused_call_is_an_error_of_the_tool(home: Path) -> None:
    call = ("--method", "tools/call", "--tool-name", "train_status", "--tool-arg", "run=nope")
    code, _ = inspect(home, *call)
    assert code == TOOL_ERROR


def test_resources_and_prompts_are_listed(home: Path) -> None:
    assert inspect(home, "--method", "resources/list")[0] == 0
    assert inspect(home, "--method", "resources/templates/list")[0] == 0
    code, told = inspect(home, "--method", "prompts/list")
    assert code == 0
    assert [each["name"] for each in told["prompts"]] == ["train", "diagnose"]
