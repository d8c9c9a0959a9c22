"""The lanelets of a CommonRoad file as lanes: limits, connectors, lights, crossings.

- A limit is a number of the lanelet (2018b) or a sign that it refers to (2020a).
- A connector is a lanelet that the file lists behind a stop line, or one that shares ground
  with another that is not beside it. Format 2018b lists none: there the ground alone tells.
- A light stands at the end of the lanelet that refers to it, so it is the lanelets behind
  that obey it.
"""

import math
from dataclasses import replace
from xml.etree.ElementTree import Element

from drivetrain.data import lane_map
from drivetrain.data.converters.commonroad_xml import number, points, refs
from drivetrain.data.lane_map import MapLane
from drivetrain.sim.scenario import Area, AreaKind

FOR_OTHERS = {"sidewalk", "crosswalk", "bicycleLane"}
"""Types of lanelets that are no lanes for cars."""

LIMIT_SIGNS = ("R2-1", "274")
"""In the USA, and in Germany and its kin; the values are in m/s already."""


def lanes_of(root: Element, lights: dict[str, int]) -> dict[str, MapLane]:
    """The lanes for cars, by name.  lights: the number of each light."""
    elements = {
        str(element.get("id")): element
        for element in root.findall("lanelet")
        if not _types(element) & FOR_OTHERS
    }
    limits = _sign_limits(root)
    lanes = {name: _lane(name, element, elements, limits) for name, element in elements.items()}
    connectors = _connectors(root, elements, lanes)
    obeyed = _obeyed(elements, lights)
    return {
        name: replace(
            part,
            lane=replace(part.lane, light=obeyed.get(name, -1)),
            is_connector=name in connectors,
        )
        for name, part in lanes.items()
    }


def crossings_of(root: Element) -> list[Area]:
    """Where people on foot cross."""
    found = [each for each in root.findall("lanelet") if "crosswalk" in _types(each)]
    return [Area(AreaKind.CROSSWALK, (_bounded(each).outline_m,)) for each in found]


def _types(element: Element) -> set[str]:
    return {(kind.text or "").strip() for kind in element.findall("laneletType")}


def _lane(
    name: str, element: Element, known: dict[str, Element], limits: dict[str, float]
) -> MapLane:
    beside = (*element.findall("adjacentLeft"), *element.findall("adjacentRight"))
    same = [str(other.get("ref")) for other in beside if other.get("drivingDir") == "same"]
    return lane_map.bounded(
        name,
        (points(element, "leftBound/point"), points(element, "rightBound/point")),
        [ref for ref in refs(element, "successor") if ref in known],
        [ref for ref in same if ref in known],
        _limit(element, limits),
    )


def _bounded(element: Element) -> MapLane:
    bounds = (points(element, "leftBound/point"), points(element, "rightBound/point"))
    return lane_map.bounded("", bounds, (), (), math.nan)


def _limit(element: Element, limits: dict[str, float]) -> float:
    if element.find("speedLimit") is not None:
        return number(element, "speedLimit")
    known = [limits[ref] for ref in refs(element, "trafficSignRef") if ref in limits]
    return min(known, default=math.nan)


def _sign_limits(root: Element) -> dict[str, float]:
    return {
        str(sign.get("id")): number(part, "additionalValue")
        for sign in root.findall("trafficSign")
        for part in sign.findall("trafficSignElement")
        if part.findtext("trafficSignID") in LIMIT_SIGNS
    }


def _connectors(
    root: Element, elements: dict[str, Element], lanes: dict[str, MapLane]
) -> set[str]:
    incoming = set(refs(root, "intersection/incoming/incomingLanelet"))
    behind = {
        ref
        for way in ("Left", "Straight", "Right")
        for ref in refs(root, f"intersection/incoming/successors{way}")
    }
    typed = {name for name, element in elements.items() if "intersection" in _types(element)}
    return (behind | typed | lane_map.crossing_lanes(lanes)) - incoming


def _obeyed(elements: dict[str, Element], lights: dict[str, int]) -> dict[str, int]:
    """The light of every lanelet that has one at its beginning."""
    found: dict[str, int] = {}
    for element in elements.values():
        light = [lights[ref] for ref in refs(element, "trafficLightRef") if ref in lights]
        for name in refs(element, "successor") if light else ():
            found.setdefault(name, light[0])
    return found
