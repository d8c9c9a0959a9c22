"""Text that others wrote, made safe to show, and names that somebody probably meant."""

import re
import shlex
import unicodedata
from collections.abc import Iterable

LINE_LIMIT = 200
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_HALVES = re.compile("[\ud800-\udfff]")
_FENCES = re.compile(r"`{3,}|~{3,}")


def plain(text: str, limit: int = LINE_LIMIT) -> str:
    """One visible line of at most `limit`: no control, escape or direction character, no fence.

    Log lines, error texts and file names are data. They must not move a cursor, close a code
    block or flood a chat.
    """
    # Whatever lies far beyond the limit need not be looked at.
    seen = _ESCAPES.sub("", text[: 4 * limit + 64])
    if not seen.isprintable():
        seen = "".join(_shown(character) for character in seen)
    seen = _FENCES.sub(lambda match: "'" * len(match[0]), seen).rstrip()
    return seen if len(seen) <= limit else f"{seen[: limit - 1]}…"


def whole(text: str) -> str:
    """The text with a mark for every half of a character, which no file and no wire takes."""
    return _HALVES.sub("\ufffd", text)


def quote(text: str, limit: int = 60) -> str:
    """The text as inline code, whatever it holds."""
    return f"`{plain(text.lstrip(), limit).replace('`', chr(39))}`"


def typed(word: str) -> str:
    """A word as part of a command to type, quoted; `…` where it holds what nobody should type.

    In single quotes a shell takes `;` and `$()` as they are; Markdown ends code at a backtick.
    """
    is_odd = plain(word) != word or word.startswith("-") or bool({"`", "'"} & set(word))
    return "…" if is_odd else shlex.quote(word)


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """The known name that `word` most probably meant, if any comes near."""
    # Only mistakes pay for this import.
    from difflib import get_close_matches

    names = {name.lower(): name for name in known}
    found = get_close_matches(word[:64].lower(), names, n=1, cutoff=cutoff)
    return names[found[0]] if found else None


def listing(names: Iterable[str]) -> str:
    """`a`, `b` and `c`."""
    *head, last = [quote(name) for name in names] or ["nothing"]
    return f"{', '.join(head)} and {last}" if head else last


def _shown(character: str) -> str:
    """The character, a space for any kind of space, or nothing where nobody would see it."""
    if character.isspace():
        return " "
    if character.isascii():
        return character if character.isprintable() else ""
    return "" if unicodedata.category(character) in _INVISIBLE else character
