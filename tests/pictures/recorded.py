"""Small recordings to draw."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.pictures.record import record
from drivetrain.pictures.recording import Recording
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.planners import Driver, IdmDriver
from drivetrain.sim.scenario import Area, AreaKind, Category, Scenario, Stop
from tests.scenes import road, scene
from tests.written_sets import hand_made

SETTINGS = EnvironmentSettings(threads=1)
REPLAYED = EnvironmentSettings(traffic="replay", threads=1)
CROSSING = np.array([[40.0, -1.8], [44.0, -1.8], [44.0, 9.0], [40.0, 9.0]])


def rows(scenarios: ScenarioSet) -> NDArray[np.int64]:
    return np.arange(len(scenarios), dtype=np.int64)


def recorded(
    scenes: list[Scenario] | None = None,
    driver: Driver | None = None,
    settings: EnvironmentSettings = SETTINGS,
) -> list[Recording]:
    """Every scene, recorded."""
    scenarios = ScenarioSet.from_scenarios(scenes or hand_made(3))
    return record(
        scenarios,
        rows(scenarios),
        settings,
        driver or IdmDriver(),
        wanted=range(len(scenarios)),
        name="somebody",
    )


def busy_scene(name: str = "busy") -> Scenario:
    """Every category, a crosswalk, and a light that turns from red to green."""
    plain = scene(road(), [(0, 10.0, 8.0), (0, 60.0, 7.0), (1, 30.0, 5.0), (2, 40.0, 0.0)])
    first, *others = plain.road.paths
    lit = replace(
        plain.road,
        id="lit",
        paths=(replace(first, stops=(Stop(48.0, 0),)), *others),
        areas=(*plain.road.areas, Area(AreaKind.CROSSWALK, (CROSSING,))),
        lights=1,
    )
    kinds = [Category.VEHICLE, Category.VEHICLE, Category.BICYCLE, Category.PEDESTRIAN]
    signals = np.full((1, plain.tracks.valid.shape[1]), 2, np.uint8)
    signals[:, 50:] = 0
    tracks = replace(plain.tracks, category=np.array(kinds, np.uint8))
    return replace(plain, id=name, road=lit, tracks=tracks, signals=signals)
