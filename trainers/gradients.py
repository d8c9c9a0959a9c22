"""Gradients as they are before they are clipped: measured, clipped, and refused where broken.

An optimiser's own hook does it, in the place of the library's clipping: a norm that is clipped
first tells nothing, and a NaN that is stepped on has poisoned every weight.
"""

import math
import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from trainers.checkpoints import State

REMEMBERED = 512
ENOUGH = 64
EXPLODING = 100.0
"""Times the median of the last norms from which on a gradient is told of."""


@dataclass(frozen=True, slots=True)
class Norms:
    """How long the gradients of one update were.  usual: the median of those before."""

    mean: float
    longest: float
    usual: float

    def are_exploding(self) -> bool:
        """Whether one was so much longer than usual that somebody should know."""
        return self.longest > EXPLODING * self.usual


class Gradients:
    """Clips what an optimiser steps along, and remembers how long it was.

    interrupt: called before every step; it may raise to leave an update.
    """

    def __init__(
        self, optimiser: Optimizer, limit: float, interrupt: Callable[[], None]
    ) -> None:
        self._parameters = [
            parameter for group in optimiser.param_groups for parameter in group["params"]
        ]
        self._limit = limit
        self._interrupt = interrupt
        self._norms: deque[float] = deque(maxlen=REMEMBERED)
        self._untold: list[float] = []
        optimiser.register_step_pre_hook(self._before_step)

    def _before_step(self, *_: Any) -> None:
        """Raises FloatingPointError, before any weight moves, where the norm is not finite."""
        self._interrupt()
        gradients = [each.grad for each in self._parameters if each.grad is not None]
        total = nn.utils.get_total_norm(gradients)
        norm = float(total)
        if not math.isfinite(norm):
            raise FloatingPointError(f"the gradient's norm is {norm}")
        if norm > self._limit:
            nn.utils.clip_grads_with_norm_(self._parameters, self._limit, total)
        self._untold.append(norm)

    def told(self) -> Norms | None:
        """The norms since the last time this was asked; None where nothing was stepped."""
        untold, self._untold = self._untold, []
        if not untold:
            return None
        usual = statistics.median(self._norms) if len(self._norms) >= ENOUGH else math.inf
        self._norms.extend(untold)
        return Norms(statistics.fmean(untold), max(untold), usual)

    def state(self) -> State:
        """What has been seen so far."""
        return {"norms": torch.tensor(list(self._norms), dtype=torch.float64)}

    def restore(self, state: State) -> None:
        """Go on from what had been seen."""
        self._norms = deque(state["norms"].tolist(), maxlen=REMEMBERED)
        self._untold = []
