"""An agent in a terminal, with the scripted Messages API where the model would be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.__main__ import main
from drivetrain.runs.registry import overview
from drivetrain.runs.stop import request_stop
from drivetrain.runs.wait import wait_for
from tests.agents.worked import Work, Worked
from tests.clients.messages_api import MessagesAPI, Rule

PATIENCE_S = 120.0
OF_THIS_MACHINE = (
    *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "DRIVETRAIN_MODEL"),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for runs, empty at first; no key, and no run left when the test is over."""
    for name in OF_THIS_MACHINE:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("DRIVETRAIN_HOME", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("agents.job.RETRIES", 0)
    yield folder
    seen = overview(folder)
    for run in seen.queued + seen.active:
        request_stop(folder, run.id, force=True)
        wait_for(folder, run.id, PATIENCE_S)


@pytest.fixture
def work(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Work:
    """Let an agent work on a task; the rules are the model's part."""

    def run(
        role: str, *rules: Rule, options: tuple[str, ...] = (), task: str = "Do it."
    ) -> Worked:
        with MessagesAPI(*rules) as api:
            monkeypatch.setenv("ANTHROPIC_API_KEY", "fake")
            monkeypatch.setenv("ANTHROPIC_BASE_URL", api.url)
            capsys.readouterr()
            code = main([role, task, *options])
        said = capsys.readouterr()
        return Worked(code, said.out, said.err, api, home)

    return run
