"""Words and their options, read without a shell: the grammar under every door.

Nothing here runs, expands or globs: `;`, backticks and `$()` are characters like any other.
"""

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drivetrain.errors import RequestError
from drivetrain.text import listing, nearest, plain, quote

# Chat clients turn straight quotes into curly ones, and `--` into one long dash.
_STRAIGHT_QUOTES = str.maketrans(
    "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b", '"' * 4 + "'" * 4
)
_ODD_SPACES = re.compile(r"\s")  # no-break spaces and their kind
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_LONG_DASH = re.compile(f"^-*[{_DASHES}][-{_DASHES}]*(?=[A-Za-z])")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a verb; without a `value` it is a switch."""

    flag: str
    meaning: str
    value: str | None = None
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """What stood behind a verb: plain arguments, and the values of each option by its flag."""

    arguments: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __contains__(self, flag: str) -> bool:
        return flag in self.values

    def last(self, flag: str) -> str | None:
        """The option's value, or None where it was not given."""
        values = self.values.get(flag)
        return values[-1] if values else None


def split_text(text: str) -> list[str]:
    """Chat text as words, by the rules of POSIX quoting.

    Raises:
        RequestError: a quote is never closed.
    """
    try:
        return shlex.split(_ODD_SPACES.sub(" ", text.translate(_STRAIGHT_QUOTES)))
    except ValueError:
        raise RequestError(
            f"In {quote(text)} a quote or a backslash is left open; close it, or leave it out. "
            "Try `/train help`."
        ) from None


def read_options(verb: str, words: Sequence[str], options: Sequence[Option]) -> Given:
    """Options and plain arguments of `verb`, in whatever order they stand.

    Raises:
        RequestError: an option is unknown, lacks its value, or is given twice.
    """
    known = {option.flag: option for option in options}
    arguments: list[str] = []
    values: dict[str, list[str]] = {}
    waiting = [_LONG_DASH.sub("--", word) for word in reversed(words)]
    while waiting:
        word = waiting.pop()
        if not word.startswith("-") or word == "-":
            arguments.append(word)
            continue
        flag, joined, value = word.partition("=")
        option = known.get(flag) or _refuse_unknown(verb, flag, known)
        text = value if joined else _next_value(verb, option, waiting)
        _refuse_repeat(verb, option, values)
        values.setdefault(flag, []).append(_switch(verb, option, text, joined=bool(joined)))
    return Given(tuple(arguments), {flag: tuple(texts) for flag, texts in values.items()})


def number(
    verb: str, flag: str, text: str | None, lowest: float, highest: float
) -> float | None:
    """The option's number, or None where it was not given.  verb: with its arguments.

    Raises:
        RequestError: it is no number, or outside `lowest` to `highest`.
    """
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if lowest <= value <= highest:
        return value
    near = min(max(value, lowest), highest) if not math.isnan(value) else max(lowest, 1)
    raise RequestError(
        f"`{flag}` is {quote(text)}; it takes a number from {lowest:,.15g} to {highest:,.15g}. "
        f"Try `/train {verb} {flag} {near:.15g}`."
    )


def whole_number(
    verb: str, flag: str, text: str | None, lowest: int, highest: int
) -> int | None:
    """The option's whole number, or None where it was not given.

    Raises:
        RequestError: it is no whole number, or outside `lowest` to `highest`.
    """
    value = number(verb, flag, text, lowest, highest)
    if value is None or value.is_integer():
        return None if value is None else int(value)
    raise RequestError(
        f"`{flag}` is {quote(text or '')}; it takes a whole number from {lowest:,} to "
        f"{highest:,}. Try `/train {verb} {flag} {int(value)}`."
    )


def _refuse_unknown(verb: str, flag: str, known: Mapping[str, Option]) -> Option:
    guess = nearest(flag, known)
    hint = f"Did you mean {quote(guess)}? " if guess else ""
    raise RequestError(
        f"{quote(flag)} is not an option of `{verb}`; there are {listing(known)}. "
        f"{hint}Try `/train help {verb}`."
    )


def _next_value(verb: str, option: Option, waiting: list[str]) -> str:
    if option.value is None:
        return ""
    if not waiting or waiting[-1].startswith("--"):
        raise RequestError(
            f"`{option.flag}` needs a value. {plain(option.meaning)} Try `/train help {verb}`."
        )
    return waiting.pop()


def _refuse_repeat(verb: str, option: Option, values: Mapping[str, list[str]]) -> None:
    if option.flag in values and not option.repeats:
        raise RequestError(
            f"`{option.flag}` is given twice; give it once. Try `/train help {verb}`."
        )


def _switch(verb: str, option: Option, text: str, *, joined: bool) -> str:
    if option.value is None and joined:
        raise RequestError(
            f"`{option.flag}` takes no value, and was given {quote(text)}. "
            f"Try `/train {verb} {option.flag}`."
        )
    return text
