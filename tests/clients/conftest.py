"""A chat with a real client; what runs in it ends with the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.claude_code import Chat, program
from tests.runs.living import end_all


@pytest.fixture
def chat(tmp_path: Path, own_slots: None) -> Iterator[Chat]:  # noqa: ARG001
    """A chat in an empty project of somebody whose home is empty as well."""
    program()
    chat = Chat(tmp_path / "a home", tmp_path / "a project")
    chat.home.mkdir()
    chat.folder.mkdir()
    yield chat
    end_all(chat.runs)
