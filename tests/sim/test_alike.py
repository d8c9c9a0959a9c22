"""A world does the same whatever is beside it, in all traffic and all action spaces."""

from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from drivetrain.sim.actions import ACTION_COLUMNS, PROPOSALS
from drivetrain.sim.config import Actions, EnvironmentSettings
from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.world import Worlds
from tests.scenes import road, scene

STEPS = 60
RULES = [
    {"traffic": traffic, "actions": actions}
    for traffic in ("idm", "replay", "mixed")
    for actions in get_args(Actions)
] + [{"traffic": "idm", "randomize": {"agents": 1.0, "sensing": 1.0}, "observation": "wide"}]


def scenes() -> ScenarioArrays:
    return pack(
        [
            scene(road(), [(1, 20, 12), (1, 45, 5), (0, 15, 9), (2, 30, 14)], name="slow"),
            scene(road(60.0, 150.0), [(0, 30, 8), (0, 15, 8), (1, 12, 8), (2, 5, 9)]),
            scene(road(lanes=1), [(0, 20, 10), (0, 60, 0), (0, 5, 10)], name="blocked"),
        ]
    )


def make(rules: dict[str, Any], num_worlds: int, threads: int = 1) -> Worlds:
    settings = EnvironmentSettings.model_validate({**rules, "threads": threads})
    worlds = Worlds(scenes(), settings, num_worlds=num_worlds, seed=3, stagger=True)
    worlds.reset()
    return worlds


def action_of(actions: Actions, world: int, step: int) -> NDArray[np.float32]:
    """What the driver of a world does, whoever else is in the batch."""
    random = np.random.default_rng([world, step])
    if actions == "proposals":
        return random.integers(0, PROPOSALS, 1).astype(np.float32)
    middle = {"bicycle": 0.2, "delta": 0.1}[actions]
    return random.normal(middle, 0.1, ACTION_COLUMNS[actions]).astype(np.float32)


def rolled(worlds: Worlds, steps: range = range(STEPS)) -> list[NDArray[Any]]:
    """Everything that worlds show, step by step: [worlds, numbers]."""
    seen = []
    for step in steps:
        kind = worlds.settings.actions
        worlds.step(np.stack([action_of(kind, w, step) for w in range(worlds.num_worlds)]))
        ends = np.stack([worlds.rewards, worlds.terminated, worlds.truncated], axis=1)
        seen.append(np.concatenate([worlds.observations, worlds.reward_parts, ends], axis=1))
    return seen


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: "-".join(map(str, rules.values())))
def test_neither_the_batch_nor_the_threads_nor_a_memory_change_what_a_world_does(
    rules: dict[str, Any],
) -> None:
    many = make(rules, 48)
    first = rolled(many, range(STEPS // 2))
    memory = many.memory()
    whole = [*first, *rolled(many, range(STEPS // 2, STEPS))]
    for worlds in (make(rules, 1), make(rules, 7), make(rules, 48, threads=3)):
        for one, other in zip(rolled(worlds), whole, strict=True):
            np.testing.assert_array_equal(one, other[: len(one)])
    fresh = make(rules, 48)
    fresh.restore(memory)
    later = rolled(fresh, range(STEPS // 2, STEPS))
    for one, other in zip(later, whole[STEPS // 2 :], strict=True):
        np.testing.assert_array_equal(one, other)
