"""The plugin from a repository, installed and brought up to date as somebody elsewhere does."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drivetrain.settings import PROJECT
from tests.clients.asked import Asked
from tests.clients.claude_code import TOOL, Chat
from tests.clients.messages_api import MessagesAPI

ADDRESS = "https://git.example/somebody/drivetrain.git"
OWN = ("user.name=Somebody", "user.email=somebody@git.example", "commit.gpgsign=false")
PLUGIN = "train@drivetrain"


def git(folder: Path, *words: str) -> str:
    settings = (word for each in OWN for word in ("-c", each))
    command = ("git", "-C", str(folder), *settings, *words)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def publish(repository: Path, version: str) -> None:
    """Commit the plugin as of this version."""
    manifest = repository / ".claude-plugin" / "plugin.json"
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(facts | {"version": version}), encoding="utf-8")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", version)


@pytest.fixture
def repository(chat: Chat, tmp_path: Path) -> Path:
    """A repository of the checkout as it is, that git finds under an address of the web."""
    place = tmp_path / "published"
    for name in git(PROJECT, "ls-files", "-z", "-co", "--exclude-standard").split("\0"):
        if name and (PROJECT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, place / name)
    git(place, "init", "--quiet")
    publish(place, "1.0.0")
    config = f'[url "{place.as_uri()}"]\n  insteadOf = {ADDRESS}\n'
    (chat.home / ".gitconfig").write_text(config, encoding="utf-8")
    return place


def manage(chat: Chat, *words: str) -> str:
    done = chat.run("plugin", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def look(chat: Chat) -> Asked:
    """What the model is asked first after `/train status`."""
    with MessagesAPI() as model:
        chat.say("/train status", model=model)
    return model.asked[0]


def test_what_was_installed_from_git_still_works_when_it_is_updated(
    chat: Chat, repository: Path
) -> None:
    bare = Chat(chat.home, chat.folder, {"DRIVETRAIN_PYTHON": ""})
    manage(bare, "marketplace", "add", ADDRESS)
    manage(bare, "install", PLUGIN)
    plugins = chat.home / ".claude" / "plugins"
    kept = "data/train-drivetrain/venv"
    command = (
        f'make -C "{plugins}/cache/drivetrain/train/1.0.0" install VENV=../../../../{kept}'
    )
    assert f"Install it with: {command}\n" in look(bare).text

    python = plugins / kept / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    shutil.copy(PROJECT / "constraints.txt", plugins / kept / ".installed")
    assert "## Active Training Runs" in look(bare).text
    # For 15 minutes the client does not try again what failed, unless a person tells it to.
    (chat.home / ".claude" / "mcp-needs-auth-cache.json").unlink()
    first = look(bare)
    assert "## Active Training Runs" in first.text
    assert f"{TOOL}train_status" in first.tools

    publish(repository, "1.1.0")
    manage(bare, "marketplace", "update", "drivetrain")
    assert "1.1.0" in manage(bare, "update", PLUGIN)
    second = look(bare)
    assert "## Active Training Runs" in second.text
    assert f"{TOOL}train_status" in second.tools
