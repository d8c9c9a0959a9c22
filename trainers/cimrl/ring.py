"""A buffer of decisions whose state at a boundary outlives the steps after it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.checkpoints import State


class Batch(NamedTuple):
    """Decisions to learn from.  seen, next_seen: [batch, size].  The others: [batch].

    outcome: what a decision earned, or whether it violated.  ahead: the discount of what
    follows it.
    """

    seen: Tensor
    next_seen: Tensor
    number: Tensor
    outcome: Tensor
    ahead: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same where it is learned from."""
        return Batch(*(column.to(device) for column in self))


class Ring:
    """The newest decisions; `spare` more may follow a boundary before they overwrite it."""

    def __init__(self, capacity: int, spare: int, size: int) -> None:
        rows = capacity + spare
        self.capacity = capacity
        self.held = 0
        self._end = 0
        self._columns = Batch(
            torch.zeros(rows, size),
            torch.zeros(rows, size),
            torch.zeros(rows, dtype=torch.int64),
            torch.zeros(rows),
            torch.zeros(rows),
        )

    @property
    def rows(self) -> int:
        """What there is room for, spare rows included."""
        return len(self._columns.ahead)

    def add(
        self,
        seen: NDArray[np.float32],
        next_seen: NDArray[np.float32],
        number: NDArray[np.int64],
        outcome: NDArray[np.float32],
        ahead: NDArray[np.float32],
    ) -> None:
        """Append decisions, a row for each."""
        at = torch.from_numpy((self._end + np.arange(len(number))) % self.rows)
        new = (seen, next_seen, number, outcome, ahead)
        for column, values in zip(self._columns, new, strict=True):
            column[at] = torch.from_numpy(values)
        self._end = (self._end + len(number)) % self.rows
        self.held = min(self.held + len(number), self.capacity)

    def positives(self) -> Tensor:
        """Ages of the decisions whose outcome is above 0, the newest first."""
        ages = torch.arange(self.held)
        return ages[self._columns.outcome[self._at(ages)] > 0.0]

    def sample(self, size: int, positives: Tensor | None = None, share: float = 0.0) -> Batch:
        """Any decisions, a share of them out of these positives."""
        # torch's own generator: its state is saved.
        ages = torch.randint(self.held, (size,))
        chosen = round(size * share)
        if positives is not None and len(positives) and chosen:
            ages[:chosen] = positives[torch.randint(len(positives), (chosen,))]
        at = self._at(ages)
        return Batch(*(column[at] for column in self._columns))

    def _at(self, ages: Tensor) -> Tensor:
        return (self._end - 1 - ages) % self.rows

    def state(self) -> State:
        """Its decisions, oldest first, as views: write them before `spare` more are added."""
        # Through NumPy, a view brings along what it shows only, and not the whole ring.
        columns = [
            [torch.from_numpy(column.numpy()[part]) for part in self._parts()]
            for column in self._columns
        ]
        return {"end": self._end, "held": self.held, "columns": columns}

    def restore(self, state: State) -> None:
        """Hold these decisions again.

        Raises:
            ValueError: there is no room for as many.
        """
        if state["held"] > self.capacity or state["end"] >= self.rows:
            raise ValueError(f"{state['held']} decisions have no room in {self.capacity}")
        self._end, self.held = state["end"], state["held"]
        for column, saved in zip(self._columns, state["columns"], strict=True):
            for part, values in zip(self._parts(), saved, strict=True):
                column[part] = values

    def _parts(self) -> Iterator[slice]:
        first = self._end - self.held
        if first < 0:
            yield slice(first + self.rows, self.rows)
        yield slice(max(first, 0), self._end)


def risk_weights(outcome: Tensor, share: float, held: int, positives: int) -> Tensor:
    """How much each decision of a sample counts, for the share of violations to stay true.

    outcome: [batch].  share: of the sample that was drawn out of the positives alone.
    """
    if not positives or share == 0.0:
        return torch.ones_like(outcome)
    more = share * held / positives + 1.0 - share
    return torch.where(outcome > 0.0, 1.0 / more, 1.0 / (1.0 - share))
