"""How much of what a policy does lies at the end of its range."""

import numpy as np

FULL = 0.99
"""From here on an action counts as at its end: squashed ones never reach 1."""


class Saturation:
    """Counts continuous actions, each from -1 to 1, until somebody asks."""

    def __init__(self) -> None:
        self._count = 0
        self._full = 0

    def collect(self, actions: object) -> None:
        """Add the actions of one step.  [worlds, columns]; choices by number do not count."""
        if isinstance(actions, np.ndarray) and np.issubdtype(actions.dtype, np.floating):
            self._count += actions.size
            self._full += int(np.count_nonzero(np.abs(actions) >= FULL))

    def told(self) -> dict[str, float]:
        """The share since this was last asked; empty without an action."""
        count, full = self._count, self._full
        self._count = self._full = 0
        return {"saturation": full / count} if count else {}
