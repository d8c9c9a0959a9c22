"""Ten thousand hostile texts typed behind `/train`, and some as a shell would hand them on."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import pytest

from drivetrain.settings import PROJECT
from skill.__main__ import main
from tests.hostile import (
    OBEYED,
    PIECES,
    assert_nothing_happened,
    hostile_texts,
    short_texts,
)

VERBS = ("status", "logs", "stop", "resume", "wait", "diagnose", "help", "compare", "export")
AT_ONCE = 2
MIXED = 20
REFUSED = {2, 3, 4}
"""Exit codes of what cannot be understood, is not there, or is over."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, in the folder where commands are typed; it is the person's own as well."""
    monkeypatch.setenv("DRIVETRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def as_argument(text: str) -> str:
    """The text as far as a process can be handed it: with a byte that is no character."""
    return text.replace("\x00", "").replace("\ud800", "\udcff")


def test_no_text_runs_a_command_or_touches_a_file_or_ends_in_a_traceback(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(7)  # noqa: S311
    for text in hostile_texts(home.parent / "touched"):
        main([f"{chance.choice(VERBS)} {as_argument(text)}"])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err, text
        assert not OBEYED.search(out + err), text
    assert_nothing_happened(home)


def words_for_shells(target: Path) -> Iterator[list[str]]:
    """Arguments of processes: each piece, and some texts of many, behind one verb or another.

    Both as a text and as a list: what stands in a text must not become a command of its own.
    """
    pieces = [piece.replace("{}", str(target)) for piece in PIECES]
    texts = map(as_argument, [*pieces, *short_texts(target, MIXED)])
    for verb, text in zip(cycle(VERBS), texts, strict=False):
        yield [f"/train {verb} {text}"]
        yield [verb, text]


def test_no_argument_of_a_process_does_either(home: Path) -> None:
    environment = os.environ | {"DRIVETRAIN_PYTHON": sys.executable}

    def answer(words: list[str]) -> "subprocess.CompletedProcess[str]":
        command = [str(PROJECT / "bin" / "train"), *words]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    arguments = list(words_for_shells(home.parent / "touched"))
    with ThreadPoolExecutor(AT_ONCE) as shells:
        for words, said in zip(arguments, shells.map(answer, arguments), strict=True):
            assert "Traceback" not in said.stdout + said.stderr, words
            assert not OBEYED.search(said.stdout + said.stderr), words
            assert said.returncode in {0, *REFUSED}, words
    assert_nothing_happened(home)
