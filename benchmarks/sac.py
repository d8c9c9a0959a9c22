"""How much of SAC's time the simulator takes: the same SAC on worlds, and on none.

`python -m benchmarks.sac [--worlds 64] [--rounds 3] [--data SET] [--json]`, in turns.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.logger import Logger

from benchmarks.ppo import FreeVecEnv
from drivetrain.data.open import open_set
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.sb3_env import DrivingVecEnv
from trainers.learning import make_env, set_threads
from trainers.sac import make_experience, make_learner
from trainers.sac_request import SACRequest, SACSettings


def rates(env: DrivingVecEnv, request: SACRequest, steps: int) -> tuple[float, float]:
    """Environment steps and updates per second, once learning has begun."""
    learner = make_learner(request, env, make_experience(request, env))
    learner.set_logger(Logger(folder=None, output_formats=[]))
    learner.learn(2 * request.sac.learning_starts)
    driven, updates, begun = learner.num_timesteps, learner._n_updates, time.perf_counter()  # noqa: SLF001 - SB3 has no other name
    learner.learn(steps, reset_num_timesteps=False)
    took_s = time.perf_counter() - begun
    return (learner.num_timesteps - driven) / took_s, (learner._n_updates - updates) / took_s  # noqa: SLF001


def measure(worlds: int, rounds: int, steps: int, data: Path | None) -> dict[str, Any]:
    """Both rates, alternating, and the ratio of their medians."""
    request = SACRequest(
        environment=EnvironmentSettings(num_envs=worlds), sac=SACSettings(learning_starts=1_000)
    )
    set_threads(request)
    real = make_env(request, open_set(data))
    free = FreeVecEnv(real)
    driven, idle = [], []
    for _ in range(rounds):
        driven.append(rates(real, request, steps))
        idle.append(rates(free, request, steps))
    return {
        "benchmark": "sac",
        "worlds": worlds,
        "utd": request.sac.utd,
        "steps_per_s": round(statistics.median(rate for rate, _ in driven)),
        "updates_per_s": round(statistics.median(rate for _, rate in driven), 1),
        "free_env_steps_per_s": round(statistics.median(rate for rate, _ in idle)),
        "ratio": round(
            statistics.median(a[0] / b[0] for a, b in zip(driven, idle, strict=True)), 3
        ),
        "rounds": rounds,
        "torch_threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }


def main(arguments: Sequence[str]) -> int:
    """Print the measurement as a sentence, or with `--json` as one line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sac", description=__doc__)
    parser.add_argument("--worlds", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8_000, help="steps timed per round")
    parser.add_argument("--data", type=Path, help="a scenario set; else the built-in one")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    result = measure(asked.worlds, asked.rounds, asked.steps, asked.data)
    if asked.json:
        print(json.dumps(result))
    else:
        print(
            f"SAC with {result['worlds']} worlds: {result['steps_per_s']} steps/s with "
            f"{result['updates_per_s']} updates/s, {100 * result['ratio']:.0f} % of "
            f"{result['free_env_steps_per_s']} steps/s on an environment that costs nothing."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
