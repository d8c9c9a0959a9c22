r"""What a host says, made readable: the library answers no line that it cannot read.

A line that holds half a character (`\ud800`, as a model cuts an emoji) is JSON to most hosts
and none to the library, and a host would wait for its answer for ever.
"""

import json
import os
from threading import Thread
from typing import BinaryIO

from drivetrain.text import whole


def mend_stdin() -> None:
    """Let this process read its stdin with whole characters alone, from now on."""
    said = os.fdopen(os.dup(0), "rb")
    reader, writer = os.pipe()
    os.dup2(reader, 0)
    os.close(reader)
    Thread(target=_pass_on, args=(said, os.fdopen(writer, "wb")), daemon=True).start()


def mended(line: bytes) -> bytes:
    """The line with a mark in place of every half character; others as they are."""
    if b"\\ud" not in line.lower():
        return line
    try:
        text = json.dumps(json.loads(line), ensure_ascii=False)
    except (ValueError, RecursionError):  # it is no JSON to anybody
        return line
    return whole(text).encode() + b"\n"


def _pass_on(said: BinaryIO, heard: BinaryIO) -> None:
    with heard:
        for line in said:
            heard.write(mended(line))
            heard.flush()
