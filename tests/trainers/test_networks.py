"""How a policy sees a scene: agents and edges as sets, in any order, however many there are."""

import pytest
import torch
from torch import Tensor

from drivetrain.sim.layout import LAYOUTS, EgoColumn
from drivetrain.sim.spaces import observation_space
from drivetrain.sim.traffic import LOOK_AHEAD_M
from trainers.networks import SceneEncoder
from trainers.policy import untrained_policy
from trainers.ppo_request import PPORequest
from trainers.requests import REQUESTS
from trainers.train_request import PolicySettings

LAYOUT = LAYOUTS[PPORequest().environment.observation]
BATCH = 5
ALGORITHMS = sorted(REQUESTS)


def _drawn(seed: int = 0) -> Tensor:
    """Observations of which every other agent and edge shows nobody.  [BATCH, size]."""
    seen = torch.rand((BATCH, LAYOUT.size), generator=torch.Generator().manual_seed(seed))
    seen = 2.0 * seen - 1.0
    for rows in _sets(seen):
        rows[:, ::2] = 0.0
        rows[:, 1::2, -1] = 1.0
    return seen


def _sets(seen: Tensor) -> tuple[Tensor, Tensor]:
    """Agents and edges of observations, as views.  [batch, rows, numbers]."""
    at = LAYOUT
    agents = seen[:, at.agents_at : at.route_at].view(-1, at.agents, at.per_agent)
    edges = seen[:, at.boundary_at : at.light_at].view(-1, at.boundary, at.per_boundary)
    return agents, edges


@torch.no_grad()
def _actions(verb: str, seen: Tensor, network: str = "scene") -> Tensor:
    request = REQUESTS[verb]().model_copy(
        update={"policy": PolicySettings.model_validate({"network": network})}
    )
    policy = untrained_policy(request, seed=1)
    return policy._predict(seen, deterministic=True)


@pytest.mark.parametrize("verb", ALGORITHMS)
def test_the_order_of_agents_and_edges_changes_no_action(verb: str) -> None:
    seen = _drawn()
    mixed = seen.clone()
    for rows in _sets(mixed):
        rows.copy_(rows.flip(1).clone())
    assert not torch.equal(seen, mixed)
    torch.testing.assert_close(_actions(verb, mixed), _actions(verb, seen))


@pytest.mark.parametrize("verb", ALGORITHMS)
def test_what_stands_in_an_empty_row_changes_no_action(verb: str) -> None:
    seen = _drawn()
    littered = seen.clone()
    for rows in _sets(littered):
        rows[:, ::2, :-1] = 0.7
    torch.testing.assert_close(_actions(verb, littered), _actions(verb, seen))


@pytest.mark.parametrize("verb", ALGORITHMS)
def test_an_agent_more_changes_what_is_done(verb: str) -> None:
    seen = _drawn()
    joined = seen.clone()
    agents, _ = _sets(joined)
    agents[:, 0], agents[:, 0, -1] = 0.7, 1.0
    assert not torch.allclose(_actions(verb, joined), _actions(verb, seen), atol=1e-6)


def test_a_scene_without_anybody_is_finite() -> None:
    seen = _drawn()
    for rows in _sets(seen):
        rows.zero_()
    assert torch.isfinite(_actions("ppo", seen)).all()


def test_a_plain_network_is_one_that_sees_an_order() -> None:
    seen = _drawn()
    mixed = seen.clone()
    for rows in _sets(mixed):
        rows.copy_(rows.flip(1).clone())
    assert not torch.allclose(_actions("ppo", mixed, "mlp"), _actions("ppo", seen, "mlp"))


def test_the_default_network_is_the_one_that_sees_sets() -> None:
    assert PPORequest().policy.network == "scene"


def test_a_metre_shows_more_close_by_than_far_away() -> None:
    """One that stands 1 m ahead instead of 2 m, and 41 m instead of 42 m."""

    def told(gap_m: float) -> Tensor:
        seen = torch.zeros((1, LAYOUT.size))
        seen[:, EgoColumn.LEAD_GAP] = gap_m / LOOK_AHEAD_M
        encoded: Tensor = SceneEncoder(observation_space(LAYOUT), "flat")(seen)
        return encoded

    with torch.random.fork_rng():
        torch.manual_seed(0)
        near, far = (told(1.0) - told(2.0)).norm(), (told(41.0) - told(42.0)).norm()
    assert near > 5 * far
