"""Where the seconds of training go: into the simulator, the policy's choices or the updates."""

import time
from collections.abc import Mapping
from typing import Literal

from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn
from typing_extensions import override

from drivetrain.sim.sb3_env import DrivingVecEnv

Part = Literal["rollout", "update"]


class TimedVecEnv(DrivingVecEnv):
    """Worlds that know how long they took.  simulator_s: all steps so far, s."""

    simulator_s = 0.0

    @override
    def step_wait(self) -> VecEnvStepReturn:
        begun = time.monotonic()
        try:
            return super().step_wait()
        finally:
            self.simulator_s += time.monotonic() - begun


class Stopwatch:
    """Adds up the seconds of rollouts and updates; of rollouts, also the simulator's share."""

    def __init__(self) -> None:
        self._env: TimedVecEnv | None = None
        self._simulated_s = 0.0
        self._part: Part | None = None
        self._since = 0.0
        self._spent: dict[Part, float] = {}

    def watch(self, env: object) -> None:
        """Count this environment's seconds too, where it knows them."""
        self._env = env if isinstance(env, TimedVecEnv) else None
        self._simulated_s = 0.0 if self._env is None else self._env.simulator_s

    def begin(self, part: Part | None) -> None:
        """From here on it is this part; None for what is neither."""
        now = time.monotonic()
        if self._part is not None:
            spent = self._spent.get(self._part, 0.0)
            self._spent[self._part] = spent + now - self._since
        self._part, self._since = part, now

    def told(self) -> Mapping[str, float]:
        """`time/rollout_s` and the like since this was last asked; empty without a rollout."""
        spent, self._spent = self._spent, {}
        if not spent:
            return {}
        numbers = {f"time/{part}_s": seconds for part, seconds in spent.items()}
        if self._env is not None:
            before, self._simulated_s = self._simulated_s, self._env.simulator_s
            numbers["time/simulator_s"] = self._simulated_s - before
        return numbers
