"""CommonRoad scenarios (formats 2018b and 2020a) as scenarios with an expert.

The file's planning problem has no ego trajectory: the recorded car behind it was removed. So
every car that moves and is seen long enough becomes the ego of a scenario of its own, as long
as it is seen. Positions are box centres, velocities scalar speeds along the heading, times
integer steps of 0.1 s.

Recorded speeds jump by up to 27 m/s², so tracks are smoothed, and their velocities are those
of the smoothed positions. NGSIM's cars move by 0.3 m at most in one sample of twenty, by
0.7 m in the worst.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from drivetrain.data import lane_map, recording, smoothing, surface
from drivetrain.data.converters.commonroad_file import Situation, parse
from drivetrain.data.converters.contract import Options, Repair, UnfitFileError
from drivetrain.data.converters.sources import files_at, found_in
from drivetrain.data.lane_map import MapLane
from drivetrain.data.recording import Recording, Windows
from drivetrain.sim.scenario import Scenario

__all__ = ["UnfitFileError", "check_options", "files_in", "recording_of", "scenarios_of"]

VERSION = 4
SOURCE = "commonroad"
LICENCE = "BSD-3-Clause"

WINDOWS = Windows(shortest=31)
"""Three seconds: cars leave these short recordings early."""

SMOOTHING_STEPS = 21
"""Two seconds: with less, NGSIM's cars brake harder than tyres can."""

_RECORDING = re.compile(r"^(?:C-)?([A-Z]{3}_[A-Za-z0-9]+)-\d+_")


def check_options(options: Options) -> None:
    """Passes: there is nothing to choose, and the map lies with the recording."""
    del options


def files_in(sources: Sequence[Path]) -> list[Path]:
    """The XML files named, and those below the folders named, in order.

    Raises: NotFoundError where there are none.
    """
    return found_in(
        sources,
        lambda source: files_at(source, "*.xml"),
        "CommonRoad file",
        "name `.xml` files or folders that hold some: "
        "`/train data convert commonroad SOURCE --out DIR`",
    )


def scenarios_of(
    file: Path, options: Options | None = None
) -> Iterator[Scenario | Repair | str]:
    """The scenarios of a file, or for each one left out the reason.

    Raises: UnfitFileError where the file as a whole is no use.
    """
    del options  # there is nothing to choose
    situation = parse(file)
    tracks = situation.tracks
    jumps = [
        smoothing.teleports(x_m, y_m, valid)
        for x_m, y_m, valid in zip(tracks.x_m, tracks.y_m, tracks.valid, strict=True)
    ]
    tracks.valid[jumps] = False
    yield Repair("smoothed_track", len(jumps) - sum(jumps))
    if any(jumps):
        yield Repair("dropped_jumping_track", sum(jumps))
    yield from recording.scenarios_of(_recording(situation), WINDOWS)


def recording_of(name: str) -> str:
    """The recording behind a benchmark id: `USA_US101-4_1_T-1` comes from `USA_US101`.

    Its numbers are a map and a time of the same recording, so they must not be split apart.
    """
    found = _RECORDING.match(name)
    return found.group(1) if found else name


def _recording(situation: Situation) -> Recording:
    lanes = situation.lanes
    drivable = surface.union([part.outline_m for part in lanes.values()])
    ends = [end for name in lanes for end in _open_ends(lanes, name)]
    across = [np.stack([part.left_m, part.right_m])[:, -int(is_end)] for part, is_end in ends]
    return Recording(
        name=situation.name,
        group=recording_of(situation.name),
        source=SOURCE,
        licence=LICENCE,
        objects=situation.obstacles,
        tracks=smoothing.smooth_tracks(situation.tracks, SMOOTHING_STEPS),
        lanes=lanes,
        drivable=drivable,
        edges_m=surface.edges(drivable, across),
        origin_m=situation.origin_m,
        more_areas=(*lane_map.beyond(ends), *situation.crossings),
        signals=situation.signals,
    )


def _open_ends(lanes: dict[str, MapLane], name: str) -> Iterator[tuple[MapLane, bool]]:
    """Where the map ends although the lane does not: at its end (True), its beginning (False).

    A lane that ends beside one that goes on is a lane drop: there the road really narrows.
    """
    part = lanes[name]
    near = {name, *part.lane.neighbours}
    if not any(lanes[other].lane.successors for other in near):
        yield part, True
    if not any(near & {*other.lane.successors} for other in lanes.values()):
        yield part, False
