"""GAIL end to end, beside PPO with the same settings, and beside itself without a simulator.

`python -m benchmarks.gail [--worlds 256] [--rounds 3] [--expert-data DEMOS] [--json]`: all in
one process, in turns, with the threads that `/train gail` uses by default.
"""

# ruff: noqa: E402 - how threads wait is settled before torch is loaded
from trainers.threads import calm_openmp

calm_openmp()

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn
from typing_extensions import override

from benchmarks.ppo import FreeVecEnv, pace, steps_per_second
from drivetrain.data.demonstrate import Asked, demonstrate
from drivetrain.data.demonstration_files import load_demonstrations
from drivetrain.data.demonstrations import Demonstrations
from drivetrain.data.open import open_set
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.sb3_env import DrivingVecEnv
from trainers.gail import make_gail_learner
from trainers.gail_learner import Floats, SilentVecEnv
from trainers.gail_request import (
    GAILEnvironmentSettings,
    GAILRequest,
    GeneratorSettings,
)
from trainers.learning import make_env, make_worlds, set_threads
from trainers.ppo_request import PPORequest

SHOWN = 64
"""Scenarios that are demonstrated in, where no demonstrations are given."""


class FreeSilentVecEnv(FreeVecEnv):
    """A step does nothing, and its reward is kept, as GAIL's worlds keep theirs."""

    def __init__(self, real: DrivingVecEnv) -> None:
        super().__init__(real)
        self.kept: list[Floats] = []

    @override
    def step_wait(self) -> VecEnvStepReturn:
        seen, rewards, dones, infos = super().step_wait()
        self.kept.append(rewards)
        return seen, rewards, dones, infos


def measure(worlds: int, rounds: int, rollouts: int, given: Path | None) -> dict[str, Any]:
    """The three rates, in turns, and the ratios of their medians."""
    # Every update runs to its end in all, whatever the KL: equal work is compared.
    request = GAILRequest(
        environment=GAILEnvironmentSettings(num_envs=worlds),
        ppo=GeneratorSettings(target_kl=None),
    )
    plain = PPORequest(environment=request.environment, ppo=request.ppo)
    set_threads(request)
    scenarios = open_set(None)
    shown = show(request.environment) if given is None else load_demonstrations(given)
    silent = SilentVecEnv(make_worlds(request, scenarios), cuts=True)
    free, paying = FreeSilentVecEnv(silent), make_env(plain, scenarios)
    rates: dict[str, list[float]] = {"gail": [], "ppo": [], "free": []}
    for _ in range(rounds):
        rates["gail"].append(_pace(request, silent, shown, rollouts))
        rates["ppo"].append(steps_per_second(paying, plain, rollouts))
        rates["free"].append(_pace(request, free, shown, rollouts))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return {
        "benchmark": "gail",
        "worlds": worlds,
        "steps_per_s": round(medians["gail"]),
        "ppo_steps_per_s": round(medians["ppo"]),
        "of_ppo": round(medians["gail"] / medians["ppo"], 3),
        "free_env_steps_per_s": round(medians["free"]),
        "of_free_env": round(medians["gail"] / medians["free"], 3),
        "rounds": rounds,
        "torch_threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }


def _pace(
    request: GAILRequest,
    env: SilentVecEnv | FreeSilentVecEnv,
    shown: Demonstrations,
    rollouts: int,
) -> float:
    learner = make_gail_learner(request, env)
    learner.adversary.open(shown)
    return pace(learner, request.ppo.max_grad_norm, rollouts)


def show(environment: EnvironmentSettings) -> Demonstrations:
    """What IDM shows in a few built-in scenarios; its file stays open without a name."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "demonstrations"
        asked = Asked("idm", environment, scenarios=SHOWN, noise=0.3)
        demonstrate(open_set(None), None, asked, out, lambda *_: None)
        return load_demonstrations(out)


def main(arguments: Sequence[str]) -> int:
    """Print the measurement as a sentence, or with `--json` as one line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gail", description=__doc__)
    parser.add_argument("--worlds", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rollouts", type=int, default=4, help="rollouts timed per round")
    parser.add_argument("--expert-data", type=Path, help="demonstrations; else some are made")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    result = measure(asked.worlds, asked.rounds, asked.rollouts, asked.expert_data)
    if asked.json:
        print(json.dumps(result))
    else:
        print(
            f"GAIL with {result['worlds']} worlds: {result['steps_per_s']} steps/s, "
            f"{100 * result['of_ppo']:.0f} % of PPO's {result['ppo_steps_per_s']} and "
            f"{100 * result['of_free_env']:.0f} % of its own "
            f"{result['free_env_steps_per_s']} on an environment that costs nothing."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
