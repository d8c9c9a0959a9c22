"""`python -m agents NAME "task"`: an agent at work in a terminal."""

import sys
from collections.abc import Sequence

from agents.command import read_command
from agents.definition import definition_of
from drivetrain.settings import home
from drivetrain.shell import answered, speak_utf8
from skill.report import json_text


def main(words: Sequence[str]) -> int:
    """Let the agent work; its words go to stdout, everything else to stderr."""
    speak_utf8()
    return answered(lambda: _do(words))


def _do(words: Sequence[str]) -> int:
    command = read_command(words)
    definition_of(command.role)
    # Help and a wrong word need not wait for the SDK, which takes a second to load.
    from agents.job import carry_out

    job = carry_out(command, home())
    for line in job.lines():
        sys.stderr.write(f"{line}\n")
    if command.as_json:
        sys.stdout.write(json_text(job.facts()) + "\n")
    return job.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
