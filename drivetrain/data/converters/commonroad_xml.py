"""Reading a CommonRoad file's XML safely, and numbers out of it."""

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree as SafeTree
import numpy as np
from defusedxml import DefusedXmlException

from drivetrain.data.converters.contract import FARTHEST_M, UnfitFileError
from drivetrain.data.lines import Floats


def root_of(file: Path) -> Element:
    """The file's root element.

    Raises: UnfitFileError.
    """
    try:
        # Entities and DTDs are refused: a scenario never needs them, an attack does.
        root: Element = SafeTree.parse(file, forbid_dtd=True).getroot()
    except (ParseError, DefusedXmlException, UnicodeDecodeError) as error:
        raise UnfitFileError("unreadable") from error
    if root.tag != "commonRoad":
        raise UnfitFileError("not_commonroad")
    return root


def number(element: Element, path: str) -> float:
    """The exact number below an element.

    Raises: ValueError where it is missing, an interval, or no number of this world.
    """
    text = element.findtext(path)
    if text is None:
        raise ValueError(f"{element.tag} lacks {path}")
    found = float(text)
    if not abs(found) <= FARTHEST_M:
        raise ValueError(f"{path} is {found}")
    return found


def points(element: Element, path: str) -> Floats:
    """[points, 2] the points below an element."""
    found = [(number(point, "x"), number(point, "y")) for point in element.findall(path)]
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def refs(element: Element, path: str) -> list[str]:
    """What the elements at a path refer to."""
    return [str(found.get("ref")) for found in element.findall(path)]
