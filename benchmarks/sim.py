"""How fast the simulator steps: 32 reacting others, observation, reward and metrics included.

    python -m benchmarks.sim --worlds 64 [--traffic idm|replay] [--threads N] [--json]

The ego is driven by the rules driver, so that episodes last as long as they do in evaluation;
its decisions are not timed, the simulator's steps with their resets are. Per core means per
second of CPU time, of all threads together: what else the machine does hardly changes it.
"""

import argparse
import json
import os
import platform
import time
from dataclasses import dataclass

import numba
import numpy as np

from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.pack import pack
from drivetrain.sim.planners import IdmDriver
from drivetrain.sim.scenario import Category, Path, Road, Scenario, ScenarioArrays, Tracks
from drivetrain.sim.world import Worlds

OTHERS = 32
LANES = 3
LANE_M = 3.6
RADIUS_M = 300.0
ROAD_M = 700.0
STEPS = 151
VARIANTS = 16
GOAL_PER_CORE = 150_000


@dataclass(frozen=True)
class Line:
    """What the benchmark prints."""

    benchmark: str
    worlds: int
    traffic: str
    threads: int
    others_in_scene: float
    steps_per_s: int
    steps_per_s_per_core: int
    goal_per_core: int
    first_step_s: float
    episodes: int
    machine: str
    numba: str


def _lane(number: int) -> Path:
    """A lane of a long left curve."""
    along = np.arange(0.0, ROAD_M)
    radius = RADIUS_M - number * LANE_M
    angle = along / RADIUS_M
    points = np.column_stack([radius * np.sin(angle), RADIUS_M - radius * np.cos(angle)])
    return Path(points, np.full(len(along), LANE_M / 2), np.full(len(along), 13.9))


def _road() -> Road:
    sides = [_lane(side).points_m for side in (-1, LANES)]
    edges = np.concatenate([np.column_stack([side[:-1], side[1:]]) for side in sides])
    return Road("curve", tuple(_lane(number) for number in range(LANES)), edges)


def _scenario(road: Road, variant: int) -> Scenario:
    """An ego in the middle lane amid 32 others, all within 130 m, logged at constant speed."""
    random = np.random.default_rng(variant)
    count = OTHERS + 1
    lane = np.arange(count) % LANES
    place = 20.0 + (np.arange(count) // LANES) * 20.0 + random.uniform(0, 8, count)
    # The ego trades places with whoever is in the middle of the middle lane.
    lane[[0, 16]], place[[0, 16]] = lane[[16, 0]], place[[16, 0]]
    speed = random.uniform(9.0, 13.0, count)
    along = place[:, None] + speed[:, None] * 0.1 * np.arange(STEPS)
    angle = np.asarray(along / RADIUS_M, np.float64)
    radius = np.asarray(RADIUS_M - lane[:, None] * LANE_M, np.float64)
    tracks = Tracks(
        x_m=np.asarray(radius * np.sin(angle)),
        y_m=np.asarray(RADIUS_M - radius * np.cos(angle)),
        heading_rad=angle,
        vx_mps=speed[:, None] * np.cos(angle),
        vy_mps=speed[:, None] * np.sin(angle),
        valid=np.ones((count, STEPS), np.bool_),
        length_m=np.r_[5.176, random.uniform(4.0, 5.2, OTHERS)],
        width_m=np.r_[2.297, random.uniform(1.7, 2.1, OTHERS)],
        category=np.full(count, Category.VEHICLE, np.uint8),
    )
    return Scenario(
        id=f"curve-{variant}",
        source="benchmark",
        log="benchmark",
        group="benchmark",
        type="curve",
        licence="generated",
        origin_m=(0.0, 0.0),
        road=road,
        tracks=tracks,
        ego=0,
        route=int(lane[0]),
        agent_path=lane.astype(np.int32),
        desired_mps=np.full(count, np.nan),
    )


def scenes() -> ScenarioArrays:
    """The benchmark's scenarios."""
    road = _road()
    return pack([_scenario(road, variant) for variant in range(VARIANTS)])


def measure(worlds_count: int, traffic: str, threads: int, seconds: float) -> Line:
    """Step for some seconds and count."""
    settings = EnvironmentSettings.model_validate({"traffic": traffic, "threads": threads})
    worlds = Worlds(scenes(), settings, num_worlds=worlds_count, seed=0, stagger=True)
    driver, begun = IdmDriver(), time.monotonic()
    worlds.reset()
    worlds.step(driver.act(worlds))
    first_step_s = time.monotonic() - begun
    wall_s, cpu_s, steps, episodes, others = 0.0, 0.0, 0, 0, 0.0
    while wall_s < seconds:
        actions = driver.act(worlds)
        wall, cpu = time.perf_counter(), time.process_time()
        worlds.step(actions)
        wall_s += time.perf_counter() - wall
        cpu_s += time.process_time() - cpu
        steps += 1
        episodes += int((worlds.terminated | worlds.truncated).sum())
        if steps % 50 == 1:
            others = float(worlds.snapshot().valid.sum(axis=1).mean()) - 1
    return Line(
        benchmark="sim",
        worlds=worlds_count,
        traffic=traffic,
        threads=threads,
        others_in_scene=round(others, 1),
        steps_per_s=round(steps * worlds_count / wall_s),
        steps_per_s_per_core=round(steps * worlds_count / cpu_s),
        goal_per_core=GOAL_PER_CORE,
        first_step_s=round(first_step_s, 1),
        episodes=episodes,
        machine=f"{platform.machine()}, {os.cpu_count()} cores",
        numba=numba.__version__,
    )


def main() -> None:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sim", description=__doc__)
    parser.add_argument("--worlds", type=int, default=64)
    parser.add_argument("--traffic", choices=["idm", "replay"], default="idm")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true", help="one JSON line")
    asked = parser.parse_args()
    line = measure(asked.worlds, asked.traffic, asked.threads, asked.seconds)
    if asked.json:
        print(json.dumps(line.__dict__))
    else:
        print(
            f"{line.steps_per_s_per_core:,} env-steps/s per core (goal {line.goal_per_core:,}):"
            f" {line.worlds} worlds, {line.traffic} traffic, {line.threads} thread(s),"
            f" {line.others_in_scene} others; {line.steps_per_s:,}/s in all"
        )


if __name__ == "__main__":
    main()
