"""Chat text → Command: pure, shell-free, full of hints. Raises nothing but `RequestError`."""

import shlex
from collections.abc import Sequence
from typing import NoReturn

from drivetrain.errors import RequestError
from drivetrain.options import read_options, split_text
from drivetrain.text import nearest, plain, quote
from skill.grammar import Command, Help, Verb
from skill.verbs import SERVING, starting

PREFIXES = ("/train", "/train:train")
_LONGEST_TEXT = 20_000


def parse(words: str | Sequence[str]) -> Command:
    """The command that chat text, or a list of arguments, stands for.

    A single argument is chat text; `/train` in front is optional.

    Raises:
        RequestError: the words mean nothing here; the message says what would.
    """
    parts = _split(words)
    if parts and parts[0] in PREFIXES:
        del parts[0]
    if not parts:
        return Help(None, as_json=False)
    word, rest = parts[0], parts[1:]
    name = {"--help": "help", "-h": "help"}.get(word, word.lower())
    verb = find_verb(name)
    if verb is None:
        _refuse(word, rest)
    if "--help" in rest or "-h" in rest:
        return Help(name, as_json="--json" in rest)
    return verb.build(read_options(name, rest, verb.options))


def find_verb(name: str) -> Verb | None:
    """The verb of this name, if there is one."""
    # The verbs that start runs load Pydantic: they are asked last.
    for group in (lambda: SERVING, starting):
        for verb in group():
            if verb.name == name:
                return verb
    return None


def _split(words: str | Sequence[str]) -> list[str]:
    if not isinstance(words, str) and len(words) != 1:
        return list(words)
    text = words if isinstance(words, str) else words[0]
    if len(text) > _LONGEST_TEXT:
        raise RequestError(
            f"The command has {len(text):,} characters; {_LONGEST_TEXT:,} are allowed. "
            "Try `/train help`."
        )
    return split_text(text)


def _refuse(word: str, rest: Sequence[str]) -> NoReturn:
    algorithms = [verb.name for verb in starting()]
    verbs = [verb.name for verb in SERVING]
    guess = nearest(word, [*algorithms, *verbs])
    kind = "an algorithm" if guess in algorithms else "a verb"
    hint = f"Did you mean `{guess}`? " if guess else ""
    raise RequestError(
        f"{quote(word)} is not {kind}. {hint}Algorithms: {', '.join(algorithms)}; "
        f"verbs: {', '.join(verbs)}. Try `/train {_corrected(guess, rest)}`."
    )


def _corrected(guess: str | None, rest: Sequence[str]) -> str:
    if guess is None:
        return "help"
    # What is suggested must work, and be harmless to type into a shell.
    if not rest or any(shlex.quote(word) != word for word in rest):
        return guess
    try:
        parse([guess, *rest])
    except RequestError:
        return guess
    return plain(" ".join([guess, *rest]), 120)
