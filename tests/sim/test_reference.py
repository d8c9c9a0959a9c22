from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.sim.actions import ACTION_COLUMNS, PROPOSALS
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.pack import pack
from drivetrain.sim.reference import ReferenceWorld
from drivetrain.sim.scenario import Category, Scenario, Stop
from drivetrain.sim.score.terms import score_of
from drivetrain.sim.world import EndReason, Worlds
from tests.scenes import road, scene


def random_scene(random: np.random.Generator) -> Scenario:
    """Up to ten others on a road of random bend, some late, some gone early, some on foot.

    On some roads most of the edge is missing, so that what is left lies at every distance.
    """
    radius = float(random.choice([np.inf, 300.0, 60.0, 30.0]))
    length = 100.0 if radius == 30.0 else 160.0
    lanes, others = int(random.integers(1, 4)), int(random.integers(0, 11))
    drives = [(int(random.integers(lanes)), 30.0, float(random.uniform(0, 12)))]
    for _ in range(others):
        at, speed = random.uniform(2, length - 20), random.uniform(0, 12)
        drives.append((int(random.integers(lanes)), float(at), float(speed)))
    whole = road(radius, length, lanes)
    kept = random.random(len(whole.edges_m)) < random.choice([0.05, 1.0])
    plain = scene(replace(whole, edges_m=whole.edges_m[kept]), drives, steps=61)
    agents = len(drives)
    valid = plain.tracks.valid.copy()
    first, last = random.integers(0, 20, agents), random.integers(30, 61, agents)
    steps = np.arange(61)
    late = random.random(agents) < 0.4
    valid[late] = (steps >= first[:, None])[late] & (steps < last[:, None])[late]
    valid[late & (random.random(agents) < 0.2)] = False
    valid[0] = True
    aside = random.normal(0, 0.6, (agents, 1)) * (np.arange(agents) > 0)[:, None]
    category = random.choice(4, agents).astype(np.uint8)
    category[0] = Category.VEHICLE
    tracks = replace(plain.tracks, valid=valid, y_m=plain.tracks.y_m + aside, category=category)
    path = np.where(random.random(agents) < 0.2, -1, plain.agent_path).astype(np.int32)
    return replace(plain, tracks=tracks, agent_path=path)


def with_lights(plain: Scenario, random: np.random.Generator) -> Scenario:
    """The scene with stop lines on its paths, whose lights change at random."""
    lights, steps = 3, plain.tracks.valid.shape[1]
    paths = tuple(
        replace(
            path,
            stops=tuple(
                Stop(float(at), int(random.integers(lights)))
                for at in np.sort(random.uniform(10, 90, int(random.integers(0, 4))))
            ),
        )
        for path in plain.road.paths
    )
    signals = np.repeat(random.integers(0, 5, (lights, steps // 10 + 1)), 10, axis=1)
    return replace(
        plain,
        road=replace(plain.road, paths=paths, lights=lights),
        signals=signals[:, :steps].astype(np.uint8),
    )


VARIANTS: dict[str, dict[str, object]] = {
    "idm": {"traffic": "idm"},
    "replay": {"traffic": "replay"},
    "mixed": {"traffic": "mixed"},
    "mixed goes on": {"traffic": "mixed", "on_failure": "ignore"},
    "chance": {"randomize": {"agents": 1.0, "sensing": 0.7}},
    "nothing ends it": {"traffic": "replay", "on_failure": "ignore"},
    "wide": {"observation": "wide", "actuators": "direct"},
    "red lights do not end it": {"red_light": "ignore"},
    "delta": {"actions": "delta"},
    "proposals": {"actions": "proposals", "traffic": "replay"},
}


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), strength=st.sampled_from([0.05, 0.3, 3.0]))
def test_every_step_of_a_batch_matches_the_reference(
    variant: str, seed: int, strength: float
) -> None:
    random = np.random.default_rng(seed)
    plain = [random_scene(random) for _ in range(3)]
    scenarios = pack([plain[0], *(with_lights(scene, random) for scene in plain[1:])])
    environment = EnvironmentSettings.model_validate({"horizon_s": 5.0, **VARIANTS[variant]})
    worlds = Worlds(
        scenarios, environment, num_worlds=3, seed=0, picks=np.arange(3), in_order=True
    )
    worlds.reset()
    references = [
        ReferenceWorld(scenarios, environment, number, seed=0, world=number)
        for number in range(3)
    ]
    alive = set(range(3))
    for world in alive:
        seen = references[world].observation()
        np.testing.assert_allclose(worlds.observations[world], seen, atol=1e-6)
    for _ in range(60):
        actions = random.normal(0.0, strength, (3, ACTION_COLUMNS[environment.actions]))
        if environment.actions == "proposals":
            actions = random.integers(0, PROPOSALS, (3, 1)).astype(np.float64)
        actions = actions.astype(np.float32)
        worlds.step(actions)
        for world in sorted(alive):
            outcome = references[world].step(*(float(part) for part in actions[world]))
            is_over = outcome.end_reason is not EndReason.NONE
            seen = (worlds.final_observations if is_over else worlds.observations)[world]
            np.testing.assert_allclose(seen, outcome.observation, atol=1e-6)
            np.testing.assert_allclose(worlds.rewards[world], outcome.reward, rtol=1e-5)
            np.testing.assert_allclose(worlds.reward_parts[world], outcome.parts, atol=1e-6)
            assert (worlds.terminated | worlds.truncated)[world] == is_over
            if is_over:
                assert worlds.episodes.end_reason[world] == outcome.end_reason
                assert worlds.episodes.collided[world] == outcome.collided
                assert worlds.episodes.at_fault[world] == outcome.at_fault
                assert outcome.terms is not None
                np.testing.assert_allclose(
                    worlds.episodes.metrics[world], outcome.terms, atol=1e-6
                )
                np.testing.assert_allclose(
                    worlds.episodes.score[world], score_of(outcome.terms), atol=1e-6
                )
                assert worlds.episodes.off_road[world] == outcome.off_road
                assert worlds.episodes.red_lights[world] == outcome.red_lights
                alive.remove(world)
        if not alive:
            break
    assert not alive
