"""What SAC learns from: the newest transitions, in a ring that can be saved without a copy."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import VecEnv, VecNormalize
from typing_extensions import override

from trainers.checkpoints import State

COLUMNS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
"""The arrays of a `ReplayBuffer`, [rows, worlds, ...]; a row is a step of all worlds."""


class Experience(ReplayBuffer):
    """A replay buffer of gigabytes whose state at a boundary outlives the steps after it.

    spare_rows: rows beyond `buffer_size`.  As many steps may follow a boundary before they
    overwrite what `state` showed there; what is in them is never learned from.
    """

    def __init__(
        self, buffer_size: int, env: VecEnv, device: torch.device | str, spare_rows: int
    ) -> None:
        super().__init__(
            buffer_size + spare_rows * env.num_envs,
            env.observation_space,
            env.action_space,
            device,
            n_envs=env.num_envs,
        )
        self.learned_rows = max(buffer_size // env.num_envs, 1)
        self.rows = 0

    @override
    def add(self, *transitions: Any) -> None:
        super().add(*transitions)
        self.rows = min(self.rows + 1, self.learned_rows)

    @override
    def size(self) -> int:
        return self.rows

    @override
    def sample(self, batch_size: int, env: VecNormalize | None = None) -> ReplayBufferSamples:
        # stable-baselines3 draws from NumPy's global generator as well; its state is saved.
        ages = np.random.randint(0, self.rows, size=batch_size)  # noqa: NPY002
        return self._get_samples((self.pos - 1 - ages) % self.buffer_size, env)

    @property
    def fill(self) -> float:
        """The share of what it may hold that it holds."""
        return self.rows / self.learned_rows

    @property
    def oldest_steps(self) -> int:
        """How many environment steps ago the oldest transition was driven."""
        return self.rows * self.n_envs

    def state(self) -> State:
        """Its transitions, oldest first, as views: write them within `spare_rows` steps."""
        columns = {
            name: [torch.from_numpy(getattr(self, name)[part]) for part in self._parts()]
            for name in COLUMNS
        }
        return {"end": self.pos, "rows": self.rows, "columns": columns}

    def restore(self, state: State) -> None:
        """Hold these transitions again, where they stood.

        Raises:
            KeyError: something of them is missing.
            ValueError: they are of other worlds, or more than there is room for.
        """
        end, rows = state["end"], state["rows"]
        if rows > self.learned_rows or end >= self.buffer_size:
            raise ValueError(f"{rows} rows to row {end} have no room in {self.buffer_size}")
        self.pos, self.rows = end, rows
        for name in COLUMNS:
            for part, saved in zip(self._parts(), state["columns"][name], strict=True):
                self._column(name)[part] = saved.numpy()

    def _column(self, name: str) -> NDArray[Any]:
        column: NDArray[Any] = getattr(self, name)
        return column

    def _parts(self) -> Iterator[slice]:
        """Where its rows stand, oldest first: in one piece, or in two around the ring's end."""
        first = self.pos - self.rows
        if first < 0:
            yield slice(first + self.buffer_size, self.buffer_size)
        yield slice(max(first, 0), self.pos)
