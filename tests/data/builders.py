"""Small scenarios and small CommonRoad files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np

from drivetrain.sim.scenario import Category, Path, Road, Scenario, Tracks


def straight_road(name: str = "road", length_m: float = 120.0, paths: int = 2) -> Road:
    """Lanes of 4 m to the east, one above the other, with an edge on both sides."""
    along = np.arange(0.0, length_m + 1.0, 1.0)
    lanes = tuple(
        Path(
            np.stack([along, np.full_like(along, 4.0 * lane)], axis=1),
            np.full(len(along), 2.0),
            np.full(len(along), 10.0 if lane == 0 else math.nan),
        )
        for lane in range(paths)
    )
    low, high = -3.0, 4.0 * paths - 1.0
    edges = np.array([[0.0, low, length_m, low], [0.0, high, length_m, high]])
    return Road(name, lanes, edges)


def scenario(
    name: str,
    *,
    group: str = "group",
    road: Road | None = None,
    agents: int = 3,
    steps: int = 6,
    speed_mps: float = 5.0,
) -> Scenario:
    """Cars one behind the other on the first lane, the first of them the ego."""
    road = road or straight_road()
    seconds = 0.1 * np.arange(steps)
    x_m = 60.0 - 12.0 * np.arange(agents)[:, None] + speed_mps * seconds
    still = np.zeros((agents, steps))
    return Scenario(
        id=name,
        source="test",
        log="log",
        group=group,
        type="follow",
        licence="generated",
        origin_m=(1000.25, -7.5),
        road=road,
        tracks=Tracks(
            x_m=x_m,
            y_m=still,
            heading_rad=still,
            vx_mps=np.full((agents, steps), speed_mps),
            vy_mps=still,
            valid=np.ones((agents, steps), bool),
            length_m=np.linspace(4.0, 5.0, agents),
            width_m=np.linspace(1.8, 2.0, agents),
            category=np.full(agents, Category.VEHICLE, np.uint8),
        ),
        ego=0,
        route=0,
        agent_path=np.array([0, 1, -1] * agents, np.int32)[:agents],
        desired_mps=np.full(agents, math.nan),
    )


@dataclass(frozen=True)
class Car:
    """An obstacle of a CommonRoad file that drives east at a constant speed."""

    id: int
    x_m: float
    y_m: float
    speed_mps: float
    steps: int
    length_m: float = 4.5


def commonroad_2018b(cars: Sequence[Car], limit_mps: float | None = 13.4112) -> str:
    """Two lanes to the east in the older format: the limit is a number of the lanelet."""
    limit = "" if limit_mps is None else f"<speedLimit>{limit_mps}</speedLimit>"
    obstacles = "".join(
        f'<obstacle id="{car.id}"><role>dynamic</role>{_body(car)}</obstacle>' for car in cars
    )
    return (
        '<?xml version="1.0"?><commonRoad benchmarkID="USA_Test-1_1_T-1" '
        'commonRoadVersion="2018b" timeStepSize="0.1" tags="urban">'
        f"{_lanelets(limit)}{obstacles}</commonRoad>"
    )


def commonroad_2020a(cars: Sequence[Car], limit_mps: float = 11.176) -> str:
    """The same in the newer format: the limit is a sign that lanelets refer to."""
    sign = (
        '<trafficSign id="90"><trafficSignElement><trafficSignID>R2-1</trafficSignID>'
        f"<additionalValue>{limit_mps}</additionalValue></trafficSignElement></trafficSign>"
    )
    obstacles = "".join(
        f'<dynamicObstacle id="{car.id}">{_body(car)}</dynamicObstacle>' for car in cars
    )
    return (
        '<?xml version="1.0"?><commonRoad benchmarkID="USA_Test-2_1_T-1" '
        'commonRoadVersion="2020a" timeStepSize="0.1"><scenarioTags><urban/></scenarioTags>'
        + _lanelets('<trafficSignRef ref="90"/>')
        + f"{sign}{obstacles}</commonRoad>"
    )


def file_with(folder: FilePath, text: str, name: str = "scene.xml") -> FilePath:
    """A file with that text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _lanelets(rules: str) -> str:
    """Lanelets 1 and 2 follow each other along y = 0; 3 lies beside 1, to its left."""
    return (
        _lanelet(1, (0.0, 60.0), 0.0, f'<successor ref="2"/>{_beside("Left", 3)}{rules}')
        + _lanelet(2, (60.0, 120.0), 0.0, f'<predecessor ref="1"/>{rules}')
        + _lanelet(3, (0.0, 60.0), 4.0, f"{_beside('Right', 1)}{rules}")
    )


def _beside(side: str, other: int) -> str:
    return f'<adjacent{side} ref="{other}" drivingDir="same"/>'


def _lanelet(number: int, span_m: tuple[float, float], middle_m: float, rest: str) -> str:
    bounds = "".join(
        f"<{side}>"
        + "".join(
            f"<point><x>{x}</x><y>{middle_m + offset}</y></point>"
            for x in np.linspace(*span_m, 4)
        )
        + f"</{side}>"
        for side, offset in (("leftBound", 2.0), ("rightBound", -2.0))
    )
    return f'<lanelet id="{number}">{bounds}{rest}</lanelet>'


def _body(car: Car) -> str:
    states = [_state(car, step) for step in range(car.steps)]
    return (
        f"<type>car</type><shape><rectangle><length>{car.length_m}</length>"
        "<width>1.8</width></rectangle></shape>"
        f"<initialState>{states[0]}</initialState><trajectory>"
        + "".join(f"<state>{state}</state>" for state in states[1:])
        + "</trajectory>"
    )


def _state(car: Car, step: int) -> str:
    x_m = car.x_m + 0.1 * car.speed_mps * step
    return (
        f"<position><point><x>{x_m}</x><y>{car.y_m}</y></point></position>"
        f"<orientation><exact>0.0</exact></orientation><time><exact>{step}</exact></time>"
        f"<velocity><exact>{car.speed_mps}</exact></velocity>"
    )
