"""The files by which hosts find the skill, its tools and its version."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml

from drivetrain.settings import PROJECT
from skill.tools.catalog import tools

TRAIN = "bin/train"


def facts_of(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((PROJECT / name).read_text(encoding="utf-8"))
    return facts


PLUGIN = facts_of(".claude-plugin/plugin.json")


def test_every_file_tells_the_same_version() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    head = yaml.safe_load((PROJECT / "SKILL.md").read_text(encoding="utf-8").split("---\n")[1])
    told = {PLUGIN["version"], project["project"]["version"], head["metadata"]["version"]}
    assert len(told) == 1


def test_the_plugin_is_called_as_its_skill_and_holds_it_at_its_root() -> None:
    assert PLUGIN["name"] == "train"
    assert PLUGIN["skills"] == ["./"]
    (listed,) = facts_of(".claude-plugin/marketplace.json")["plugins"]
    assert (listed["name"], listed["source"]) == ("train", "./")


def test_the_plugin_starts_its_server_wherever_it_lies_and_a_checkout_its_own() -> None:
    # Only this exact variable is replaced, and in a checkout it is not set.
    installed = {"command": f"${{CLAUDE_PLUGIN_ROOT}}/{TRAIN}", "args": ["mcp"]}
    assert PLUGIN["mcpServers"] == {"train": installed}
    assert facts_of(".mcp.json")["mcpServers"] == {"train": {"command": TRAIN, "args": ["mcp"]}}
    assert os.access(PROJECT / TRAIN, os.X_OK)


def test_a_hook_stands_before_every_tool_under_both_of_its_names_and_before_no_other() -> None:
    (hooked,) = facts_of("hooks/hooks.json")["hooks"]["PreToolUse"]
    for tool in tools():
        for server in ("mcp__train__", "mcp__plugin_train_train__"):
            assert re.fullmatch(hooked["matcher"], server + tool.name)
    for other in ("Bash", "mcp__train__status", "mcp__plugin_other_train__train_status"):
        assert not re.search(hooked["matcher"], other)
    # In quotes, as the folder of a plugin may have spaces in its name.
    (command,) = hooked["hooks"]
    program = "hooks/note-caller"
    assert command == {"type": "command", "command": f'"${{CLAUDE_PLUGIN_ROOT}}"/{program}'}
    assert os.access(PROJECT / program, os.X_OK)


def test_the_skill_passes_the_standard_s_own_validator(tmp_path: Path) -> None:
    (tmp_path / "train").symlink_to(PROJECT)
    validator = Path(sys.executable).with_name("agentskills")
    done = subprocess.run(
        [validator, "validate", tmp_path / "train"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
