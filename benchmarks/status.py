"""How long a cold `/train status` takes, with 10 ended runs at home and with 10,000.

`python -m benchmarks.status --runs 10000 [--launches 30] [--logs] [--json]`; with `--logs` it
is how long a cold `/train logs` takes to its first byte, with a log of 1 GB.

Each launch is a new process, as after a chat's command.  One run is trained for real, by the
product's own start, supervisor and telemetry; the others are its folder again under their own
names and times.  One more trains meanwhile, at both sizes.  Launches at both sizes take turns,
so that a busy machine slows both alike.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from drivetrain.machine import has_driver
from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import RunFolder, runs_folder
from drivetrain.runs.launch import RunSpec, start_run
from drivetrain.runs.logs import tail
from drivetrain.runs.record import is_active
from drivetrain.runs.stop import request_stop
from drivetrain.runs.wait import wait_for
from drivetrain.settings import PROJECT
from tests.runs.by_hand import is_gone, until
from tests.runs.living import pid_of

FEW = 10
PATIENCE_S = 60.0
STATUS = (sys.executable, "-m", "skill", "status")
LOGS = (sys.executable, "-m", "skill", "logs", "run_00000")
LOG_BYTES = 1_000_000_000
LOG_LINE = b"update 123 | loss 0.5231 | kl 0.0123 | steps 1234567 | reward 5.2\n"
STOP = (sys.executable, "-m", "skill", "stop", "training")
NOTHING = (sys.executable, "-c", "pass")
TRAINER = """
import sys
from pathlib import Path
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.outcome import record_completed
from drivetrain.runs.telemetry import RunTelemetry
folder = RunFolder.at(Path(sys.argv[1]))
attempt = folder.last_attempt()
with RunTelemetry(folder, attempt.number, total=1000) as telemetry:
    for step in range(1, 1001):
        telemetry.write(step, {"reward": step / 100, "best_reward": step / 100})
    sys.exit(record_completed(attempt, 1000))
"""
ENDLESS = """
import sys, time
from pathlib import Path
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.outcome import record_stopped
from drivetrain.runs.telemetry import RunTelemetry
folder = RunFolder.at(Path(sys.argv[1]))
attempt = folder.last_attempt()
with RunTelemetry(folder, attempt.number, total=1_000_000) as telemetry:
    step = 0
    while not telemetry.should_stop():
        step += 1
        telemetry.write(step, {"reward": 5.2})
        time.sleep(0.2)
    sys.exit(record_stopped(attempt, step, telemetry.stop_reason()))
"""


def measure(runs: int, launches: int) -> dict[str, Any]:
    """Percentiles of the cold command's time, ms, at both sizes, and of Python alone."""
    with tempfile.TemporaryDirectory() as place:
        few, many = Path(place) / "few", Path(place) / "many"
        fill(few, FEW)
        fill(many, runs)
        took: dict[str, list[float]] = {"few": [], "many": [], "python": []}
        with training(few), training(many):
            for home in (few, many):
                launch_ms(STATUS, home)  # builds the index, once in a home's life
            for _ in range(launches):
                took["few"].append(launch_ms(STATUS, few))
                took["many"].append(launch_ms(STATUS, many))
                took["python"].append(launch_ms(NOTHING, few))
            spent_ms = cpu_ms(many, launches)
            stop_ms = launch_ms(STOP, many)
    return {
        "benchmark": "status",
        "runs": runs,
        "training": 1,
        "launches": launches,
        "gpu_driver": has_driver(),
        "p50_ms": percentile(took["many"], 50),
        "p95_ms": percentile(took["many"], 95),
        f"p50_ms_at_{FEW}": percentile(took["few"], 50),
        f"p95_ms_at_{FEW}": percentile(took["few"], 95),
        "p50_ratio": round(percentile(took["many"], 50) / percentile(took["few"], 50), 3),
        "python_p50_ms": percentile(took["python"], 50),
        "cpu_mean_ms": spent_ms,
        "stop_ms": round(stop_ms, 1),
    }


