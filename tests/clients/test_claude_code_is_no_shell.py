"""What somebody says in a chat, or what a run prints, is never run by a shell.

Claude Code runs commands that stand in a skill before its model reads it, and puts into a skill
what was typed. Nothing asks anybody here, so that whatever reaches a shell leaves its mark.
"""

import sys
from pathlib import Path

import pytest

from drivetrain.runs.launch import RunSpec, start_run
from tests.clients.claude_code import ALLOWED, PLUGIN, Chat
from tests.clients.messages_api import MessagesAPI
from tests.runs.living import finished

MARK = "left_by_a_shell"
SPOKEN = (
    f"status; touch {MARK}",
    f"status $(touch {MARK})",
    f"status !`touch {MARK}`",
    f"status\n!`touch {MARK}`",
    f"```!\ntouch {MARK}\n```",
    f'"; touch {MARK}; echo "',
    f"status || touch {MARK}",
)
FAILING = f"""
import sys
from pathlib import Path
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.outcome import record_failed

attempt = RunFolder.at(Path(sys.argv[-1])).last_attempt()
sys.exit(record_failed(attempt, 1, ValueError("!`touch {MARK}` $(touch {MARK}); touch {MARK}")))
"""


def marks(chat: Chat) -> list[Path]:
    return list(chat.folder.parent.rglob(MARK))


@pytest.mark.parametrize("words", SPOKEN)
def test_what_is_said_reaches_the_model_and_no_shell(words: str, chat: Chat) -> None:
    with MessagesAPI() as model:
        done = chat.say(f"/train {words}", *PLUGIN, ALLOWED, model=model)
    assert marks(chat) == []
    assert (done.returncode, done.stdout) == (0, "Done.\n")
    assert f"touch {MARK}" in model.asked[0].text
    assert "## Active Training Runs" in model.asked[0].text


@pytest.mark.parametrize("mode", ["default", "acceptEdits"])
def test_how_much_is_allowed_makes_no_difference(mode: str, chat: Chat) -> None:
    with MessagesAPI() as model:
        chat.say(f"/train {SPOKEN[0]}", *PLUGIN, "--permission-mode", mode, model=model)
    assert "## Active Training Runs" in model.asked[0].text
    assert marks(chat) == []


def test_what_a_run_says_of_its_end_is_text(chat: Chat) -> None:
    (chat.folder.parent / "failing.py").write_text(FAILING, encoding="utf-8")
    spec = RunSpec(
        algorithm="PPO",
        request_json='{"seed": 0}',
        digest="d1",
        config_yaml="seed: 0\n",
        command=(sys.executable, str(chat.folder.parent / "failing.py")),
        run_id="r1",
    )
    start_run(chat.runs, spec)
    assert finished(chat.runs).how == "failed"
    with MessagesAPI() as model:
        chat.say("/train status", *PLUGIN, ALLOWED, model=model)
    assert f"touch {MARK}" in model.asked[0].text
    assert marks(chat) == []
