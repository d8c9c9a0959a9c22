"""How long the MCP server takes to start, and a warm `train_status` with 10,000 ended runs.

`python -m benchmarks.mcp [--runs 10000] [--calls 200] [--starts 10] [--json]` speaks to a
server of its own over stdio, line by line, as a host does.  A start is from the launch of
`bin/train mcp` to its answer to `initialize`; a call is from the line that asks to the line
that answers.  One run trains meanwhile.  Processor times are those of the server: what is left
of a measurement on a busy machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import psutil

from benchmarks.status import fill, percentile, training
from drivetrain.settings import PROJECT

HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}
CALLS: dict[str, dict[str, Any]] = {
    "status": {},
    "status_of_one": {"run": "run_00000"},
    "status_detailed": {"detail": "detailed"},
}
SLOW = "status_detailed"
"""Reads every record of the home, as `doctor` does: a few calls of it are enough."""


class Server:
    """A server process and its two streams."""

    def __init__(self, home: Path) -> None:
        told = {"DRIVETRAIN_HOME": str(home), "DRIVETRAIN_PYTHON": sys.executable}
        self.process = subprocess.Popen(
            [PROJECT / "bin" / "train", "mcp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | told,
        )
        self._asked = 0

    def ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """What the server answers."""
        self._asked += 1
        self.send({"id": self._asked, "method": method, "params": parameters})
        answer: dict[str, Any] = json.loads(cast(IO[bytes], self.process.stdout).readline())
        return answer

    def send(self, message: dict[str, Any]) -> None:
        """One line to the server."""
        stdin = cast(IO[bytes], self.process.stdin)
        stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        stdin.flush()

    def cpu_ms(self) -> float:
        """Milliseconds of processor time so far."""
        spent = psutil.Process(self.process.pid).cpu_times()
        return float(spent.user + spent.system) * 1000


@contextmanager
def serving(home: Path) -> Iterator[tuple[Server, float]]:
    """A server that has been greeted, and the milliseconds that took."""
    began_at = time.perf_counter()
    server = Server(home)
    with server.process:
        server.ask("initialize", HELLO)
        took_ms = (time.perf_counter() - began_at) * 1000
        server.send({"method": "notifications/initialized"})
        yield server, took_ms
        cast(IO[bytes], server.process.stdin).close()


def measure(runs: int, calls: int, starts: int) -> dict[str, Any]:
    """Percentiles of starts and of calls, ms."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        fill(home, runs)
        with training(home):
            begun = [start_ms(home) for _ in range(starts)]
            told: dict[str, Any] = {
                "benchmark": "mcp",
                "runs": runs,
                "training": 1,
                "start_p50_ms": percentile([wall for wall, _ in begun], 50),
                "start_p95_ms": percentile([wall for wall, _ in begun], 95),
                "start_cpu_p50_ms": percentile([cpu for _, cpu in begun], 50),
            }
            with serving(home) as (server, _):
                for name, arguments in CALLS.items():
                    told |= call_ms(server, name, arguments, 3 if name == SLOW else calls)
    return told


def start_ms(home: Path) -> tuple[float, float]:
    """Milliseconds of one start, and of the processor's."""
    with serving(home) as (server, took_ms):
        return took_ms, server.cpu_ms()


def call_ms(
    server: Server, name: str, arguments: dict[str, Any], calls: int
) -> dict[str, float]:
    """Percentiles of a warm call, ms; the first few warm it."""
    asked = {"name": "train_status", "arguments": arguments}
    for _ in range(3):
        server.ask("tools/call", asked)
    took, spent_ms = [], server.cpu_ms()
    for _ in range(calls):
        began_at = time.perf_counter()
        answer = server.ask("tools/call", asked)
        took.append((time.perf_counter() - began_at) * 1000)
        if answer["result"]["isError"]:
            raise RuntimeError(str(answer))
    return {
        f"{name}_p50_ms": percentile(took, 50),
        f"{name}_p95_ms": percentile(took, 95),
        f"{name}_cpu_mean_ms": round((server.cpu_ms() - spent_ms) / calls, 1),
    }


def main(arguments: Sequence[str]) -> int:
    """Print the measurement as a sentence, or with `--json` as one line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mcp", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as state:
        # Its runs neither wait for those of the person who measures nor keep them waiting.
        os.environ["XDG_STATE_HOME"] = state
        told = measure(asked.runs, max(2, asked.calls), max(2, asked.starts))
    print(json.dumps(told) if asked.json else sentence(told))
    return 0


def sentence(told: dict[str, Any]) -> str:
    """A measurement in words."""
    return (
        f"MCP server: start p50 {told['start_p50_ms']} ms (processor "
        f"{told['start_cpu_p50_ms']} ms); warm train_status, one run training, {told['runs']} "
        f"ended: p50 {told['status_p50_ms']} ms, p95 {told['status_p95_ms']} ms (processor "
        f"{told['status_cpu_mean_ms']} ms); of one run p50 {told['status_of_one_p50_ms']} ms."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
