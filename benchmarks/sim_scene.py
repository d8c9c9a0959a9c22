"""The scenes in which speed is measured: an ego amid 32 others on a long curve."""

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import (
    Area,
    AreaKind,
    Category,
    Lane,
    Path,
    Road,
    Scenario,
    ScenarioArrays,
    Tracks,
)

Floats = NDArray[np.float64]

OTHERS = 32
LANES = 3
LANE_M = 3.6
RADIUS_M = 300.0
ROAD_M = 700.0
PIECES = 14
PIECE_M = ROAD_M / PIECES
STEPS = 151
VARIANTS = 16


def scenes() -> ScenarioArrays:
    """The benchmark's scenarios."""
    road = _road()
    return pack([_scenario(road, variant) for variant in range(VARIANTS)])


def _curve(number: float, begin_m: float = 0.0, end_m: float = ROAD_M) -> Floats:
    """Points a metre apart along a long left curve, so many lanes to its left.  [points, 2]."""
    angle = np.arange(begin_m, end_m + 0.5) / RADIUS_M
    radius = RADIUS_M - number * LANE_M
    return np.column_stack([radius * np.sin(angle), RADIUS_M - radius * np.cos(angle)])


def _path(number: int) -> Path:
    """The whole of a lane, to drive along."""
    points = _curve(number)
    return Path(points, np.full(len(points), LANE_M / 2), np.full(len(points), 13.9))


def _piece(number: int, piece: int) -> Lane:
    """A lane of the map, as long as they are in a city."""
    begin_m, end_m = piece * PIECE_M, (piece + 1) * PIECE_M
    sides = _curve(number - 0.5, begin_m, end_m), _curve(number + 0.5, begin_m, end_m)
    return Lane(
        outline_m=np.concatenate([sides[0], sides[1][::-1]]),
        baseline_m=_curve(number, begin_m, end_m),
        limit_mps=13.9,
        block=piece,
        is_connector=False,
        successors=(number * PIECES + piece + 1,) if piece + 1 < PIECES else (),
    )


def _road() -> Road:
    sides = [_curve(-1), _curve(LANES)]
    edges = np.concatenate([np.column_stack([side[:-1], side[1:]]) for side in sides])
    return Road(
        "curve",
        tuple(_path(number) for number in range(LANES)),
        edges,
        tuple(_piece(number, piece) for number in range(LANES) for piece in range(PIECES)),
        (Area(AreaKind.DRIVABLE, (np.concatenate([sides[0], sides[1][::-1]]),)),),
    )


def _scenario(road: Road, variant: int) -> Scenario:
    """An ego in the middle lane amid 32 others, all within 130 m, logged at constant speed."""
    random = np.random.default_rng(variant)
    count = OTHERS + 1
    lane = np.arange(count) % LANES
    place = 20.0 + (np.arange(count) // LANES) * 20.0 + random.uniform(0, 8, count)
    # The ego trades places with whoever is in the middle of the middle lane.
    lane[[0, 16]], place[[0, 16]] = lane[[16, 0]], place[[16, 0]]
    speed = random.uniform(9.0, 13.0, count)
    along = place[:, None] + speed[:, None] * 0.1 * np.arange(STEPS)
    angle = np.asarray(along / RADIUS_M, np.float64)
    radius = np.asarray(RADIUS_M - lane[:, None] * LANE_M, np.float64)
    tracks = Tracks(
        x_m=np.asarray(radius * np.sin(angle)),
        y_m=np.asarray(RADIUS_M - radius * np.cos(angle)),
        heading_rad=angle,
        vx_mps=speed[:, None] * np.cos(angle),
        vy_mps=speed[:, None] * np.sin(angle),
        valid=np.ones((count, STEPS), np.bool_),
        length_m=np.r_[5.176, random.uniform(4.0, 5.2, OTHERS)],
        width_m=np.r_[2.297, random.uniform(1.7, 2.1, OTHERS)],
        category=np.full(count, Category.VEHICLE, np.uint8),
    )
    return Scenario(
        id=f"curve-{variant}",
        source="benchmark",
        log="benchmark",
        group="benchmark",
        type="curve",
        licence="generated",
        origin_m=(0.0, 0.0),
        road=road,
        tracks=tracks,
        ego=0,
        route=int(lane[0]),
        agent_path=lane.astype(np.int32),
        desired_mps=np.full(count, np.nan),
    )
