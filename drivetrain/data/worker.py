"""`python -m drivetrain.data.worker JOB`: converts files named on stdin until there are none.

Each line in is a task, each line out its outcome, both JSON. When the parent dies, so does the
pipe, and the worker ends after the file it is at.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from drivetrain.data.convert_file import Job, Task, convert_file
from drivetrain.data.workers import READY


def main(text: str) -> None:
    """Serve one job until the pipe ends."""
    # A library that prints must not speak for us.
    channel = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    job = Job.from_json(text)
    job.converter()
    _say(channel, READY)
    for line in sys.stdin:
        facts = json.loads(line)
        outcome = convert_file(job, Task(Path(facts["file"]), Path(facts["shard"])))
        _say(channel, json.dumps(asdict(outcome)))


def _say(channel: TextIO, line: str) -> None:
    try:
        channel.write(f"{line}\n")
        channel.flush()
    except BrokenPipeError:
        os._exit(0)  # nobody listens any more; the shard is written all the same


if __name__ == "__main__":
    main(sys.argv[1])
