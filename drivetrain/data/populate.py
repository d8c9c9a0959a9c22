"""Cars on a place: where an episode begins, before anybody has driven."""

from dataclasses import dataclass, replace

import numpy as np

from drivetrain.data import lines
from drivetrain.data.light_programs import light_program
from drivetrain.data.lines import Floats
from drivetrain.data.places import Place, Strand
from drivetrain.sim.scenario import Category, Scenario, Tracks

EGO_LENGTH_M, EGO_WIDTH_M = 5.176, 2.297
"""nuPlan's `pacifica`."""

SOURCE = "generated"
LICENCE = "generated"

TRIES_PER_CAR = 4
LEADERS = 0.6
"""Share of scenes with a slower car ahead: who drives without looking must not get far."""
LEADERS_PACE = (0.2, 0.75)
STANDSTILL_M = 2.0
HEADWAY_S = 0.8
BRAKING_MPS2 = 3.0
GENTLY_MPS2 = 1.0
CORRIDOR_M = 2.6
"""Cars whose middles are less than this aside are in each other's way."""
FREE_OF_BENDS = 0.6
"""Where a line's slowest bend allows this share of its limit, drivers differ in pace."""


@dataclass(frozen=True, slots=True)
class Car:
    """One car at the start.  path: row of the place's strand, -1 for one that stays put."""

    x_m: float
    y_m: float
    heading_rad: float
    speed_mps: float
    length_m: float
    width_m: float
    path: int
    desired_mps: float


def populate(place: Place, name: str, steps: int, rng: np.random.Generator) -> Scenario:
    """A scenario whose log is only its first frame, held: the road and who is where on it."""
    start = place.starts[rng.integers(len(place.starts))]
    along_m = rng.uniform(*start.spawn_m)
    cars = [_ego(place, start.strand, along_m, rng)]
    _add_sure_ones(place, cars, rng)
    _add_queues(place, cars, rng)
    if rng.random() < LEADERS:
        _add_leader(place, start.strand, along_m, cars, rng)
    _add_traffic(place, cars, rng)
    signals = light_program(place.phases, steps, rng) if place.phases else None
    return Scenario(
        id=name,
        source=SOURCE,
        log=place.road.id,
        group=place.road.id,
        type=place.type,
        licence=LICENCE,
        origin_m=(0.0, 0.0),
        road=place.road,
        tracks=_held(cars, steps),
        ego=0,
        route=start.strand,
        agent_path=np.array([car.path for car in cars], np.int32),
        desired_mps=np.array([car.desired_mps for car in cars]),
        signals=signals,
    )


def _ego(place: Place, strand: int, along_m: float, rng: np.random.Generator) -> Car:
    line, queue_m = place.strands[strand].path, place.strands[strand].queue_m
    x, y, heading, limit = _at(line.points_m, line.limit_mps, along_m)
    # Rarely from standstill, mostly near the limit: then others matter soonest.
    speed = 0.0 if rng.random() < 0.15 else np.sqrt(rng.random()) * limit
    if queue_m is not None:
        # Slow enough to stop behind the queue; else there would be no room for one.
        speed = min(speed, np.sqrt(2.0 * GENTLY_MPS2 * max(0.0, queue_m - along_m - 15.0)))
    return Car(x, y, heading, speed, EGO_LENGTH_M, EGO_WIDTH_M, strand, np.nan)


def _add_leader(
    place: Place, strand: int, along_m: float, cars: list[Car], rng: np.random.Generator
) -> None:
    """A slower car ahead of the ego, on its own line."""
    ahead_m = along_m + rng.uniform(8.0, 20.0) + rng.uniform(0.5, 2.5) * cars[0].speed_mps
    slow = replace(place.strands[strand], spawn_m=(ahead_m, ahead_m), pace=LEADERS_PACE)
    car = _car(slow, strand, rng)
    if place.strands[strand].queue_m is None and _is_free(car, cars):
        cars.append(car)


def _add_sure_ones(place: Place, cars: list[Car], rng: np.random.Generator) -> None:
    for row, strand in enumerate(place.strands):
        for _ in range(strand.sure):
            _try_to_add(place, row, cars, rng)


def _add_queues(place: Place, cars: list[Car], rng: np.random.Generator) -> None:
    """Cars that stand bumper to bumper behind the head of each queue."""
    for strand in place.strands:
        if strand.queue_m is None:
            continue
        at_m = strand.queue_m
        for _ in range(int(rng.integers(2, 7))):
            length, width = _size(rng)
            line = strand.path
            x, y, heading, _ = _at(line.points_m, line.limit_mps, at_m - 0.5 * length)
            car = Car(x, y, heading, 0.0, length, width, -1, np.nan)
            if len(cars) <= place.most and _is_free(car, cars):
                cars.append(car)
            at_m -= length + rng.uniform(1.2, 3.5)


