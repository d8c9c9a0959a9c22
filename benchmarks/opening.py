"""`python -m benchmarks.opening`: what it takes to open a large scenario set.

Made-up scenarios are written again and again until there are enough. A fresh process opens the
set, then reads the frames of some scenarios, as worlds do.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from drivetrain.data.catalogue import Origin, row_of
from drivetrain.data.generate import scenarios
from drivetrain.data.scenario_sets import BLOCK, ScenarioSetWriter, load
from drivetrain.sim.pack import pack

GOAL_S = 1.0
IN_USE = 256


def write_large_set(folder: Path, count: int) -> None:
    """At least `count` scenarios, each in a group of its own."""
    made = list(itertools.islice(scenarios(BLOCK, 0, on_reject=lambda _: None), BLOCK))
    block, rows = pack(made)._asdict(), [row_of(one) for one in made]
    with ScenarioSetWriter(folder, Origin("repeated", 1)) as writer:
        for at in range(-(-count // len(made))):
            renamed = [
                ((f"{at}-{id_}", source, log, f"{at}-{group}", *rest), origin)
                for (id_, source, log, group, *rest), origin in rows
            ]
            writer.append(block, renamed)


def measure(folder: Path) -> dict[str, float]:
    """Seconds and MiB of opening the set, and MiB of having some of its scenarios in use."""
    before = _resident_mib()
    begun = time.perf_counter()
    opened = load(folder)
    seconds, after = time.perf_counter() - begun, _resident_mib()
    arrays = opened.arrays
    picks = np.linspace(0, len(opened) - 1, IN_USE).astype(int)
    for pick in picks:
        first, last = arrays.first_frame[arrays.first_agent[pick : pick + 2]]
        arrays.x[first:last].sum()
    return {
        "scenarios": len(opened),
        "set_mib": round(sum(file.size for file in opened.manifest.files.values()) / 2**20),
        "open_s": round(seconds, 3),
        "goal_s": GOAL_S,
        "open_mib": round(after - before, 1),
        "in_use": IN_USE,
        "in_use_mib": round(_resident_mib() - after, 1),
    }


def _resident_mib() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--json", action="store_true", help="one JSON line each")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside is not None:
        print(json.dumps(measure(options.inside)))
        return
    for count in options.scenarios:
        with tempfile.TemporaryDirectory() as place:
            write_large_set(Path(place) / "set", count)
            words = ["-m", "benchmarks.opening", "--inside", str(Path(place) / "set")]
            told = subprocess.run(
                [sys.executable, *words], capture_output=True, text=True, check=True
            )
        facts = {"benchmark": "opening", **json.loads(told.stdout)}
        text = ", ".join(f"{name} {value}" for name, value in facts.items())
        print(json.dumps(facts) if options.json else text)


if __name__ == "__main__":
    main()
