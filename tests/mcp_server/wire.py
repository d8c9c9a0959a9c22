"""A host that speaks to a server process, line by line."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore, Thread
from typing import IO, Any, cast

from drivetrain.settings import PROJECT

HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}
AT_ONCE = 64
"""Requests that wait for their answers at the same time."""
Request = tuple[str, dict[str, Any]]


class Host:
    """Speaks line by line to a server.  complaints: what that writes to stderr."""

    def __init__(self, server: "subprocess.Popen[bytes]", complaints: IO[bytes]) -> None:
        self.server = server
        self.complaints = complaints
        self._number = 0

    def say(self, line: bytes) -> None:
        """Write a line to the server."""
        stdin = cast(IO[bytes], self.server.stdin)
        stdin.write(line + b"\n")
        stdin.flush()

    def ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request."""
        (answer,) = self.ask_all([(method, parameters)])
        return answer

    def ask_all(self, requests: Sequence[Request]) -> list[dict[str, Any]]:
        """The answers to requests that do not wait for each other, in their order."""
        first, self._number = self._number + 1, self._number + len(requests)
        turns = BoundedSemaphore(AT_ONCE)
        asking = Thread(target=self._send_all, args=(first, requests, turns))
        asking.start()
        answers: dict[int, dict[str, Any]] = {}
        while len(answers) < len(requests):
            line = cast(IO[bytes], self.server.stdout).readline()
            assert line, "the server left"
            answer = json.loads(line)
            if answer.get("id") in range(first, self._number + 1):
                answers[answer["id"]] = answer
                turns.release()
        asking.join()
        return [answers[number] for number in sorted(answers)]

    def _send_all(
        self, first: int, requests: Sequence[Request], turns: BoundedSemaphore
    ) -> None:
        for number, (method, parameters) in enumerate(requests, first):
            turns.acquire()
            self.send({"id": number, "method": method, "params": parameters})

    def send(self, message: dict[str, Any]) -> None:
        """Write a message."""
        self.say(json.dumps({"jsonrpc": "2.0", **message}).encode())


@contextmanager
def serving(home: Path, *options: str) -> Iterator[Host]:
    """A server that has been greeted."""
    environment = os.environ | {
        "DRIVETRAIN_HOME": str(home),
        "DRIVETRAIN_PYTHON": sys.executable,
    }
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            [PROJECT / "bin" / "train", "mcp", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=environment,
            cwd=home.parent,
        ) as server,
    ):
        try:
            host = Host(server, complaints)
            host.ask("initialize", HELLO)
            host.send({"method": "notifications/initialized"})
            yield host
        finally:
            server.kill()