def _add_traffic(place: Place, cars: list[Car], rng: np.random.Generator) -> None:
    weights = np.array(
        [0.0 if strand.queue_m is not None else strand.weight for strand in place.strands]
    )
    if not weights.any():
        return
    wanted = 1 + int(rng.integers(place.fewest, place.most + 1))
    rows = rng.choice(
        len(weights), size=TRIES_PER_CAR * max(0, wanted - len(cars)), p=weights / weights.sum()
    )
    for row in rows:
        if len(cars) >= wanted:
            return
        _try_to_add(place, int(row), cars, rng)


def _try_to_add(place: Place, row: int, cars: list[Car], rng: np.random.Generator) -> None:
    car = _car(place.strands[row], row, rng)
    if _is_free(car, cars):
        cars.append(car)


def _car(strand: Strand, row: int, rng: np.random.Generator) -> Car:
    line = strand.path
    low, high = strand.spawn_m
    x, y, heading, limit = _at(line.points_m, line.limit_mps, rng.uniform(low, high))
    slowest = float(line.limit_mps.min())
    is_even = slowest >= FREE_OF_BENDS * float(line.limit_mps.max())
    desired = rng.uniform(*strand.pace) * slowest if is_even else np.nan
    speed = rng.uniform(0.5, 1.0) * min(limit, desired if is_even else limit)
    length, width = _size(rng)
    return Car(x, y, heading, speed, length, width, row, desired)


def _size(rng: np.random.Generator) -> tuple[float, float]:
    """Mostly cars, some vans, a few trucks."""
    if rng.random() < 0.1:
        return rng.uniform(6.5, 11.0), rng.uniform(2.2, 2.5)
    return rng.uniform(3.8, 5.3), rng.uniform(1.7, 2.1)


def _is_free(car: Car, cars: list[Car]) -> bool:
    """Whether nobody is beside or shortly before or behind a car, as far as both can brake.

    Along the car's own heading: on a bend this is only roughly its lane.
    """
    x, y, heading, speed, length = np.array(
        [(c.x_m, c.y_m, c.heading_rad, c.speed_mps, c.length_m) for c in cars]
    ).T
    for cos, sin in ((np.cos(car.heading_rad), np.sin(car.heading_rad)),
                     (np.cos(heading), np.sin(heading))):  # fmt: skip
        ahead = (x - car.x_m) * cos + (y - car.y_m) * sin
        aside = (y - car.y_m) * cos - (x - car.x_m) * sin
        faster = np.where(ahead > 0, car.speed_mps - speed, speed - car.speed_mps)
        behind_mps = np.where(ahead > 0, car.speed_mps, speed)
        need = STANDSTILL_M + HEADWAY_S * behind_mps
        # What the one behind must shed before it is as slow as the one ahead.
        need += np.maximum(faster, 0.0) * np.maximum(behind_mps, 1.0) / BRAKING_MPS2
        gap = np.abs(ahead) - 0.5 * (length + car.length_m)
        if bool(((np.abs(aside) < CORRIDOR_M) & (gap < need)).any()):
            return False
    return True


def _at(
    points_m: Floats, limit_mps: Floats, along_m: float
) -> tuple[float, float, float, float]:
    """x, y, heading and limit at a way along a line of 1 m steps."""
    at = int(np.clip(along_m, 0, len(points_m) - 2))
    part = float(np.clip(along_m - at, 0.0, 1.0))
    x, y = points_m[at] + part * (points_m[at + 1] - points_m[at])
    dx, dy = points_m[at + 1] - points_m[at]
    return float(x), float(y), float(np.arctan2(dy, dx)), float(limit_mps[at])


def _held(cars: list[Car], steps: int) -> Tracks:
    def held(values: list[float]) -> Floats:
        return np.repeat(np.array(values, dtype=np.float64)[:, None], steps, axis=1)

    return Tracks(
        x_m=held([car.x_m for car in cars]),
        y_m=held([car.y_m for car in cars]),
        heading_rad=lines.turned(held([car.heading_rad for car in cars])),
        vx_mps=held([car.speed_mps * np.cos(car.heading_rad) for car in cars]),
        vy_mps=held([car.speed_mps * np.sin(car.heading_rad) for car in cars]),
        valid=np.ones((len(cars), steps), bool),
        length_m=np.array([car.length_m for car in cars]),
        width_m=np.array([car.width_m for car in cars]),
        category=np.full(len(cars), Category.VEHICLE, np.uint8),
    )
