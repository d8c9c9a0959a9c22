"""The words behind `python -m agents`, and the person at the terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents.command import read_command
from agents.limits import Limits
from agents.terminal import Terminal
from drivetrain.errors import RequestError
from drivetrain.settings import PROJECT


def test_words_say_who_does_what_with_how_much() -> None:
    words = ["model-trainer", "Train PPO.", "--max-turns", "3", "--max-tokens", "20_000"]
    limits = ["--max-runs", "0", "--max-gpu-hours", "1.5", "--yes"]
    command = read_command([*words, *limits])
    assert (command.role, command.task) == ("model-trainer", "Train PPO.")
    assert command.limits == Limits(3, 20_000, 0, 1.5)
    assert (command.agrees, command.as_json, command.model) == (True, False, None)
    assert read_command(words[:2]).limits == Limits()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "are required: NAME, TASK"),
        (["model-trainer"], "are required: TASK"),
        (["model-trainer", "  "], "The task is empty"),
        (
            ["model-trainer", "train", "ppo"],
            "`ppo` is no option, and a task is one quoted text",
        ),
        (["model-trainer", "x", "--max-turn", "3"], "Did you mean `--max-turns`?"),
        (["model-trainer", "x", "--max-turns", "0"], "`0` is no whole number from 1"),
        (["model-trainer", "x", "--max-runs", "-1"], "`-1` is no whole number from 0"),
        (["model-trainer", "x", "--max-gpu-hours", "nan"], "`nan` is no number of hours"),
    ],
)
def test_wrong_words_are_told_with_right_ones(words: list[str], said: str) -> None:
    with pytest.raises(RequestError, match=r"Try `python -m agents ") as told:
        read_command(words)
    assert said in str(told.value)


def test_help_and_wrong_words_do_not_wait_for_the_sdk(tmp_path: Path) -> None:
    code = (
        "import sys; from agents.__main__ import main; code = main(['model-trane', 'x']);"
        "print(code, {'anthropic', 'torch', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "DRIVETRAIN_HOME": str(tmp_path)},
    )
    assert done.stdout == "2 set()\n"
    assert "there are `model-trainer` and `ad-experiment-manager`" in done.stderr


def test_help_tells_limits_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        read_command(["--help"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    for part in (
        "--max-gpu-hours H",
        "exit codes: 0 done",
        "75 stopped by a limit",
        "notebook.md",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("typed", "agrees"), [(b"y\n", True), (b"YES\n", True), (b"n\n", False), (b"\n", False)]
)
def test_a_person_at_the_terminal_is_asked(
    monkeypatch: pytest.MonkeyPatch, typed: bytes, *, agrees: bool
) -> None:
    keys, screen = os.openpty()
    with os.fdopen(os.dup(screen), "r") as stdin, os.fdopen(screen, "w") as stderr:
        monkeypatch.setattr("sys.stdin", stdin)
        monkeypatch.setattr("sys.stderr", stderr)
        os.write(keys, typed)
        assert Terminal().ask("Stop run a?") is agrees
        shown = b""
        while b"Stop run a? [y/N] " not in shown:
            shown += os.read(keys, 1000)
        monkeypatch.undo()
    os.close(keys)


def test_nobody_is_asked_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "piped").write_text("y\n")
    with (tmp_path / "piped").open() as piped:
        monkeypatch.setattr("sys.stdin", piped)
        assert Terminal().ask("Stop run a?") is None
        assert Terminal(agrees=True).ask("Stop run a?") is True
