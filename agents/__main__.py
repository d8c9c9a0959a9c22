"""`python -m agents NAME "task"`: an agent at work in a terminal."""

import json
import sys
from collections.abc import Sequence

from agents.command import Command, read_command
from agents.definition import definition_of
from drivetrain.errors import UserError
from drivetrain.places import unusable_place
from drivetrain.settings import home


def main(words: Sequence[str]) -> int:
    """Let the agent work; its words go to stdout, everything else to stderr."""
    _speak_utf8()
    try:
        command = read_command(words)
        definition_of(command.role)
        return _do(command)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except OSError as error:
        told = unusable_place(error)
        if told is None:
            raise
        sys.stderr.write(f"error: {told}\n")
        return told.exit_code


def _do(command: Command) -> int:
    # Help and a wrong word need not wait for the SDK, which takes a second to load.
    from agents.job import carry_out

    job = carry_out(command, home())
    for line in job.lines():
        sys.stderr.write(f"{line}\n")
    if command.as_json:
        sys.stdout.write(json.dumps(job.facts(), ensure_ascii=False) + "\n")
    return job.exit_code


def _speak_utf8() -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
