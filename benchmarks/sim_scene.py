"""The scenes in which speed is measured: an ego amid 32 others on a long curve."""

import numpy as np

from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import Category, Path, Road, Scenario, ScenarioArrays, Tracks

OTHERS = 32
LANES = 3
LANE_M = 3.6
RADIUS_M = 300.0
ROAD_M = 700.0
STEPS = 151
VARIANTS = 16


def scenes() -> ScenarioArrays:
    """The benchmark's scenarios."""
    road = _road()
    return pack([_scenario(road, variant) for variant in range(VARIANTS)])


def _lane(number: int) -> Path:
    """A lane of a long left curve."""
    along = np.arange(0.0, ROAD_M)
    radius = RADIUS_M - number * LANE_M
    angle = along / RADIUS_M
    points = np.column_stack([radius * np.sin(angle), RADIUS_M - radius * np.cos(angle)])
    return Path(points, np.full(len(along), LANE_M / 2), np.full(len(along), 13.9))


def _road() -> Road:
    sides = [_lane(side).points_m for side in (-1, LANES)]
    edges = np.concatenate([np.column_stack([side[:-1], side[1:]]) for side in sides])
    return Road("curve", tuple(_lane(number) for number in range(LANES)), edges)


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
