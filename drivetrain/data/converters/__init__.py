"""One converter per source format, each behind the interface of `contract.py`.

This file loads nothing: the conversation reads the table to know which words it may accept.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A source format as people type it.

    module: where its converter is.  sources: what to name behind it, in words.
    """

    module: str
    sources: str


FORMATS = {
    "commonroad": Format(
        "drivetrain.data.converters.commonroad", "CommonRoad `.xml` files, or folders of them"
    ),
    "argoverse": Format(
        "drivetrain.data.converters.argoverse",
        "Argoverse 2 sensor logs (a folder each), or folders of them",
    ),
    "nuplan": Format(
        "drivetrain.data.converters.nuplan",
        "nuPlan `.db` files, or folders of them; `--maps` names the folder of the maps",
    ),
}
"""Every format that can be converted, by the word that names it."""
