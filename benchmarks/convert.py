"""`python -m benchmarks.convert`: how fast recordings become a scenario set.

nuPlan databases are laid out in a temporary folder: five minutes of a motorway with three
lanes, 33 cars in steady traffic, each tracked for 20 s at a time, tagged every two seconds, of
which the converter keeps the windows of 15 s that do not overlap. Everything is included: the
start of the processes, the map, checks, shards, and the join.
"""

import argparse
import io
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from drivetrain.data.conversion import convert
from drivetrain.data.conversion_progress import Progress
from drivetrain.data.convert_file import Job
from drivetrain.data.converters.contract import Options
from drivetrain.data.scenario_sets import load
from drivetrain.sim.scenario import (
    Area,
    AreaKind,
    Category,
    Lane,
    Road,
    Scenario,
    Tracks,
)
from drivetrain.sim.scenario import (
    Path as Line,
)
from tests.data.nuplan_builder import Layout, write_database
from tests.data.nuplan_builder_map import write_map

MODULE = "drivetrain.data.converters.nuplan"
LANES, LANE_M, PIECE_M, PIECES = 3, 4.0, 100.0, 44
SECONDS = 300
"""As long as many recordings of nuPlan; a short file would measure the start of processes."""
CARS = 33
TRACKED_S = 20
"""Until a car is lost and found again as another one, as happens in recordings."""
SPEEDS_MPS = (11.8, 12.0, 12.2)
"""One per lane, and so alike that everybody stays in sight of the ego."""


@dataclass(frozen=True)
class Speed:
    """What the benchmark prints.

    driving_s_per_s: seconds of scenarios written per second.  recorded_s_per_s: seconds of
    recording read per second.
    """

    benchmark: str
    workers: int
    files: int
    scenarios: int
    agents: int
    seconds: float
    driving_s_per_s: float
    recorded_s_per_s: float
    scaling: float


def measure(files: int, workers: Sequence[int]) -> list[Speed]:
    """One line for each number of processes; scaling compares with the first."""
    lines: list[Speed] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _write_logs(folder, files)
        for count in workers:
            lines.append(_measured(folder, count, lines))
    return lines


def _measured(folder: Path, workers: int, before: Sequence[Speed]) -> Speed:
    job = Job(MODULE, Options(maps=folder / "maps"))
    out = folder / f"set_{workers}"
    begun = time.perf_counter()
    done = convert(
        job, [folder / "logs"], out, workers=workers, progress=Progress(io.StringIO())
    )
    seconds = time.perf_counter() - begun
    if done.failures:
        raise RuntimeError(done.warning())
    read = load(out)
    driven_s = float((read.arrays.steps - 1).sum()) * read.manifest.step_s
    rate = driven_s / seconds
    return Speed(
        benchmark="convert",
        workers=workers,
        files=done.files,
        scenarios=len(read),
        agents=int(np.diff(read.arrays.first_agent).max()),
        seconds=round(seconds, 2),
        driving_s_per_s=round(rate, 1),
        recorded_s_per_s=round(done.files * SECONDS / seconds, 1),
        scaling=round(rate / before[0].driving_s_per_s, 2) if before else 1.0,
    )


def _write_logs(folder: Path, files: int) -> None:
    road = _road()
    tag: tuple[str, ...] = ("following_lane",)
    tags = dict.fromkeys(range(100, 20 * SECONDS - 260, 40), tag)
    layout = Layout(roadblocks=None, tags_by_row=tags)
    first, *others = (f"2021.05.12.22.{at:02d}.38_veh-35_01008_01518" for at in range(files))
    written = write_database(folder / "logs", _scene(road), layout, first)
    for name in others:
        # A recording is known by its file's name, so the same again is another one.
        written.with_name(f"{name}.db").hardlink_to(written)
    write_map(folder / "maps", road)


