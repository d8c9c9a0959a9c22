"""ADPlanning-v0 for gymnasium: one world as an `Env`, many as a `VectorEnv`.

Both are thin faces of `Worlds`: the same seed and actions give the same episodes in either.
"""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from typing_extensions import override

from drivetrain.data.open import open_set
from drivetrain.data.split import Split
from drivetrain.sim.config import STEP_S, EnvironmentSettings
from drivetrain.sim.spaces import action_space, observation_space
from drivetrain.sim.world import EndReason, Worlds

Observation = NDArray[np.float32]
Info = dict[str, Any]
DEFAULT_WORLDS = 8


def _worlds(data: str | Path | None, split: Split, settings: dict[str, Any]) -> Worlds:
    scenarios = open_set(data)
    return Worlds(
        scenarios.arrays,
        environment := EnvironmentSettings(**settings),
        num_worlds=environment.num_envs,
        seed=0,
        picks=scenarios.picks(split),
    )


class ADPlanningEnv(gymnasium.Env[Observation, NDArray[np.float32]]):
    """One ego vehicle in one world.

    data: folder of a scenario set; by default the built-in generated scenarios.
    split: which part of the set episodes are drawn from.
    settings: fields of `EnvironmentSettings`, such as `traffic="replay"`.
    """

    def __init__(
        self, data: str | Path | None = None, split: Split = "train", **settings: Any
    ) -> None:
        self._worlds = _worlds(data, split, {**settings, "num_envs": 1})
        if self._worlds.num_worlds > 1:
            raise ValueError(
                "traffic='policy' drives several vehicles, and this environment has one ego; "
                "take gymnasium.make_vec('ADPlanning-v0', vectorization_mode='custom', "
                "vector_kwargs={'traffic': 'policy'}), or another traffic: idm, replay"
            )
        self.observation_space: spaces.Box = observation_space(self._worlds.layout)
        self.action_space = action_space(self._worlds.settings.actions)
        self._is_fresh = False

    @override
    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Begin the next episode, or with `seed` the first one of that seed's stream."""
        super().reset(seed=seed, options=options)
        if seed is not None:
            self._worlds.seed = seed
        if seed is not None or not self._is_fresh:
            self._worlds.reset()
        self._is_fresh = False
        return self._worlds.observations[0].copy(), {}

    @override
    def step(self, action: NDArray[np.float32]) -> tuple[Observation, float, bool, bool, Info]:
        worlds = self._worlds
        worlds.step(np.asarray(action, np.float32).reshape(1, -1))
        terminated, truncated = bool(worlds.terminated[0]), bool(worlds.truncated[0])
        # The worlds have begun the next episode by themselves; the next `reset` hands it out.
        self._is_fresh = terminated or truncated
        seen = worlds.final_observations if self._is_fresh else worlds.observations
        info = _episode_info(worlds, 0) if self._is_fresh else {}
        return seen[0].copy(), float(worlds.rewards[0]), terminated, truncated, info


def _episode_info(worlds: Worlds, world: int) -> Info:
    episodes = worlds.episodes
    return {
        "scenario": int(episodes.scenario[world]),
        "end_reason": EndReason(int(episodes.end_reason[world])).name.lower(),
        "progress_m": float(episodes.progress_m[world]),
        "expert_m": float(episodes.expert_m[world]),
    }


class ADPlanningVectorEnv(gymnasium.vector.VectorEnv):
    """Many worlds; an ended one is reset within the same step.

    In self-play (`traffic="policy"`) `num_envs` is rounded up to whole groups; who is off stage
    sees zeros, earns nothing, and its episode neither ends nor is cut: `infos["on_stage"]`.

    The last observation of an ended episode stands in `infos["final_observation"]` and, under
    its newer name, in `infos["final_obs"]`; both are object arrays with None elsewhere.
    """

    def __init__(
        self,
        num_envs: int = DEFAULT_WORLDS,
        data: str | Path | None = None,
        split: Split = "train",
        max_episode_steps: int | None = None,
        **settings: Any,
    ) -> None:
        """max_episode_steps: the horizon, as `gymnasium.make_vec` hands it on from a spec."""
        if max_episode_steps is not None:
            settings["horizon_s"] = max_episode_steps * STEP_S
        self._worlds = _worlds(data, split, {**settings, "num_envs": num_envs})
        # gymnasium 0.29 wants these as arguments, 1.x as attributes: attributes serve both.
        self.num_envs = num_envs = self._worlds.num_worlds
        self.is_vector_env = True
        self.closed = False
        self.viewer = None
        self.single_observation_space = observation_space(self._worlds.layout)
        self.single_action_space = action_space(self._worlds.settings.actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        if hasattr(gymnasium.vector, "AutoresetMode"):
            same_step = gymnasium.vector.AutoresetMode.SAME_STEP
            self.metadata = {**self.metadata, "autoreset_mode": same_step}

    @override
    def reset(
        self,
        *,
        seed: int | list[int] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observation, Info]:
        """Begin anew in every world; `seed` is one number for the whole batch."""
        if isinstance(seed, list):
            raise TypeError("ADPlanning-v0 takes one seed for all its worlds, not a list.")
        if seed is not None:
            self._worlds.seed = seed
        self._worlds.reset()
        return self._worlds.observations.copy(), {}

    @override
    def step(  # type: ignore[override]  # gymnasium 0.29 types a batch as one environment
        self, actions: NDArray[np.float32]
    ) -> tuple[Observation, NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], Info]:
        worlds = self._worlds
        worlds.step(actions)
        return (
            worlds.observations.copy(),
            worlds.rewards.copy(),
            worlds.terminated.copy(),
            worlds.truncated.copy(),
            self._infos(),
        )

    def _infos(self) -> Info:
        worlds = self._worlds
        ended = worlds.terminated | worlds.truncated
        company = {"on_stage": worlds.on_stage} if worlds.seats > 1 else {}
        if not ended.any():
            return company
        final_observations = np.full(self.num_envs, None, object)
        final_infos = np.full(self.num_envs, None, object)
        for world in np.flatnonzero(ended):
            final_observations[world] = worlds.final_observations[world].copy()
            final_infos[world] = _episode_info(worlds, int(world))
        return {
            "final_observation": final_observations,
            "_final_observation": ended,
            "final_obs": final_observations,
            "_final_obs": ended,
            **company,
            "final_info": final_infos,
            "_final_info": ended,
        }

    @override
    def close_extras(self, **kwargs: Any) -> None:
        """Nothing to release: the worlds own plain arrays."""
