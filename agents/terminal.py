"""The person at the terminal: what they see of an agent's work, and what they are asked."""

import os
import sys
from collections.abc import Mapping
from typing import Any

from drivetrain.text import plain
from skill.tools.calls import call_text

LONGEST_CALL = 160


class Terminal:
    """Words of the model go to stdout, everything about the work to stderr.

    is_quiet: keep stdout for one JSON object.  agrees: the person said yes beforehand.
    """

    def __init__(self, *, is_quiet: bool = False, agrees: bool = False) -> None:
        self._is_quiet = is_quiet
        self._agrees = agrees

    def say(self, words: str) -> None:
        """Words of the model as they come, without what would move the cursor."""
        if not self._is_quiet:
            try:
                sys.stdout.write(visible(words))
                sys.stdout.flush()
            except BrokenPipeError:
                # The reader has seen enough; the work goes on without.
                self._is_quiet = True
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def call(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """That a tool is called."""
        self.tell(f"→ {plain(call_text(tool, arguments), LONGEST_CALL)}")

    def refuse(self, why: str) -> None:
        """That a call was refused."""
        self.tell(f"  refused: {plain(why, 300)}")

    def tell(self, line: str) -> None:
        """A line about the work."""
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def ask(self, question: str) -> bool | None:
        """The person's answer; None where there is nobody to ask."""
        if self._agrees:
            self.tell(f"{question} Yes, by `--yes`.")
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
        return answer.strip().lower() in ("y", "yes") if answer else None


def visible(words: str) -> str:
    """Words over lines, with nothing that a terminal would obey."""
    return "".join(each for each in words if each in "\n\t" or each.isprintable())
