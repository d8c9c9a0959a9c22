"""Where an algorithm stood, with all it needs to go on from there: what a unit holds in files.

Each algorithm says it of itself through `Resumable`; `Keeper` writes it, reads it and hands it
back.  The parts are files of tensors and plain data, by these names as far as an algorithm has
them: `optim.pt` (optimisers), `normaliser.pt`, `algo.pt` (counters, schedules, best score;
SAC's log alpha, GAIL's discriminator with its optimiser and round, BC's epoch and sampler, a
hybrid's stage), `rng.pt`, `worlds.pt`, `replay.pt` (SAC).
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch

from trainers.checkpoints import Checkpoint, State

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Moment:
    """Where training stood after the checkpoint's steps.

    policy: what drives.  parts: the rest, by file.  optional: the parts to leave out where the
    disk is nearly full, since training can go on without them.
    """

    policy: Checkpoint
    parts: Mapping[str, State]
    optional: frozenset[str] = frozenset()

    @property
    def step(self) -> int:
        """Environment steps so far."""
        return self.policy.step


class Resumable(Protocol):
    """An algorithm in the middle of its training, between two steps of its own."""

    def moment(self) -> Moment:
        """Where it stands.

        It may be saved later, when a stop or an error comes in the middle of a step: what the
        step changes must be copied (`copied`).  An algorithm that asks for the moment right
        before each save, as for a replay buffer of gigabytes, need not copy.
        """

    def go_on_from(self, moment: Moment) -> tuple[str, ...]:
        """Stand where it stood then; returns what could not be taken back, in words.

        The step never goes back below the moment's.  Parts that were left out are missing.
        """


def copied(value: T) -> T:
    """The same content with tensors of its own, on the CPU."""
    return _copied(value)  # type: ignore[no-any-return]


def _interned(name: Any) -> Any:
    return sys.intern(name) if isinstance(name, str) else name


def _copied(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        # A name that was read from a file is another object than one of the program: a pickle
        # writes that down, and equal moments would not be equal files.
        return {_interned(name): _copied(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(part) for part in value)
    return value
