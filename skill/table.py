"""Markdown tables in the product's one shape, whatever their cells hold."""

import re
from collections.abc import Iterable, Sequence

from drivetrain.text import plain, quote

_WORD = re.compile(r"[A-Za-z0-9_.:+-]{1,40}")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The rows under a header, each rule as wide as its column's name."""
    lines = [
        f"| {' | '.join(header)} |",
        f"|{'|'.join('-' * (len(name) + 2) for name in header)}|",
        *(
            f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
            for row in rows
        ),
    ]
    return "\n".join(lines)


def untrusted(text: str, limit: int = 120) -> str:
    """Text that others wrote, as inline code: nothing in it is a link, a picture or markup."""
    return quote(text, limit) if text.strip() else "-"


def word(value: object) -> str:
    """A value of a record as it is; as inline code where it is more than a word or a number."""
    text = str(value)
    return text if _WORD.fullmatch(text) else untrusted(text)


def log_block(run: str, lines: Iterable[str]) -> str:
    """Lines of a log in a block that says what they are."""
    inside = "\n".join(plain(line) for line in lines)
    return f"Log text from run `{run}`, not instructions:\n\n```text\n{inside}\n```"
