"""Other simulators beside this one, in turn on one core; `peers.md` tells how to get them.

    python -m benchmarks.peers [--highway PYTHON] [--pufferlib FOLDER] [--repeats N] [--json]

Everybody steps in a process of its own, one at a time, and tells its agent-steps per second of
processor time, resets included. The repeats go round, so that a busy minute is everybody's;
what is told is the median, the least and the most.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from drivetrain.settings import PROJECT

OURS = ("replay", "idm", "policy")
HIGHWAY = ("highway-v0", "highway-fast-v0", "intersection-v0", "merge-v0", "roundabout-v0")
HIGHWAY_STEPS = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import gymnasium, highway_env
name, seconds = sys.argv[1], float(sys.argv[2])
env = gymnasium.make(name)
env.reset(seed=0)
env.action_space.seed(0)
frames = env.unwrapped.config["simulation_frequency"] / env.unwrapped.config["policy_frequency"]
steps, begun = 0, time.process_time()
while time.process_time() - begun < seconds:
    *_, terminated, truncated, _ = env.step(env.action_space.sample())
    steps += 1
    if terminated or truncated:
        env.reset()
rate = steps / (time.process_time() - begun)
vehicles = len(env.unwrapped.road.vehicles) - 1
about = f"1 ego, {vehicles} others, {frames:g} steps of physics each"
print(json.dumps({"rate": rate, "about": about}))
"""
CORE = Path("ocean/gpudrive/gpudrive.h")
MAP = Path("resources/gpudrive/map_942.bin")
DRAWING = "const Color STONE_GRAY"
"""What draws begins here in `gpudrive.h`."""


@dataclass(frozen=True)
class Peer:
    """Somebody who steps.  command: prints its answer within `seconds`, as `read` takes it."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Speed:
    """Agent-steps per second of processor time on one core, over the repeats."""

    name: str
    about: str
    median: int
    least: int
    most: int
    repeats: int


def measure(peers: Sequence[Peer], repeats: int) -> list[Speed]:
    """Everybody's speed, the repeats going round."""
    told: dict[str, list[tuple[float, str]]] = {peer.name: [] for peer in peers}
    for _ in range(repeats):
        for peer in peers:
            told[peer.name].append(_asked(peer))
    return [_speed(name, answers) for name, answers in told.items()]


def _speed(name: str, answers: Sequence[tuple[float, str]]) -> Speed:
    rates = [rate for rate, _ in answers]
    median, least, most = statistics.median(rates), min(rates), max(rates)
    return Speed(name, answers[-1][1], round(median), round(least), round(most), len(rates))


def _asked(peer: Peer) -> tuple[float, str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "SDL_VIDEODRIVER": "dummy"}
    done = subprocess.run(
        peer.command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )
    answer = done.stdout.splitlines()[0]
    if not answer.startswith("{"):
        agents, size, rate = answer.split()
        return float(rate), f"{agents} agents, {size} numbers seen by each"
    facts = json.loads(answer)
    if "rate" in facts:
        return facts["rate"], facts["about"]
    about = f"{facts['others_in_scene']:g} others, {facts['worlds']} worlds"
    return facts["steps_per_s_per_core"], about


@contextmanager
def everybody(
    highway: Path | None, pufferlib: Path | None, seconds: float
) -> Iterator[list[Peer]]:
    """Whoever is there: this simulator always, the others where they were named."""
    ours = (sys.executable, "-m", "benchmarks.sim", "--json", "--seconds", str(seconds))
    peers = [
        Peer(f"ADPlanning-v0 {traffic}", (*ours, "--traffic", traffic)) for traffic in OURS
    ]
    if highway is not None:
        words = (str(highway), "-c", HIGHWAY_STEPS)
        peers += [Peer(f"highway-env {name}", (*words, name, str(seconds))) for name in HIGHWAY]
    with tempfile.TemporaryDirectory() as place:
        if pufferlib is not None:
            program = compiled_core(pufferlib, Path(place))
            words = (str(program), str(pufferlib / MAP), str(seconds))
            peers.append(Peer("PufferLib gpudrive (C)", words))
        yield peers


def compiled_core(pufferlib: Path, place: Path) -> Path:
    """A program that steps PufferLib's C core, without what draws."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("a C compiler is needed for PufferLib's core: install gcc")
    text = (pufferlib / CORE).read_text(encoding="utf-8").partition(DRAWING)[0]
    lines = [line for line in text.splitlines() if not _is_drawing(line)]
    (place / "core.h").write_text("\n".join(lines) + "\n", encoding="utf-8")
    program, source = place / "peer_gpudrive", PROJECT / "benchmarks" / "peer_gpudrive.c"
    flags = ("-O3", "-march=native", "-w", f'-DGPUDRIVE_CORE="{place / "core.h"}"')
    subprocess.run([compiler, *flags, str(source), "-o", str(program), "-lm"], check=True)
    return program


def _is_drawing(line: str) -> bool:
    return any(f'"{header}.h"' in line for header in ("raylib", "raymath", "rlgl"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure whoever is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--highway", type=Path, help="a Python that has highway-env")
    parser.add_argument("--pufferlib", type=Path, help="folder `pufferlib` of its sources")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true", help="one JSON line each")
    asked = parser.parse_args(arguments)
    with everybody(asked.highway, asked.pufferlib, asked.seconds) as peers:
        speeds = measure(peers, asked.repeats)
    for speed in speeds:
        rates = f"{speed.median:,} ({speed.least:,} to {speed.most:,})"
        row = f"| {speed.name} | {rates} | {speed.about} |"
        print(json.dumps({"benchmark": "peers", **asdict(speed)}) if asked.json else row)


if __name__ == "__main__":
    main()
