"""PPO end to end, beside the same PPO on an environment that costs nothing.

The ratio tells how well the simulator hides behind the learner. Both run in one process, in
turn, with the threads that `/train ppo` uses by default; the medians are printed. With
`--highway PYTHON` the PPO of stable-baselines3 takes its turns too, in eight worker processes
on highway-env, by a Python that has both.
"""

# ruff: noqa: E402 - how threads wait is settled before torch is loaded
from trainers.threads import calm_openmp

calm_openmp()

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn
from typing_extensions import override

from benchmarks.tracking import measure_tracking
from drivetrain.data.open import open_set
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.sb3_env import DrivingVecEnv
from trainers.gradients import Gradients
from trainers.learning import make_env, set_threads
from trainers.ppo import make_learner
from trainers.ppo_request import PPORequest

HIGHWAY = "highway-fast-v0"
"""highway-env's quickest highway, which it recommends for large-scale training."""


class FreeVecEnv(DrivingVecEnv):
    """The same shapes as the real worlds, but a step does nothing and no episode ends."""

    def __init__(self, real: DrivingVecEnv) -> None:
        super().__init__(real.worlds)
        self._seen = (
            np.random.default_rng(0)
            .uniform(-1.0, 1.0, (self.num_envs, real.worlds.layout.size))
            .astype(np.float32)
        )
        self._rewards = np.zeros(self.num_envs, np.float32)
        self._dones = np.zeros(self.num_envs, np.bool_)

    @override
    def reset(self) -> VecEnvObs:
        return self._seen

    @override
    def step_async(self, actions: NDArray[np.float32]) -> None:
        """Actions lead nowhere."""

    @override
    def step_wait(self) -> VecEnvStepReturn:
        return self._seen, self._rewards.copy(), self._dones, [{} for _ in range(self.num_envs)]


def steps_per_second(env: DrivingVecEnv, request: PPORequest, rollouts: int) -> float:
    """The rate of whole rollouts with their updates, after one rollout of warm-up."""
    return pace(make_learner(request, env, PPO), request.ppo.max_grad_norm, rollouts)


def pace(learner: PPO, limit: float, rollouts: int) -> float:
    """The same of any learner of PPO's kind.  limit: of the gradient's norm."""
    Gradients(learner.policy.optimizer, limit, lambda: None)
    learner.set_logger(Logger(folder=None, output_formats=[]))
    per_rollout = learner.n_steps * learner.n_envs
    learner.learn(per_rollout)
    begun = time.perf_counter()
    learner.learn(rollouts * per_rollout, reset_num_timesteps=False)
    return rollouts * per_rollout / (time.perf_counter() - begun)


def peer_steps_per_second(python: Path, name: str) -> float:
    """The rate of stable-baselines3's PPO on an environment of highway-env."""
    script = Path(__file__).with_name("peer_ppo.py")
    done = subprocess.run(
        [python, script, name],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        env=os.environ | {"SDL_VIDEODRIVER": "dummy", "OMP_NUM_THREADS": "1"},
    )
    return float(json.loads(done.stdout.splitlines()[-1])["rate"])


def measure(
    worlds: int, rounds: int, rollouts: int, highway: Path | None = None
) -> dict[str, Any]:
    """All rates, in turn, and the ratios of their medians."""
    request = PPORequest(environment=EnvironmentSettings(num_envs=worlds))
    # Every update runs to its end in both, whatever the KL: equal work is compared.
    request = request.model_copy(
        update={"ppo": request.ppo.model_copy(update={"target_kl": None})}
    )
    set_threads(request)
    real = make_env(request, open_set(None))
    free = FreeVecEnv(real)
    driven: list[float] = []
    idle: list[float] = []
    peer: list[float] = []
    for _ in range(rounds):
        driven.append(steps_per_second(real, request, rollouts))
        idle.append(steps_per_second(free, request, rollouts))
        if highway is not None:
            peer.append(peer_steps_per_second(highway, HIGHWAY))
    return {
        "benchmark": "ppo",
        "worlds": worlds,
        "steps_per_s": round(statistics.median(driven)),
        "free_env_steps_per_s": round(statistics.median(idle)),
        "ratio": round(statistics.median(a / b for a, b in zip(driven, idle, strict=True)), 3),
        "rounds": rounds,
        "torch_threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        **_beside(driven, peer),
    }


def _beside(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    """What stable-baselines3 did on highway-env, and how many times as fast this is."""
    if not theirs:
        return {}
    times = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return {
        "peer": f"stable-baselines3, 8 SubprocVecEnv workers, {HIGHWAY}",
        "peer_steps_per_s": round(statistics.median(theirs), 1),
        "times": round(times),
    }


def main(arguments: Sequence[str]) -> int:
    """Print the measurement as a sentence, or with `--json` as one line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ppo", description=__doc__)
    parser.add_argument("--worlds", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rollouts", type=int, default=2, help="rollouts timed per round")
    parser.add_argument("--tracking", action="store_true", help="with and without tracking")
    parser.add_argument("--highway", type=Path, help="Python with highway-env and SB3")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    sizes = (asked.worlds, asked.rounds, asked.rollouts)
    result = measure_tracking(*sizes) if asked.tracking else measure(*sizes, asked.highway)
    if asked.json:
        print(json.dumps(result))
    elif asked.tracking:
        print(
            f"PPO with {result['worlds']} worlds: {result['steps_per_s']} steps/s, of which "
            f"telemetry and tracking cost {result['cost_percent']} %."
        )
    else:
        print(
            f"PPO with {result['worlds']} worlds: {result['steps_per_s']} steps/s, "
            f"{100 * result['ratio']:.0f} % of {result['free_env_steps_per_s']} steps/s "
            "on an environment that costs nothing."
        )
        if "times" in result:
            print(
                f"{result['times']} times the {result['peer_steps_per_s']} of {result['peer']}."
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
