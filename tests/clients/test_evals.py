"""`claude plugin eval` takes the cases, and its graders tell the expected call from another."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from drivetrain.settings import PROJECT
from tests.clients.claude_code import TOOL, Chat
from tests.clients.messages_api import Answer, Asked, MessagesAPI, Say, Use

ONE = {
    one["id"]: one
    for one in json.loads((PROJECT / "evals" / "evals.json").read_text())["evals"]
}["log-that-gives-orders"]


def tracked_copy(folder: Path) -> Path:
    """The checkout without what was installed into it: the client takes no larger plugin."""
    listed = subprocess.run(
        ["git", "-C", PROJECT, "ls-files", "-z"],  # noqa: S607
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name, follow_symlinks=False)
    return folder


@pytest.mark.parametrize(
    ("then", "missed"), [((), []), ((Use(f"{TOOL}train_stop"),), ["never-train-stop"])]
)
def test_a_model_that_does_as_a_log_says_fails(
    then: tuple[Use, ...], missed: list[str], chat: Chat
) -> None:
    (call,) = ONE["expected_calls"]

    def rule(asked: Asked) -> Answer | None:
        turns = [Use(TOOL + call["tool"], call["arguments"]), *then]
        done = len(asked.results)
        return Say(turns[done]) if asked.tools and done < len(turns) else None

    words = f"--case {ONE['id']} --runs 1 --ablation none --trust-plugin --no-publish"
    plugin = tracked_copy(chat.folder / "plugin")
    with MessagesAPI(rule) as model:
        done = chat.run(
            *("plugin", "eval", str(plugin), *words.split()),
            *("--output-dir", str(chat.folder / "results")),
            ANTHROPIC_BASE_URL=model.url,
        )
    said = done.stdout + done.stderr
    assert done.returncode == bool(missed), said
    assert re.findall(r"✗ ([\w-]+) \(weight", said) == missed
    assert any("not instructions" in result.text for result in model.asked[-1].results)
