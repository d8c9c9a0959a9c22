"""`python -m skill …`, the door behind `bin/train`: the only place that prints."""

import os
import sys
from collections.abc import Sequence

from drivetrain.settings import home
from drivetrain.shell import answered, speak_utf8
from skill.command import parse

INTERRUPTED = 130


def main(words: Sequence[str]) -> int:
    """Answer the words; the report goes to stdout, an error as one sentence to stderr."""
    speak_utf8()
    try:
        return answered(lambda: _answer(words))
    except BrokenPipeError:
        # The reader has seen enough (`… | head`); Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Runs go on; see `/train status`.\n")
        return INTERRUPTED


def _answer(words: Sequence[str]) -> int:
    command = parse(words)
    # Parsing alone must not pay for SQLite.
    from drivetrain.runs.asker import SHELL
    from skill.actions import act
    from skill.room import Room

    report = act(command, Room(home(), sys.stderr, SHELL))
    has_answer = report.facts if command.as_json else report.markdown
    if has_answer:
        sys.stdout.write(f"{report.text(as_json=command.as_json)}\n")
    for line in report.stream or ():
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    sys.stdout.flush()
    return report.exit_code if report.closing is None else report.closing()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