def _road() -> Road:
    """Straight lanes to the east in pieces of 100 m, each a roadblock with its neighbours."""
    half = np.full(2, LANE_M / 2)
    length_m = PIECES * PIECE_M
    lines = tuple(
        Line(
            np.array([[0.0, LANE_M * lane], [length_m, LANE_M * lane]]),
            half,
            np.full(2, 30.0),
        )
        for lane in range(LANES)
    )
    lanes = tuple(_lane(piece, lane) for piece in range(PIECES) for lane in range(LANES))
    low, high = -LANE_M / 2, LANE_M * (LANES - 0.5)
    ground = np.array([[0.0, low], [length_m, low], [length_m, high], [0.0, high]])
    edges = np.array([[0.0, low, length_m, low], [0.0, high, length_m, high]])
    areas = (Area(AreaKind.DRIVABLE, (ground,)),)
    return Road("motorway", lines, edges, lanes, areas)


def _lane(piece: int, lane: int) -> Lane:
    x0, x1, y = PIECE_M * piece, PIECE_M * (piece + 1), LANE_M * lane
    low, high = y - LANE_M / 2, y + LANE_M / 2
    onward = (LANES * (piece + 1) + lane,) if piece + 1 < PIECES else ()
    return Lane(
        outline_m=np.array([[x0, low], [x1, low], [x1, high], [x0, high]]),
        baseline_m=np.array([[x0, y], [x1, y]]),
        limit_mps=30.0,
        block=piece,
        is_connector=False,
        successors=onward,
    )


def _scene(road: Road) -> Scenario:
    cars = _cars()
    # The ego is one track all the time, the others are lost and found again.
    spells = np.arange(10 * SECONDS + 1) // (10 * TRACKED_S)
    seen = [spells == spell for spell in np.unique(spells)]
    rows = np.r_[0, np.repeat(np.arange(1, CARS), len(seen))]
    valid = np.stack([np.ones(len(spells), bool), *(seen * (CARS - 1))])
    per_step = {
        name: getattr(cars, name)[rows]
        for name in ("x_m", "y_m", "heading_rad", "vx_mps", "vy_mps")
    }
    per_car = {name: getattr(cars, name)[rows] for name in ("length_m", "width_m", "category")}
    lane = (rows % LANES).astype(np.int32)
    return Scenario(
        id="motorway",
        source="benchmark",
        log="motorway",
        group="motorway",
        type="following_lane",
        licence="generated",
        origin_m=(0.0, 0.0),
        road=road,
        tracks=Tracks(**per_step, **per_car, valid=valid),
        ego=0,
        route=int(lane[0]),
        agent_path=lane,
        desired_mps=np.full(len(rows), np.nan),
    )


def _cars() -> Tracks:
    random = np.random.default_rng(0)
    steps = 10 * SECONDS + 1
    lane = np.arange(CARS) % LANES
    speed = np.array(SPEEDS_MPS)[lane]
    # Ample room, so that nobody drives into another.
    begin = 40.0 + 22.0 * (np.arange(CARS) // LANES) + random.uniform(0.0, 8.0, CARS)
    x_m = begin[:, None] + speed[:, None] * 0.1 * np.arange(steps)
    still = np.zeros((CARS, steps))
    return Tracks(
        x_m=x_m,
        y_m=still + LANE_M * lane[:, None],
        heading_rad=still,
        vx_mps=still + speed[:, None],
        vy_mps=still,
        valid=np.ones((CARS, steps), bool),
        length_m=np.r_[5.176, random.uniform(4.0, 5.2, CARS - 1)],
        width_m=np.r_[2.297, random.uniform(1.7, 2.1, CARS - 1)],
        category=np.full(CARS, Category.VEHICLE, np.uint8),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=16)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", action="store_true", help="one JSON line each")
    options = parser.parse_args()
    for line in measure(options.files, options.workers):
        facts = asdict(line)
        text = ", ".join(f"{name} {value}" for name, value in facts.items())
        print(json.dumps(facts) if options.json else text)


if __name__ == "__main__":
    main()
