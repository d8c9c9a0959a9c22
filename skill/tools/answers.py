"""Answers that take longer than a call may: found in the background, fetched by asking again.

A question is its words and the policies that they speak of. Its folder in the home holds the
answer once it is there; the same question before that waits for the same answer.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drivetrain.errors import UserError
from drivetrain.places import told_as_user_errors
from drivetrain.runs.atomic import read_json, replace_json
from drivetrain.runs.environment import HOME, code_path, unmarked
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.locks import take_if_free
from drivetrain.text import plain
from skill.report import Facts, Report

NAP_S = 0.1
_finders: list["subprocess.Popen[bytes]"] = []
"""Those that this process began, until they have ended."""


class UnansweredError(UserError):
    """A question could not be answered; the sentence is the finder's own."""


@dataclass(frozen=True, slots=True)
class Question:
    """Words behind `/train`, and a folder for what they are answered with."""

    words: tuple[str, ...]
    folder: Path

    @property
    def lock(self) -> Path:
        """Held while an answer is sought."""
        return self.folder / "lock"

    @property
    def answer(self) -> Path:
        """The answer, once it is there."""
        return self.folder / "answer.json"

    @property
    def complaints(self) -> Path:
        """What the finder wrote to stderr."""
        return self.folder / "stderr"


def question_of(home: Path, words: Sequence[str]) -> Question:
    """The question that these words ask as things are now: another policy makes another."""
    parts = [*words, str(Path.cwd()), *map(str, _policies(home, words))]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    return Question(tuple(words), home / "answers" / digest)


def answered(home: Path, words: Sequence[str], within_s: float) -> Report | None:
    """The answer, or None if it is not found in time: then it is still sought.

    Raises:
        UnansweredError: there is none; the message says why.
    """
    question = question_of(home, words)
    question.folder.mkdir(parents=True, exist_ok=True)
    _bury_finders()
    give_up_at, has_begun = time.monotonic() + within_s, False
    while (facts := read_json(question.answer)) is None:
        free = take_if_free(question.lock)
        if free is not None:
            has_ended = has_begun and not question.answer.exists()
            if not has_begun and not question.answer.exists():
                _seek(home, question, free)
                has_begun = True
            os.close(free)
            if has_ended:
                raise UnansweredError(_complaint(question))
        if time.monotonic() >= give_up_at:
            return None
        time.sleep(NAP_S)
    return _report(question, facts)


def find(folder: Path, words: Sequence[str]) -> None:
    """Answer a question into its folder: what the background process does."""
    question = Question(tuple(words), folder)
    try:
        with told_as_user_errors():
            report = _acted(words)
    except UserError as error:
        facts: Facts = {"error": str(error)}
    else:
        facts = {
            "markdown": report.markdown,
            "facts": report.facts,
            "exit_code": report.exit_code,
        }
    replace_json(question.answer, facts)


def _acted(words: Sequence[str]) -> Report:
    # The finder alone acts; who asks need not load what that takes.
    from drivetrain.settings import home
    from skill.actions import act
    from skill.command import parse
    from skill.room import Room

    room = Room(home(), sys.stderr)
    report = act(parse(words), room)
    # Most verbs know both faces at once.
    facts = report.facts or act(parse([*words, "--json"]), room).facts
    return Report(report.markdown, facts, report.exit_code)


def _policies(home: Path, words: Sequence[str]) -> list[tuple[str, int]]:
    """When each policy that the words may speak of was saved."""
    found = []
    for word in words[1:]:
        folder = RunFolder(home, word)
        for file in (folder.best_checkpoint, folder.last_checkpoint):
            try:
                found.append((word, file.stat().st_mtime_ns))
            except (OSError, ValueError):
                continue
    return found


def _bury_finders() -> None:
    for finder in list(_finders):
        # Another thread may bury it first.
        if finder.poll() is not None:
            with suppress(ValueError):
                _finders.remove(finder)


def _seek(home: Path, question: Question, lock: int) -> None:
    """Begin a process that answers the question, whatever becomes of this one.

    lock: the question's, held; it is the finder's until that ends.
    """
    with question.complaints.open("wb") as complaints:
        finder = subprocess.Popen(  # noqa: S603 - list arguments, no shell
            [
                *(sys.executable, "-P", "-m", "skill.tools.answers"),
                *(str(question.folder), *question.words),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            env=unmarked() | code_path() | {HOME: str(home)},
            start_new_session=True,
            pass_fds=(lock,),
        )
    _finders.append(finder)


def _report(question: Question, facts: Facts) -> Report:
    if "error" in facts or facts.get("exit_code"):
        # What failed may go well another time: it is no answer to keep.
        question.answer.unlink(missing_ok=True)
        raise UnansweredError(str(facts.get("error") or _complaint(question)))
    return Report(str(facts["markdown"]), dict(facts["facts"]))


def _complaint(question: Question) -> str:
    """The last that the finder said of why there is no answer."""
    told = question.complaints.read_text("utf-8", "replace").splitlines()
    errors = [line.removeprefix("error: ") for line in told if line.startswith("error: ")]
    if errors:
        return errors[-1]
    last = plain(told[-1]) if told else "it ended without a word"
    return (
        f"`/train {question.words[0]}` failed: {last}. Try `/train doctor`, or type it in a "
        "terminal to see all that it says."
    )


if __name__ == "__main__":
    find(Path(sys.argv[1]), sys.argv[2:])
    os._exit(0)
