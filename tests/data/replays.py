"""What happens when everybody, the ego too, does what the log says."""

from typing import NamedTuple

import numpy as np

from drivetrain.data import boxes
from drivetrain.sim.scenario import Scenario


class Floor(NamedTuple):
    """Frames in which a replayed ego overlaps another or stands on an edge of the road."""

    overlaps: int
    off_road: int


def floor(scenario: Scenario) -> Floor:
    """The replay floor: what no driver can be blamed for."""
    tracks, ego = scenario.tracks, scenario.ego
    others = np.arange(len(tracks.x_m)) != ego
    overlaps = off_road = 0
    for step in range(tracks.x_m.shape[1]):
        corners = boxes.corners(tracks, step)
        seen = corners[tracks.valid[:, step] & others]
        overlaps += bool(boxes.overlap(corners[ego], seen).any())
        off_road += boxes.crosses(corners[ego], scenario.road.edges_m)
    return Floor(overlaps, off_road)
