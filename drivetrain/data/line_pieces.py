"""A driving line under construction: parts of lanes, one after the other."""

import numpy as np

from drivetrain.data import lines
from drivetrain.data.lines import Floats
from drivetrain.sim.scenario import Path, Stop

SMOOTHING_POINTS = 3


class LinePieces:
    """Points with the width and the limit of their lanes, and the stop lines between them."""

    def __init__(self) -> None:
        self._points: list[Floats] = []
        self._half_widths: list[Floats] = []
        self._limits: list[Floats] = []
        # Each a point's number, how far before it the stop line lies, and the light.
        self._stops: list[tuple[int, float, int]] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been added so far."""
        return not self._points

    def add(self, points_m: Floats, half_width_m: Floats, limit_mps: float) -> None:
        """Appends a part of a lane.  points_m: [points, 2], two or more.

        half_width_m: [points].
        """
        self._points.append(points_m)
        self._half_widths.append(half_width_m)
        self._limits.append(np.full(len(points_m), limit_mps))

    def add_stop(self, light: int, before_m: float) -> None:
        """A stop line, some way before the point where the next part begins."""
        self._stops.append((sum(map(len, self._points)), before_m, light))

    def add_straight(self, length_m: float) -> None:
        """Goes straight on from the last two points."""
        before, last = self._points[-1][-2:]
        direction = (last - before) / np.hypot(*(last - before))
        self.add(
            last + direction * np.arange(1.0, length_m + 1.0)[:, None],
            np.full(int(length_m), self._half_widths[-1][-1]),
            self._limits[-1][-1],
        )

    def as_path(self) -> Path:
        """The finished line, kinks between lanes smoothed."""
        points = np.concatenate(self._points)
        new = lines.without_repeats(points)
        stop_s_m = self._stops_m(points)
        points, halves = points[new], np.concatenate(self._half_widths)[new]
        limits = np.concatenate(self._limits)[new]
        s_m = lines.arc_length(points)
        at_m = np.linspace(0.0, s_m[-1], max(1, round(s_m[-1])) + 1)
        even = np.stack([np.interp(at_m, s_m, values) for values in points.T], axis=1)
        # A limit belongs to a whole lane: the nearest point's, never a mix of two.
        nearest = np.searchsorted(0.5 * (s_m[1:] + s_m[:-1]), at_m)
        line = lines.smoothed(lines.smoothed(even, SMOOTHING_POINTS), SMOOTHING_POINTS)
        # Smoothing shortens bends: a stop keeps its place among the points.
        along_m = np.interp(stop_s_m, at_m, lines.arc_length(line)) if stop_s_m else ()
        stops = tuple(
            Stop(float(way_m), light)
            for way_m, (_, _, light) in zip(along_m, self._stops, strict=True)
        )
        return Path(line, np.interp(at_m, s_m, halves), limits[nearest], stops)

    def _stops_m(self, points_m: Floats) -> list[float]:
        """The way to each stop line.  points_m: all points, repeats too."""
        if not self._stops:
            return []
        s_m = lines.arc_length(points_m)
        return [float(s_m[min(at, len(s_m) - 1)]) - back_m for at, back_m, _ in self._stops]
