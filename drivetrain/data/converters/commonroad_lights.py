"""The traffic lights of a CommonRoad file: cycles, and what they show at each step."""

from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from drivetrain.data.converters.commonroad_xml import number
from drivetrain.sim.scenario import Signal

_SIGNALS = {
    "green": Signal.GREEN,
    "yellow": Signal.YELLOW,
    "red": Signal.RED,
    "redYellow": Signal.RED,
    "inactive": Signal.NONE,
}
"""Red and yellow together means that green comes next: nobody may enter yet."""


def lights_of(root: Element) -> dict[str, int]:
    """The number of each light, by its name."""
    return {str(light.get("id")): at for at, light in enumerate(root.findall("trafficLight"))}


def signals_of(root: Element, steps: int) -> NDArray[np.uint8] | None:
    """[lights, steps] codes of `Signal`; None for a file without lights.

    Raises: ValueError for a cycle that is none, KeyError for an unknown colour.
    """
    lights = root.findall("trafficLight")
    return np.stack([_signals(light, steps) for light in lights]) if lights else None


def _signals(light: Element, steps: int) -> NDArray[np.uint8]:
    """[steps] a light's cycle, begun at its offset: at step t it is at t - offset.

    A light that is switched off shows nothing; of one without a cycle nothing is known.
    """
    elements = light.findall("cycle/cycleElement")
    if (light.findtext("active") or "true").strip() == "false":
        return np.full(steps, Signal.NONE, np.uint8)
    if not elements:
        return np.full(steps, Signal.UNKNOWN, np.uint8)
    durations = np.array([number(element, "duration") for element in elements]).astype(int)
    if (durations < 1).any():
        raise ValueError("a light's phase lasts at least one step")
    shown = [_SIGNALS[(element.findtext("color") or "").strip()] for element in elements]
    offset = int(light.findtext("cycle/timeOffset") or 0)
    ends = np.cumsum(durations)
    phase = np.searchsorted(ends, (np.arange(steps) - offset) % ends[-1], side="right")
    return np.asarray(np.array(shown, np.uint8)[phase])
