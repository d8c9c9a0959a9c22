"""nuPlan databases and maps (version 1.1) as scenarios; nothing of nuPlan's own code is used.

`nuplan_database.py` reads a database, `nuplan_checks.py` keeps what can be physical,
`nuplan_windows.py` picks 15 s around tags, `nuplan_map_file.py` and `nuplan_map.py` read a
city, `nuplan_cut.py` cuts the road out of it, and `nuplan_routes.py` finds the driving lines.
A file is one unit of work; its scenarios share one road.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivetrain.data.converters import nuplan_database
from drivetrain.data.converters.contract import Options, Repair, UnfitFileError, other_type
from drivetrain.data.converters.nuplan_checks import (
    Ego,
    Others,
    check_clock,
    ego_of,
    others_of,
    overlaps_at_start,
)
from drivetrain.data.converters.nuplan_cut import Cut, cut
from drivetrain.data.converters.nuplan_database import Recording
from drivetrain.data.converters.nuplan_map import CityMap, city
from drivetrain.data.converters.nuplan_map_file import check_maps as check_options
from drivetrain.data.converters.nuplan_map_file import find_map
from drivetrain.data.converters.nuplan_routes import desired_mps, lines_of, route_of
from drivetrain.data.converters.nuplan_windows import (
    Scenes,
    Window,
    signals,
    windows_of,
)
from drivetrain.data.converters.sources import files_at, found_in
from drivetrain.errors import RequestError
from drivetrain.sim.scenario import Path as DrivingLine
from drivetrain.sim.scenario import Road, Scenario
from drivetrain.text import quote

__all__ = ["LICENCE", "SOURCE", "VERSION", "check_options", "files_in", "scenarios_of"]

SOURCE = "nuplan"
VERSION = 3
LICENCE = "nuplan-nc"

FREE_SPEED_MPS = 10.0
"""What nuPlan's IDM drivers like where no limit is known."""


def files_in(sources: Sequence[Path]) -> list[Path]:
    """The databases named, and those below the folders named, in order.

    Raises: NotFoundError where there are none; RequestError where two have one name.
    """
    found = found_in(
        sources,
        lambda source: files_at(source, "*.db"),
        "nuPlan database",
        "name `.db` files or folders that hold some: "
        "`/train data convert nuplan --db FILES --maps DIR --out DIR`",
    )
    by_name: dict[str, Path] = {}
    for file in (file.absolute() for file in found):
        other = by_name.setdefault(file.stem, file)
        if other != file:
            raise RequestError(
                f"Two databases are called {quote(file.stem, 120)}: {quote(str(other), 200)} "
                f"and {quote(str(file), 200)}; a recording may come once, so name only one "
                f"of them behind `--db`."
            )
    return found


def scenarios_of(file: Path, options: Options) -> Iterator[Scenario | Repair | str]:
    """The scenarios of a database; text is why one was left out.

    Raises: UnfitFileError where the file, or the map it needs, is no use.
    """
    recording = nuplan_database.read(file)
    check_clock(recording.frames)
    map_ = city(find_map(options, recording.map_name), recording.map_name)
    _check_projection(recording, map_)
    ego = ego_of(recording.frames)
    others, done = others_of(recording)
    done += map_.dropped
    windows, left_out = windows_of(recording, ego, others, options.types)
    yield from left_out
    # Counted once for each type: of a tag without a window nobody knows how many they would be.
    if options.types:
        yield from map(other_type, sorted(set(recording.tags.type) - set(options.types)))
    if windows:
        scenes = Scenes(ego, others)
        part = _part(map_, recording, ego, windows)
        driven = lines_of(part, others, _tracks_in(scenes, windows))
        drive = _Drive(ego, others, scenes, part, driven)
        for one in _scenarios(recording, drive, windows):
            if isinstance(one, Scenario):
                # Kept: detections of cars side by side often do.
                done["others_overlapping_at_start"] += overlaps_at_start(one.tracks)
            yield one
        done["windows_interpolated"] += sum(one.begin is not None for one in windows)
    yield from (Repair(what, count) for what, count in sorted(done.items()) if count)


@dataclass(frozen=True, slots=True)
class _Drive:
    """What all scenarios of a recording share."""

    ego: Ego
    others: Others
    scenes: Scenes
    part: Cut
    lines: dict[int, DrivingLine]


def _check_projection(recording: Recording, map_: CityMap) -> None:
    """Raises: UnfitFileError where poses and map stand in different systems."""
    stated = recording.frames.pose[:, -1]
    stated = stated[np.isfinite(stated)]
    if len(stated) and map_.epsg is not None and (stated != map_.epsg).any():
        raise UnfitFileError("other_projection_than_its_map")


def _part(map_: CityMap, recording: Recording, ego: Ego, windows: list[Window]) -> Cut:
    ways = [ego.state[window.rows, :2] for window in windows]
    # Whole metres, so that nothing is lost when it is added again.
    origin_m = np.round(np.median(np.concatenate(ways), axis=0))
    lit = np.unique(recording.lights.connector[recording.lights.frame >= 0]).tolist()
    return cut(map_, ways, lit, origin_m)


def _tracks_in(scenes: Scenes, windows: list[Window]) -> set[int]:
    return {int(track) for window in windows for track in scenes.seen(window)}


def _scenarios(
    recording: Recording, drive: _Drive, windows: list[Window]
) -> Iterator[Scenario | str]:
    kept: list[tuple[Window, int]] = []
    # Vehicles first: their lines are shared.
    index = {track: at for at, track in enumerate(drive.lines)}
    paths = list(drive.lines.values())
    for window in windows:
        track = drive.ego.state[window.rows].copy()
        track[:, :2] -= drive.part.origin_m
        route = route_of(drive.part, track, _roadblocks(recording, window))
        if isinstance(route, str):
            yield route
            continue
        kept.append((window, len(paths)))
        paths.append(route)
    if kept:
        road = drive.part.road(f"{recording.map_name}/{recording.name}", paths)
        for window, route_at in kept:
            yield _scenario(recording, drive, (road, index), window, route_at)


def _roadblocks(recording: Recording, window: Window) -> set[str]:
    scenes = np.unique(recording.frames.scene[window.rows])
    return {block for scene in scenes if scene >= 0 for block in recording.scenes[scene]}


def _scenario(
    recording: Recording,
    drive: _Drive,
    on: tuple[Road, dict[int, int]],
    window: Window,
    route: int,
) -> Scenario:
    road, path_of = on
    tracks = drive.scenes.tracks(window, drive.part.origin_m)
    paths = [route, *(path_of.get(int(one), -1) for one in drive.scenes.seen(window))]
    fastest = np.hypot(tracks.vx_mps, tracks.vy_mps).max(axis=1)
    lines = [road.paths[at] if at >= 0 else None for at in paths]
    desired = [
        desired_mps(line, speed, FREE_SPEED_MPS)
        for line, speed in zip(lines, fastest.tolist(), strict=True)
    ]
    token = f"{int(recording.frames.token[window.anchor]):016x}"
    x_m, y_m = drive.part.origin_m.tolist()
    return Scenario(
        id=f"{recording.name}/{token}",
        source=SOURCE,
        log=recording.name,
        group="_".join(recording.name.split("_")[:2]),
        type=window.type,
        licence=LICENCE,
        origin_m=(x_m, y_m),
        road=road,
        tracks=tracks,
        ego=0,
        route=route,
        agent_path=np.array(paths, np.int32),
        desired_mps=np.array(desired),
        signals=signals(recording.lights, drive.part.light_of, window) if road.lights else None,
    )
