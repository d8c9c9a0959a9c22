"""The families of made-up places; every place is drawn at random within its family."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from drivetrain.data import carriageways, crossings
from drivetrain.data.places import Place

FAMILIES: dict[str, Callable[[np.random.Generator], Place]] = {
    "straight": carriageways.straight,
    "curve": carriageways.curve,
    "merge": carriageways.merge,
    "intersection": crossings.intersection,
    "cut_in": carriageways.cut_in,
    "stopped_queue": carriageways.stopped_queue,
    "lane_change": carriageways.lane_change,
    "roundabout": crossings.roundabout,
    "traffic_lights": crossings.traffic_lights,
}
"""A new place of each type."""


def draw(type_: str, name: str, rng: np.random.Generator) -> Place:
    """A new place of a family; `name` becomes its road's id."""
    place = FAMILIES[type_](rng)
    return replace(place, type=type_, road=replace(place.road, id=name))
