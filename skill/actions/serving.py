"""Serving agent hosts: one process for as long as a host is there."""

import gc
import logging
import os
import signal
import sys
from typing import NoReturn

import anyio

from skill.grammar import Mcp
from skill.room import Room


def serve(command: Mcp, room: Room) -> NoReturn:
    """Speak MCP over stdin and stdout until the host closes them; runs go on without it."""
    # What is loaded here lives as long as the server: a tenth of the start would go into
    # looking for garbage among it.
    gc.disable()
    from skill.mcp_server import TrainServer
    from skill.mcp_wire import mend_stdin

    server = TrainServer(room.home, command.role)
    gc.freeze()
    gc.enable()
    # The thread that reads stdin cannot be interrupted: Ctrl-C ends the process instead.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    mend_stdin()
    anyio.run(server.run_stdio_async)
    logging.shutdown()
    sys.stderr.flush()
    # A call that still waits for an answer must not keep a host waiting that has left.
    os._exit(0)
