"""Savitzky-Golay filters as tables, so that a kernel needs only sums of products.

At its ends a series is what the polynomial through its first or last window says (SciPy's mode
`interp`). The middle of an even window lies between two samples: what is stored at sample i
belongs to i + 1/2, as in SciPy >= 1.11 and hence in nuPlan's metrics.
"""

import math

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import called
from drivetrain.sim.state import Floats

MOST_TAPS = 15
"""The longest window in use."""


def savitzky_golay(order: int, derivative: int) -> NDArray[np.float64]:
    """Filter tables for every window up to MOST_TAPS, for samples one unit apart.

    Returns [MOST_TAPS + 1, MOST_TAPS + 1, MOST_TAPS]: of window w, row r < w is the value at
    sample r of a window, and row MOST_TAPS the value at its middle.
    """
    table = np.zeros((MOST_TAPS + 1, MOST_TAPS + 1, MOST_TAPS))
    for window in range(order + 1, MOST_TAPS + 1):
        rows = [*range(window), (window - 1) / 2]
        for place, at in zip([*range(window), MOST_TAPS], rows, strict=True):
            powers = np.vander(np.arange(window) - at, order + 1, increasing=True)
            fit = np.linalg.pinv(powers)
            table[window, place, :window] = fit[derivative] * math.factorial(derivative)
    return table


SMOOTH = savitzky_golay(2, 0)
SLOPE = savitzky_golay(2, 1)
BEND = savitzky_golay(3, 2)


@called
def filtered(
    table: NDArray[np.float64], window: int, scale: float, series: Floats, out: Floats
) -> None:
    """A series through one of the tables.

    series, out: [samples], at least `window` of them.
    """
    n, half = len(series), window // 2
    for i in range(n):
        out[i] = 0.0
    for k in range(window):
        # Sample by sample in the inner loop, several at a time: the middles of all windows.
        factor, shift = table[window, MOST_TAPS, k], k - (window - 1) // 2
        for i in range(half, n - half):
            out[i] += factor * series[i + shift]
    for end in range(2 * half):
        i, first = end, 0
        if end >= half:
            i, first = n - 1 - (end - half), n - window
        total = 0.0
        for k in range(window):
            total += table[window, i - first, k] * series[first + k]
        out[i] = total
    for i in range(n):
        out[i] *= scale