def measure_logs(launches: int) -> dict[str, Any]:
    """Percentiles of the time to the first byte of the last lines of 1 GB, and of 1 KB, ms."""
    with tempfile.TemporaryDirectory() as place:
        long, short = Path(place) / "long", Path(place) / "short"
        for home, size in ((long, LOG_BYTES), (short, 1_000)):
            fill(home, 1)
            lines = LOG_LINE * (min(size, 1 << 20) // len(LOG_LINE))
            with RunFolder(home, "run_00000").log.open("wb") as log:
                while log.tell() < size:
                    log.write(lines)
        took: dict[str, list[float]] = {"long": [], "short": [], "read": []}
        for _ in range(launches):
            took["long"].append(first_byte_ms(long))
            took["short"].append(first_byte_ms(short))
            took["read"].append(read_ms(long))
    return {
        "benchmark": "logs",
        "launches": launches,
        "p50_ms": percentile(took["long"], 50),
        "p95_ms": percentile(took["long"], 95),
        "p50_ms_at_1_kb": percentile(took["short"], 50),
        "read_p95_ms": percentile(took["read"], 95),
    }


def first_byte_ms(home: Path) -> float:
    """Milliseconds from the launch of `/train logs` to the first byte it says."""
    environment = os.environ | {"DRIVETRAIN_HOME": str(home)}
    started = time.perf_counter()
    with subprocess.Popen(LOGS, cwd=PROJECT, env=environment, stdout=subprocess.PIPE) as said:
        said_bytes = cast(IO[bytes], said.stdout)
        said_bytes.read(1)
        took_s = time.perf_counter() - started
        said_bytes.read()
    return took_s * 1000


def read_ms(home: Path) -> float:
    """Milliseconds to the last lines, in a process that is up already."""
    started = time.perf_counter()
    next(tail(RunFolder(home, "run_00000"), 20))
    return (time.perf_counter() - started) * 1000


@contextmanager
def training(home: Path) -> Iterator[None]:
    """A run that trains meanwhile."""
    folder = start(home, "training", ENDLESS)
    try:
        yield
    finally:
        request_stop(home, "training")
        wait_for(home, "training", PATIENCE_S)
        # Its supervisor still brings the index up to date, in a home that is to go.
        supervisor = pid_of(folder, "supervisor")
        until(lambda: is_gone(supervisor))


def start(home: Path, run_id: str, trainer: str) -> RunFolder:
    """A run in the background, by a trainer that is a program's text."""
    command = (sys.executable, "-c", trainer)
    spec = RunSpec("PPO", '{"seed": 0}', "digest", "seed: 0\n", command, run_id)
    return start_run(home, spec).run.folder


def fill(home: Path, runs: int) -> None:
    """A home with so many ended runs."""
    model = start(home, "run_00000", TRAINER)
    if is_active(wait_for(home, model.id, PATIENCE_S).state):
        raise TimeoutError(f"the model run did not end in {PATIENCE_S:g} s")
    request = read_json(model.request) or {}
    for number in range(1, runs):
        again(model, request, number)
    # A home at rest: the index was built when nothing had changed for a while.
    for folder in (home, runs_folder(home)):
        os.utime(folder, (request["created"], request["created"] - 3600))


def again(model: RunFolder, request: dict[str, Any], number: int) -> None:
    """The same run under its own name and time; files that are alike share their bytes."""
    folder = RunFolder(model.home, f"run_{number:05d}")
    shutil.copytree(model.path, folder.path, copy_function=os.link)
    folder.request.unlink()
    changed = request | {"created": request["created"] - number}
    folder.request.write_text(json.dumps(changed), encoding="utf-8")


def launch_ms(command: Sequence[str], home: Path) -> float:
    """Milliseconds from the launch of a process to its end."""
    environment = os.environ | {"DRIVETRAIN_HOME": str(home)}
    started = time.perf_counter()
    subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - started) * 1000


def cpu_ms(home: Path, launches: int) -> float:
    """Milliseconds of processor time per launch: what is left when the machine is busy."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(launches):
        launch_ms(STATUS, home)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return round(spent_s * 1000 / launches, 1)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent do not exceed, interpolated, to a tenth."""
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1], 1)


def main(arguments: Sequence[str]) -> int:
    """Print the measurement as a sentence, or with `--json` as one line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.status", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--launches", type=int, default=30)
    parser.add_argument("--logs", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    launches = max(2, asked.launches)
    with tempfile.TemporaryDirectory() as state:
        # Its runs neither wait for those of the person who measures nor keep them waiting.
        os.environ["XDG_STATE_HOME"] = state
        result = measure_logs(launches) if asked.logs else measure(asked.runs, launches)
    print(json.dumps(result) if asked.json else sentence(result))
    return 0


def sentence(result: dict[str, Any]) -> str:
    """A measurement in words."""
    if result["benchmark"] == "logs":
        return (
            f"/train logs, cold, 1 GB: first byte p50 {result['p50_ms']} ms, "
            f"p95 {result['p95_ms']} ms (1 KB: p50 {result['p50_ms_at_1_kb']} ms); "
            f"of it reading the log p95 {result['read_p95_ms']} ms."
        )
    return (
        f"/train status, cold, one run training, {result['runs']} ended: "
        f"p50 {result['p50_ms']} ms, "
        f"p95 {result['p95_ms']} ms; {result['p50_ratio']} times what {FEW} runs take."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
