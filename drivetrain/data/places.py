"""Made-up places to drive: a road, its driving lines, and who may begin where on them.

Traffic drives on the right. Lines are in metres, with a point about every metre.
"""

import math
from dataclasses import dataclass

import numpy as np

from drivetrain.data import lines
from drivetrain.data.lines import Floats
from drivetrain.sim.scenario import Path, Road

LIMITS_MPS = (8.33, 11.11, 13.89, 16.67, 22.22, 27.78)
LATERAL_MPS2 = 2.0
"""Sideways acceleration up to which the advised speed of a bend goes."""
APPROACH_MPS2 = 1.2
BEYOND_M = 120.0
"""Nobody begins so near a line's end: there must be road left to look ahead on."""


@dataclass(frozen=True, slots=True)
class Strand:
    """One driving line of a place, and the traffic that may begin on it.

    spawn_m: from where to where along the line.  weight: its share of the traffic.
    pace: least and most share of the limit that its drivers like.
    sure: vehicles that are placed before any other.
    queue_m: where the head of a standing queue is; such a strand has no other traffic.
    """

    path: Path
    spawn_m: tuple[float, float]
    weight: float = 1.0
    pace: tuple[float, float] = (0.7, 1.1)
    sure: int = 0
    queue_m: float | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Where the ego may begin: the row of a strand, and from where to where along it."""

    strand: int
    spawn_m: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """A road with its traffic's possibilities.

    most: of other vehicles in one scenario.  phases: for each light of the road, in which of
    two alternating phases it is green.
    """

    type: str
    road: Road
    strands: tuple[Strand, ...]
    starts: tuple[Start, ...]
    fewest: int
    most: int
    phases: tuple[int, ...] = ()


def path(points_m: Floats, limit_mps: float, half_width_m: float) -> Path:
    """A line with its limit, lowered to what its bends advise, and before them to brake."""
    even = lines.resampled(points_m[lines.without_repeats(points_m, 0.05)], 1.0)
    line = lines.smoothed(even, 2)
    spacing = lines.arc_length(line)[-1] / (len(line) - 1)
    curvature = np.abs(np.diff(np.unwrap(lines.headings(line)), append=np.nan)) / spacing
    curvature[-1] = curvature[-2]
    limit = np.minimum(limit_mps, np.sqrt(LATERAL_MPS2 / np.maximum(curvature, 1e-6)))
    for at in range(len(limit) - 2, -1, -1):
        limit[at] = min(limit[at], math.sqrt(limit[at + 1] ** 2 + 2 * APPROACH_MPS2 * spacing))
    return Path(line, np.full(len(line), half_width_m), limit)


def shifted(base_m: Floats, offset_m: Floats | float) -> Floats:
    """The line beside a line, to the left by some offset at each point."""
    heading = lines.headings(base_m)
    left = np.stack([-np.sin(heading), np.cos(heading)], axis=1)
    return np.asarray(base_m + left * np.broadcast_to(offset_m, len(base_m))[:, None])


def strip(base_m: Floats, left_m: float, right_m: float) -> Floats:
    """The outline between two offsets of a line."""
    return np.concatenate([shifted(base_m, left_m), shifted(base_m, right_m)[::-1]])


def across_line(base_m: Floats, end: int, offsets_m: Floats) -> Floats:
    """[2, 2] the line across a line's first (0) or last (-1) point."""
    return np.stack([shifted(base_m, offset)[end] for offset in offsets_m])
