"""Serving agent hosts: one process for as long as a host is there."""

import logging
import os
import signal
import sys
from typing import NoReturn

import anyio

from skill.grammar import Mcp
from skill.mcp_server import TrainServer
from skill.room import Room


def serve(command: Mcp, room: Room) -> NoReturn:
    """Speak MCP over stdin and stdout until the host closes them; runs go on without it."""
    # Logs that the library would write in colours, at a width that it makes up.
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    # The thread that reads stdin cannot be interrupted: Ctrl-C ends the process instead.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    anyio.run(TrainServer(room.home, command.role).run_stdio_async)
    sys.stdout.flush()
    sys.stderr.flush()
    # A call that still waits for an answer must not keep a host waiting that has left.
    os._exit(0)
