import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.pack import pack
from drivetrain.sim.reference_company import ReferenceCompany
from drivetrain.sim.state import EndReason
from drivetrain.sim.world import Worlds
from tests.sim.test_reference import random_scene


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), strength=st.sampled_from([0.05, 0.3, 1.0]))
def test_every_step_of_a_group_matches_the_reference(seed: int, strength: float) -> None:
    random = np.random.default_rng(seed)
    scenarios = pack([random_scene(random)])
    environment = EnvironmentSettings(traffic="policy", horizon_s=5.0, seats=6)
    worlds = Worlds(scenarios, environment, num_worlds=6, seed=0)
    worlds.reset()
    company = ReferenceCompany(scenarios, environment, 0, worlds.seats)
    while True:
        on_stage = np.isin(np.arange(worlds.num_worlds), list(company.seats))
        np.testing.assert_array_equal(worlds.on_stage, on_stage)
        for number, one in company.seats.items():
            seen = one.observation()
            np.testing.assert_allclose(worlds.observations[number], seen, atol=1e-6)
        actions = random.normal(0.0, strength, (worlds.num_worlds, 2)).astype(np.float32)
        worlds.step(actions)
        outcomes = company.step(actions.astype(float).tolist())
        for number in range(worlds.num_worlds):
            if number not in outcomes:
                assert worlds.rewards[number] == 0
                assert not worlds.terminated[number]
                assert not worlds.truncated[number]
                continue
            outcome = outcomes[number]
            np.testing.assert_allclose(worlds.rewards[number], outcome.reward, rtol=1e-5)
            np.testing.assert_allclose(worlds.reward_parts[number], outcome.parts, atol=1e-6)
            ends = outcome.end_reason is not EndReason.NONE
            assert (worlds.terminated | worlds.truncated)[number] == ends
            if ends:
                seen = worlds.final_observations[number]
                np.testing.assert_allclose(seen, outcome.observation, atol=1e-6)
                assert worlds.episodes.end_reason[number] == outcome.end_reason
                assert worlds.episodes.collided[number] == outcome.collided
        if not company.seats:
            return
