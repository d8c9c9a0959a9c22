"""PPO of stable-baselines3 on highway-env in eight worker processes, for `benchmarks.ppo`.

Run by a Python that has both, of which neither project's code is needed; prints steps per
second as JSON. Settings are those of highway-env's own example for stable-baselines3's PPO
(scripts/sb3_highway_ppo.py), with eight workers instead of six.
"""

import argparse
import json
import time

import gymnasium
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv

WORKERS = 8
BATCH = 64


def steps_per_second(name: str, rollouts: int) -> float:
    """The rate of whole rollouts with their updates, after one rollout of warm-up."""
    env = make_vec_env(f"highway_env:{name}", n_envs=WORKERS, seed=0, vec_env_cls=SubprocVecEnv)
    learner = PPO(
        "MlpPolicy",
        env,
        policy_kwargs={"net_arch": {"pi": [256, 256], "vf": [256, 256]}},
        n_steps=BATCH * 12 // WORKERS,
        batch_size=BATCH,
        n_epochs=10,
        learning_rate=5e-4,
        gamma=0.8,
        device="cpu",
    )
    per_rollout = learner.n_steps * WORKERS
    learner.learn(per_rollout)
    begun = time.perf_counter()
    learner.learn(rollouts * per_rollout, reset_num_timesteps=False)
    rate = rollouts * per_rollout / (time.perf_counter() - begun)
    env.close()
    return rate


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--rollouts", type=int, default=2)
    asked = parser.parse_args()
    gymnasium.logger.min_level = gymnasium.logger.ERROR
    print(json.dumps({"rate": steps_per_second(asked.name, asked.rollouts)}))
