"""ADPlanning-v0 for stable-baselines3: many worlds behind one `VecEnv`, no worker processes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import (
    VecEnv,
    VecEnvIndices,
    VecEnvObs,
    VecEnvStepReturn,
)
from typing_extensions import override

from drivetrain.sim.actions import ACTION_COLUMNS
from drivetrain.sim.spaces import action_space, observation_space
from drivetrain.sim.world import Worlds


class DrivingVecEnv(VecEnv):
    """All worlds of `worlds`, stepped in one call and reset as their episodes end."""

    def __init__(self, worlds: Worlds) -> None:
        self.worlds = worlds
        told = worlds.settings.actions
        self._actions = np.zeros((worlds.num_worlds, ACTION_COLUMNS[told]), np.float32)
        super().__init__(
            worlds.num_worlds, observation_space(worlds.layout), action_space(told)
        )

    @override
    def reset(self) -> VecEnvObs:
        self.worlds.reset()
        return self.worlds.observations.copy()

    @override
    def step_async(self, actions: NDArray[np.float32]) -> None:
        self._actions = actions

    @override
    def step_wait(self) -> VecEnvStepReturn:
        worlds = self.worlds
        worlds.step(self._actions)
        dones = worlds.terminated | worlds.truncated
        return worlds.observations.copy(), worlds.rewards.copy(), dones, self._infos(dones)

    def _infos(self, dones: NDArray[np.bool_]) -> list[dict[str, Any]]:
        """A dict per world, each its own: wrappers of other libraries write into them."""
        worlds = self.worlds
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for world in np.flatnonzero(dones):
            infos[world] = {
                "terminal_observation": worlds.final_observations[world].copy(),
                "TimeLimit.truncated": bool(
                    worlds.truncated[world] and not worlds.terminated[world]
                ),
                "episode": {
                    "r": float(worlds.episodes.total_reward[world]),
                    "l": int(worlds.episodes.steps[world]),
                    "t": 0.0,
                },
            }
        return infos

    @override
    def close(self) -> None:
        """Nothing to release: the worlds own plain arrays."""

    @override
    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Reseed every world's stream from its number; a reset follows as SB3 requires."""
        if seed is not None:
            self.worlds.seed = seed
        return [seed] * self.num_envs

    @override
    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        value = None if attr_name == "render_mode" else getattr(self.worlds, attr_name)
        return [value for _ in self._get_indices(indices)]

    @override
    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        raise NotImplementedError("Worlds are configured when they are made.")

    @override
    def env_method(
        self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        raise NotImplementedError("Worlds have no per-world objects to call.")

    @override
    def env_is_wrapped(self, wrapper_class: Any, indices: VecEnvIndices = None) -> list[bool]:
        return [False for _ in self._get_indices(indices)]
