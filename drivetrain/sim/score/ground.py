"""What a point stands on: areas, lanes, an intersection; and how far an area is.

A cell's list names every area that reaches into it; inside is what an odd number of borders
lies beside.
"""

import math

import numpy as np

from drivetrain.sim.compiled import called, compiled, inlined
from drivetrain.sim.lane_map import Baselines, Borders, Followers, Ground, LaneMap
from drivetrain.sim.road import cell_of
from drivetrain.sim.scenario import AreaKind
from drivetrain.sim.state import Ints

INTERSECTION = int(AreaKind.INTERSECTION)
DRIVABLE = int(AreaKind.DRIVABLE)


@called
def is_inside(borders: Borders, area: int, x: float, y: float) -> bool:
    """Whether a point lies in an area and in none of its holes.

    Counts the borders that a ray to the right crosses; without a branch, several at a time.
    """
    crossed = 0
    for k in range(borders.first[area], borders.first[area + 1]):
        x0, y0 = np.float64(borders.x0[k]), np.float64(borders.y0[k])
        x1, y1 = np.float64(borders.x1[k]), np.float64(borders.y1[k])
        is_level = (y0 > y) != (y1 > y)
        turns_left = (x1 - x0) * (y - y0) > (x - x0) * (y1 - y0)
        crossed += is_level & (turns_left == (y1 > y0))
    return crossed % 2 == 1


@called
def distance_to(borders: Borders, area: int, x: float, y: float) -> float:
    """Metres from a point to an area, 0 inside."""
    if is_inside(borders, area, x, y):
        return 0.0
    best = math.inf
    for k in range(borders.first[area], borders.first[area + 1]):
        x0, y0 = np.float64(borders.x0[k]), np.float64(borders.y0[k])
        ux, uy = np.float64(borders.x1[k]) - x0, np.float64(borders.y1[k]) - y0
        dx, dy = x - x0, y - y0
        part = min(max((dx * ux + dy * uy) / max(ux * ux + uy * uy, 1e-12), 0.0), 1.0)
        dx, dy = dx - part * ux, dy - part * uy
        best = min(best, dx * dx + dy * dy)
    return math.sqrt(best)


@called
def lanes_at(roads: LaneMap, road: int, x: float, y: float, out: Ints) -> int:
    """How many lanes hold a point: the one lane it is in, else every connector.

    out: [lanes], takes their numbers.
    """
    cell, count = cell_of(roads.ground, road, x, y), 0
    if cell < 0:
        return 0
    for entry in range(roads.ground.first_listed[cell], roads.ground.first_listed[cell + 1]):
        area = roads.ground.listed[entry]
        lane = roads.ground.lane[area]
        if lane < 0 or not is_inside(roads.ground.borders, area, x, y):
            continue
        if not roads.is_connector[lane]:
            out[0] = lane
            return 1
        if count < len(out):
            out[count] = lane
            count += 1
    return count


@called
def is_in_block(roads: LaneMap, road: int, block: int, x: float, y: float) -> bool:
    """Whether a point lies in any lane of a roadblock."""
    cell = cell_of(roads.ground, road, x, y)
    if cell < 0:
        return False
    for entry in range(roads.ground.first_listed[cell], roads.ground.first_listed[cell + 1]):
        area = roads.ground.listed[entry]
        lane = roads.ground.lane[area]
        if (
            lane >= 0
            and roads.block[lane] == block
            and is_inside(roads.ground.borders, area, x, y)
        ):
            return True
    return False


@compiled
def is_in_intersection(ground: Ground, road: int, x: float, y: float) -> bool:
    """Whether a point lies in an intersection."""
    cell = cell_of(ground, road, x, y)
    if cell < 0:
        return False
    for entry in range(ground.first_listed[cell], ground.first_listed[cell + 1]):
        area = ground.listed[entry]
        if ground.kind[area] == INTERSECTION and is_inside(ground.borders, area, x, y):
            return True
    return False


@called
def is_paved(ground: Ground, road: int, x: float, y: float) -> bool:
    """Whether a point lies in a lane, a connector or the drivable area.

    As in nuPlan, intersections belong to the drivable area.
    """
    cell = cell_of(ground, road, x, y)
    if cell < 0:
        return False
    for entry in range(ground.first_listed[cell], ground.first_listed[cell + 1]):
        area = ground.listed[entry]
        if ground.kind[area] <= DRIVABLE and is_inside(ground.borders, area, x, y):
            return True
    return False


@called
def is_near_drivable(ground: Ground, road: int, x: float, y: float, reach_m: float) -> bool:
    """Whether the drivable area is less than reach_m away from a point."""
    for corner in range(4):
        # Whatever is so near reaches into one of the cells around the point.
        aside = reach_m if corner % 2 else -reach_m
        ahead = reach_m if corner // 2 else -reach_m
        cell = cell_of(ground, road, x + aside, y + ahead)
        if cell < 0:
            continue
        for entry in range(ground.first_listed[cell], ground.first_listed[cell + 1]):
            area = ground.listed[entry]
            kind = ground.kind[area]
            is_drivable = kind in (DRIVABLE, INTERSECTION)
            if is_drivable and distance_to(ground.borders, area, x, y) < reach_m:
                return True
    return False


@inlined
def knows_drivable(roads: LaneMap, road: int) -> bool:
    """Whether a road has any drivable area."""
    for area in range(roads.first_area[road], roads.first_area[road + 1]):
        if roads.ground.kind[area] == DRIVABLE:
            return True
    return False


@called
def along_baseline(baselines: Baselines, lane: int, x: float, y: float) -> float:
    """Arc length of the point of a lane's baseline that is nearest to a point."""
    place, best = 0.0, math.inf
    last = baselines.first[lane + 1] - 1
    for k in range(baselines.first[lane], last):
        x0, y0 = np.float64(baselines.x[k]), np.float64(baselines.y[k])
        ux, uy = np.float64(baselines.x[k + 1]) - x0, np.float64(baselines.y[k + 1]) - y0
        dx, dy = x - x0, y - y0
        ahead, square = dx * ux + dy * uy, ux * ux + uy * uy
        if ahead <= 0.0:
            distance, part = dx * dx + dy * dy, 0.0
        elif ahead < square:
            aside = dy * ux - dx * uy
            distance, part = aside * aside / square, ahead / square
        elif k == last - 1:
            distance, part = (dx - ux) * (dx - ux) + (dy - uy) * (dy - uy), 1.0
        else:
            # What is nearest on the next piece is as near.
            continue
        if distance < best:
            begin, end = np.float64(baselines.m[k]), np.float64(baselines.m[k + 1])
            place, best = begin + part * (end - begin), distance
    return place


@inlined
def leads_to(followers: Followers, lane: int, other: int) -> bool:
    """Whether one lane is followed by the other."""
    for k in range(followers.first[lane], followers.first[lane + 1]):
        if followers.lane[k] == other:
            return True
    return False
