"""A lane as tracks are matched to it; what is worked out of it is kept, as many tracks ask."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drivetrain.data import lines
from drivetrain.data.lines import Floats


@dataclass(frozen=True)
class Lane:
    """A piece of lane.

    centre_m: [points, 2] in driving direction.  half_width_m: [points].
    successors: lanes that begin where this one ends.
    neighbours: lanes beside it in the same driving direction.
    limit_mps: NaN where the source states none.
    light: the light (of the road) that says whether it may be entered, -1 for none.
    """

    id: str
    centre_m: Floats
    half_width_m: Floats
    successors: tuple[str, ...]
    neighbours: tuple[str, ...]
    limit_mps: float
    light: int = -1

    @cached_property
    def way_m(self) -> Floats:
        """[points] the way along the centre line to each of its points."""
        return lines.arc_length(self.centre_m)

    @property
    def length_m(self) -> float:
        """The way along the centre line."""
        return float(self.way_m[-1])

    @cached_property
    def pieces(self) -> Floats:
        """The centre line as `lines.pieces` has it."""
        return lines.pieces(self.centre_m)

    @cached_property
    def headings_rad(self) -> Floats:
        """[points] the direction of the centre line."""
        return lines.headings(self.centre_m)

    @cached_property
    def typical_half_width_m(self) -> float:
        """The middle one of the half widths."""
        return lines.middle(self.half_width_m)

    @cached_property
    def corners_m(self) -> Floats:
        """[2, 2] least and most x and y of the centre line."""
        return np.stack([self.centre_m.min(axis=0), self.centre_m.max(axis=0)])

    @cached_property
    def whole(self) -> tuple[Floats, Floats]:
        """All of it as `part` gives it: most lines lead through whole lanes."""
        return self.part(0.0, self.length_m)

    def part(self, begin_m: float, end_m: float) -> tuple[Floats, Floats]:
        """The centre line [points, 2] at every metre or so, and the half widths [points]."""
        way = np.linspace(begin_m, end_m, max(2, math.ceil(end_m - begin_m) + 1))
        x_m, y_m, half_width_m = (
            np.interp(way, self.way_m, values)
            for values in (*self.centre_m.T, self.half_width_m)
        )
        return np.stack([x_m, y_m], axis=1), half_width_m
