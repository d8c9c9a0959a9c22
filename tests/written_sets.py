"""Small scenario sets on disk, for tests that open one."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from drivetrain.data.catalogue import Origin
from drivetrain.data.scenario_sets import ScenarioSetWriter
from drivetrain.data.split import SPLITS
from drivetrain.sim.scenario import Scenario
from tests.scenes import road, scene

ROADS = (np.inf, 60.0, 150.0)


def hand_made(count: int = 12) -> list[Scenario]:
    """Short scenes on a straight and on curves, each its own group."""
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        lane = int(random.integers(3))
        drives = [(lane, 20.0, 8.0), (lane, 50.0, 6.0), ((lane + 1) % 3, 30.0, 9.0)]
        on = road(ROADS[number % len(ROADS)], 120.0)
        made.append(scene(on, drives, steps=81, name=f"hand_{number}"))
    return made


def written_set(folder: Path, count: int = 12) -> Path:
    """A set of hand-made scenes a third of them in each split."""
    scenes = [replace(one, group=one.id) for one in hand_made(count)]
    splits = {one.group: SPLITS[at % len(SPLITS)] for at, one in enumerate(scenes)}
    with ScenarioSetWriter(folder, Origin("hand", 1), splits=splits) as writer:
        writer.add(scenes)
    return folder
