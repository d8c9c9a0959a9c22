"""`python -m agents` as a process of its own, as a person starts it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from drivetrain.settings import PROJECT
from tests.agents.scripts import in_turn, use
from tests.agents.worked import lines_of
from tests.clients.messages_api import MessagesAPI, Say

WORDS = [sys.executable, "-m", "agents", "model-trainer", "How is training going?"]


def surroundings(home: Path, api: MessagesAPI) -> dict[str, str]:
    told = {"ANTHROPIC_API_KEY": "fake", "ANTHROPIC_BASE_URL": api.url}
    return {**os.environ, **told, "DRIVETRAIN_HOME": str(home), "PYTHONPATH": str(PROJECT)}


@pytest.fixture
def model() -> MessagesAPI:
    """Looks, and says what it saw."""
    return MessagesAPI(in_turn(use("train_status"), Say("No runs yet.")))


def test_an_agent_answers_in_a_shell(home: Path, model: MessagesAPI) -> None:
    with model as api:
        done = subprocess.run(
            WORDS, env=surroundings(home, api), capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "No runs yet.\n"
    assert done.stderr.startswith("→ train_status()\nTranscript: ")


def test_a_reader_that_has_seen_enough_ends_no_work(home: Path, model: MessagesAPI) -> None:
    seen, written = os.pipe()
    os.close(seen)
    with model as api:
        done = subprocess.run(
            WORDS,
            env=surroundings(home, api),
            stdout=written,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    os.close(written)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    (transcript,) = (home / "agents").iterdir()
    assert lines_of(transcript)[-1]["said"] == "No runs yet."
