"""How fast the simulator steps: 32 others, observation, reward, score and resets included.

    python -m benchmarks.sim [--traffic TRAFFIC] [--worlds N] [--threads N] [--json]
    python -m benchmarks.sim --suite [--json]

The ego is driven by the rules driver, so that episodes last as long as they do in evaluation;
its decisions are not timed, the simulator's steps with their resets are. Per core means per
second of processor time, of all threads together: what else the machine does changes it less.
With traffic policy every vehicle is an ego, and only those in their scene are counted.
`--suite` measures every traffic in turn, and what opening a large set takes.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numba

from benchmarks.sim_bound import Machine, bound, this_machine
from benchmarks.sim_scene import OTHERS, scenes
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.planners import IdmDriver
from drivetrain.sim.world import Worlds

TRAFFIC: tuple[str, ...] = get_args(EnvironmentSettings.model_fields["traffic"].annotation)
GOALS_PER_CORE = {"idm": 150_000, "replay": 300_000, "policy": 400_000, "mixed": 150_000}
PARTS = 5
"""A measurement is the median of as many parts."""


@dataclass(frozen=True)
class Line:
    """What the benchmark prints; steps are those of egos."""

    benchmark: str
    traffic: str
    worlds: int
    threads: int
    others_in_scene: float
    on_stage: float
    steps_per_s: int
    steps_per_s_per_core: int
    goal_per_core: int
    bytes_per_step: int
    operations_per_step: int
    times_the_bound: float
    copied_bytes_per_s: int
    operations_per_s: int
    first_step_s: float
    episodes: int
    machine: str
    numba: str


@dataclass
class Count:
    """What some steps took.  steps: of egos in their scenes."""

    steps: int = 0
    rows: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    episodes: int = 0


def measure(
    traffic: str, worlds_count: int, threads: int, seconds: float, machine: Machine
) -> Line:
    """Step for some seconds and count."""
    settings = EnvironmentSettings.model_validate({"traffic": traffic, "threads": threads})
    worlds = Worlds(scenes(), settings, num_worlds=worlds_count, seed=0, stagger=True)
    begun = time.monotonic()
    worlds.reset()
    worlds.step(IdmDriver().act(worlds))
    first_step_s = time.monotonic() - begun
    parts = [count(worlds, seconds / PARTS) for _ in range(PARTS)]
    per_core = statistics.median(part.steps / part.cpu_s for part in parts)
    least = bound(traffic, OTHERS, worlds.layout, machine)
    others = worlds.snapshot().valid[worlds.on_stage].sum(axis=1).mean() - 1
    return Line(
        benchmark="sim",
        traffic=traffic,
        worlds=worlds.num_worlds,
        threads=threads,
        others_in_scene=round(float(others), 1),
        on_stage=round(sum(p.steps for p in parts) / sum(p.rows for p in parts), 3),
        steps_per_s=round(statistics.median(part.steps / part.wall_s for part in parts)),
        steps_per_s_per_core=round(per_core),
        goal_per_core=GOALS_PER_CORE[traffic],
        bytes_per_step=least.bytes,
        operations_per_step=least.operations,
        times_the_bound=round(1 / per_core / least.step_s, 1),
        copied_bytes_per_s=round(machine.copied_bytes_per_s),
        operations_per_s=round(machine.operations_per_s),
        first_step_s=round(first_step_s, 1),
        episodes=sum(part.episodes for part in parts),
        machine=f"{platform.machine()}, {os.cpu_count()} cores",
        numba=numba.__version__,
    )


def count(worlds: Worlds, seconds: float) -> Count:
    """Step the worlds for so long, by the rules driver."""
    total, driver = Count(), IdmDriver()
    while total.wall_s < seconds:
        actions = driver.act(worlds)
        total.steps += int(worlds.on_stage.sum())
        total.rows += worlds.num_worlds
        wall, cpu = time.perf_counter(), time.process_time()
        worlds.step(actions)
        total.wall_s += time.perf_counter() - wall
        total.cpu_s += time.process_time() - cpu
        total.episodes += int((worlds.terminated | worlds.truncated).sum())
    return total


def sentence(line: Line) -> str:
    """A measurement in words."""
    return (
        f"{line.traffic:7} {line.steps_per_s_per_core:>9,} ego-steps/s per core "
        f"(goal {line.goal_per_core:,}); {line.times_the_bound:g} times the bound of "
        f"{line.bytes_per_step:,} bytes and {line.operations_per_step:,} operations; "
        f"{line.worlds} worlds, {line.threads} thread(s), {line.others_in_scene:g} others; "
        f"{line.steps_per_s:,}/s in all"
    )


def opening() -> list[dict[str, Any]]:
    """What opening large sets takes, as `benchmarks.opening` measures it."""
    words = [sys.executable, "-m", "benchmarks.opening", "--json"]
    told = subprocess.run(words, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in told.stdout.splitlines()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sim", description=__doc__)
    parser.add_argument("--worlds", type=int, default=64)
    parser.add_argument("--traffic", choices=TRAFFIC, default="idm")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--suite", action="store_true", help="every traffic, and opening sets")
    parser.add_argument("--json", action="store_true", help="one JSON line each")
    asked = parser.parse_args(arguments)
    machine = this_machine()
    for traffic in TRAFFIC if asked.suite else [asked.traffic]:
        line = measure(traffic, asked.worlds, asked.threads, asked.seconds, machine)
        print(json.dumps(asdict(line)) if asked.json else sentence(line))
    if not asked.json:
        copied, done = machine.copied_bytes_per_s / 1e9, machine.operations_per_s / 1e9
        print(f"one core copies {copied:.1f} GB/s and does {done:.1f} G operations/s")
    for facts in opening() if asked.suite else []:
        text = ", ".join(f"{name} {value}" for name, value in facts.items())
        print(json.dumps(facts) if asked.json else text)


if __name__ == "__main__":
    main()
