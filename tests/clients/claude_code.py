"""The real Claude Code of a person without any settings; its model is scripted, on loopback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drivetrain.settings import PROJECT
from tests.clients.messages_api import MessagesAPI

PATIENCE_S = 120
OURS = PROJECT / ".clients" / "node_modules" / ".bin" / "claude"
INHERITED = ("PATH", "LANG", "LC_ALL", "XDG_STATE_HOME", "OMP_NUM_THREADS")
SETTINGS = {
    "ANTHROPIC_API_KEY": "fake",
    # Nobody: whoever manages plugins would wait for an answer from outside.
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    "DRIVETRAIN_PYTHON": sys.executable,
    # The first request waits for the servers of tools, on a busy machine too.
    "MCP_CONNECTION_NONBLOCKING": "0",
    "MCP_CONNECT_TIMEOUT_MS": "60000",
    "MCP_TIMEOUT": "60000",
    # It says that this is no machine of anybody's, where a superuser may skip questions.
    "IS_SANDBOX": "1",
}
PLUGIN = ("--plugin-dir", str(PROJECT))
ALLOWED = "--dangerously-skip-permissions"
TOOL = "mcp__plugin_train_train__"
"""What stands before the name of a tool that a plugin brings."""


def program() -> str:
    """Where the client is; where there is none, the test is skipped."""
    found = str(OURS) if OURS.exists() else shutil.which("claude")
    if found is None:
        why = "there is no Claude Code; `make clients` installs it"
        if os.environ.get("CI") and shutil.which("npm"):
            pytest.fail(why)
        pytest.skip(why)
    return found


@dataclass(frozen=True)
class Chat:
    """A chat in a project of somebody.  home: their own folder.  folder: the project's."""

    home: Path
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> Path:
        """Where the runs of this chat are."""
        return self.folder / "experiments"

    def say(
        self, words: str, *options: str, model: MessagesAPI
    ) -> subprocess.CompletedProcess[str]:
        """Say one thing, and wait until the client has no more to do."""
        return self.run("-p", words, *options, ANTHROPIC_BASE_URL=model.url)

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Start the client."""
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        own = {"HOME": str(self.home), **self.variables, **variables}
        return subprocess.run(
            [program(), *words],
            cwd=self.folder,
            env=inherited | SETTINGS | own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )


def install(chat: Chat, *options: str) -> None:
    """Link the skill where the client looks for skills."""
    done = subprocess.run(
        [PROJECT / "bin" / "train", "install", "--agent", "claude", *options],
        cwd=chat.folder,
        env={"HOME": str(chat.home), "DRIVETRAIN_PYTHON": sys.executable},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
