"""Argoverse 2 sensor logs as scenarios: the ego's drive, and those of others that move.

A log is a folder with `annotations*.feather`, `city_SE3_egovehicle.feather` and `map/`; sensor
data are not needed. Nothing states speed limits, lights or a route: limits are absent, and a
route is made of the lanes that were driven.

The data are © 2022 Argo AI, LLC, under CC BY-NC-SA 4.0: every scenario carries that licence.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import shapely

from drivetrain.data import lane_match, recording, surface
from drivetrain.data.converters.argoverse_boxes import read_boxes
from drivetrain.data.converters.argoverse_map import CityMap, read_map
from drivetrain.data.converters.argoverse_tracks import Seen, tracks_of
from drivetrain.data.converters.contract import Options, Repair
from drivetrain.data.converters.sources import found_in
from drivetrain.data.recording import Recording, Windows
from drivetrain.sim.scenario import Area, AreaKind, Scenario

VERSION = 3
SOURCE = "argoverse"
LICENCE = "CC-BY-NC-SA-4.0"

POSES = "city_SE3_egovehicle.feather"
WINDOWS = Windows(shortest=51)


def check_options(options: Options) -> None:
    """Passes: there is nothing to choose, and the map lies with the recording."""
    del options


def files_in(sources: Sequence[Path]) -> list[Path]:
    """The log folders named, and those below the folders named, in order.

    Raises: NotFoundError where there are none.
    """
    return found_in(
        sources,
        lambda source: sorted({file.parent for file in source.rglob(POSES)}),
        "Argoverse 2 log",
        f"name folders that hold `{POSES}`: `/train data convert argoverse SOURCE --out DIR`",
    )


def scenarios_of(
    file: Path, options: Options | None = None
) -> Iterator[Scenario | Repair | str]:
    """The scenarios of a log's folder, or for each one left out the reason.

    Raises: UnfitFileError where the log as a whole is no use.
    """
    del options  # there is nothing to choose
    objects, repeated = read_boxes(file)
    city = read_map(file / "map")
    seen = tracks_of(objects)
    yield from seen.repairs
    if repeated:
        yield Repair("dropped_repeated_box", repeated)
    yield from recording.scenarios_of(_recording(file.name, seen, city), WINDOWS)


def _recording(name: str, seen: Seen, city: CityMap) -> Recording:
    tracks, valid = seen.tracks, seen.tracks.valid
    # The middle of the ego's way, to whole metres, for float32's sake.
    origin = np.round([tracks.x_m[0, valid[0]].mean(), tracks.y_m[0, valid[0]].mean()])
    tracks.x_m[valid] -= origin[0]
    tracks.y_m[valid] -= origin[1]
    near = city.moved(-origin)
    outlines = [shapely.get_coordinates(part.exterior) for part in near.ground]
    drivable = surface.union(outlines)
    unseen = [
        Area(AreaKind.DRIVABLE, (ring,))
        for ring in surface.beyond(drivable, near.cuts_m, lane_match.BEYOND_MAP_M)
    ]
    return Recording(
        name=name,
        group=name,
        source=SOURCE,
        licence=LICENCE,
        objects=seen.objects,
        tracks=tracks,
        lanes=near.lanes,
        drivable=drivable,
        edges_m=surface.edges(drivable, near.cuts_m),
        origin_m=(float(origin[0]), float(origin[1])),
        more_areas=(*unseen, *near.crossings),
    )
