"""The cheapest sequence of states (Viterbi 1967), as machine code."""

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import compiled

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def cheapest(cost: Floats, moves: Floats) -> Indices:
    """The state at every sample such that the sum of all costs is least.

    cost: [states, samples] of being in a state.  moves: [states, states] of being in another
    at the next sample.  Returns [samples]; of equal states the first.
    """
    sequence = np.empty(cost.shape[1], np.int64)
    total = np.array(cost.T, order="C")
    _search(total, moves, np.empty(total.shape, np.int64), sequence)
    return sequence


@compiled
def _search(total: Floats, moves: Floats, came_from: Indices, sequence: Indices) -> None:
    """Writes the sequence.

    total: [samples, states] costs, summed up in place.  came_from: room of that shape.
    """
    samples, states = total.shape
    for sample in range(1, samples):
        for state in range(states):
            best = 0
            for before in range(1, states):
                option = total[sample - 1, before] + moves[before, state]
                if option < total[sample - 1, best] + moves[best, state]:
                    best = before
            came_from[sample, state] = best
            total[sample, state] += total[sample - 1, best] + moves[best, state]
    last = 0
    for state in range(1, states):
        if total[samples - 1, state] < total[samples - 1, last]:
            last = state
    for sample in range(samples - 1, -1, -1):
        sequence[sample] = last
        last = came_from[sample, last]
