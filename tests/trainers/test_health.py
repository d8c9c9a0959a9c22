"""What breaks inside a training is seen, told, and ends it with the last good policy kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from drivetrain.runs.outcome import reason_of
from drivetrain.sim.world import Worlds
from tests.fakes import FakeTelemetry
from tests.trainers.algorithms import ROLLOUT, WORLDS, small_request, with_training
from tests.written_sets import written_set
from trainers import checkpoints
from trainers.catalog import trainer_of
from trainers.contract import Places
from trainers.gradients import ENOUGH, Gradients
from trainers.health import check_numbers, check_weights
from trainers.ppo import train
from trainers.ppo_request import PPORequest


def a_layer() -> tuple[torch.nn.Linear, torch.optim.SGD]:
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 1)
    return layer, torch.optim.SGD(layer.parameters(), lr=1.0)


def stepped(layer: torch.nn.Linear, optimiser: torch.optim.Optimizer, scale: float) -> None:
    optimiser.zero_grad()
    (scale * layer(torch.ones(1, 3))).sum().backward()
    optimiser.step()


def nothing() -> None:
    """Nobody wants to leave."""


def test_gradients_are_clipped_as_the_library_would_and_seen_as_they_were() -> None:
    layer, optimiser = a_layer()
    gradients = Gradients(optimiser, 0.5, nothing)
    stepped(layer, optimiser, 10.0)
    twin, by_library = a_layer()
    (10.0 * twin(torch.ones(1, 3))).sum().backward()
    norm = torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
    by_library.step()
    assert torch.equal(layer.weight, twin.weight)
    told = gradients.told()
    assert told is not None
    assert (told.mean, told.longest) == (float(norm), float(norm))
    assert gradients.told() is None


@pytest.mark.parametrize("scale", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_moves_no_weight(scale: float) -> None:
    layer, optimiser = a_layer()
    Gradients(optimiser, 0.5, nothing)
    before = layer.weight.clone()
    with pytest.raises(FloatingPointError, match=r"the gradient's norm is (nan|inf)"):
        stepped(layer, optimiser, scale)
    assert torch.equal(layer.weight, before)


def test_a_gradient_far_longer_than_usual_is_told_of_once_usual_is_known() -> None:
    layer, optimiser = a_layer()
    gradients = Gradients(optimiser, 0.5, nothing)
    seen = []
    for scale in (1000.0, *[1.0] * ENOUGH, 2.0, 1000.0):
        stepped(layer, optimiser, scale)
        told = gradients.told()
        assert told is not None
        seen.append(told.are_exploding())
    assert seen == [False] * (ENOUGH + 2) + [True]


def test_what_is_usual_is_known_again_after_a_resume() -> None:
    layer, optimiser = a_layer()
    gradients = Gradients(optimiser, 0.5, nothing)
    for _ in range(ENOUGH):
        stepped(layer, optimiser, 1.0)
    gradients.told()
    state = gradients.state()
    other_layer, other = a_layer()
    resumed = Gradients(other, 0.5, nothing)
    resumed.restore(state)
    stepped(other_layer, other, 1000.0)
    told = resumed.told()
    assert told is not None
    assert told.are_exploding()


def test_a_loss_or_a_weight_that_is_not_finite_is_named_with_its_step() -> None:
    with pytest.raises(FloatingPointError, match="value_loss is nan at step 7"):
        check_numbers({"loss": 1.0, "value_loss": float("nan")}, 7)
    with pytest.raises(FloatingPointError, match="bias is not finite at step 7"):
        check_weights({"weight": torch.ones(1), "bias": torch.tensor([float("inf")])}, 7)


@pytest.fixture
def asked(tmp_path: Path) -> PPORequest:
    request = small_request("PPO", written_set(tmp_path / "set"), 4)
    assert isinstance(request, PPORequest)
    return request


def broken_at(step: int, breaks: Callable[[Worlds], None]) -> Callable[[Worlds, Any], None]:
    """`Worlds.step` with something broken from that step of training on."""
    healthy, steps = Worlds.step, 0

    def stepped_once(self: Worlds, actions: Any) -> None:
        nonlocal steps
        healthy(self, actions)
        if self.num_worlds == WORLDS:
            steps += WORLDS
            if steps >= step:
                breaks(self)

    return stepped_once


def nan_reward(worlds: Worlds) -> None:
    worlds.rewards[3] = np.nan


def infinite_observation(worlds: Worlds) -> None:
    worlds.observations[3, 5] = np.inf


@pytest.mark.parametrize(
    ("breaks", "words"),
    [(nan_reward, "a reward"), (infinite_observation, "an observation")],
)
def test_a_broken_simulator_ends_the_run_with_its_last_good_state(
    asked: PPORequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    breaks: Callable[[Worlds], None],
    words: str,
) -> None:
    monkeypatch.setattr(Worlds, "step", broken_at(ROLLOUT + 5 * WORLDS, breaks))
    places = Places(tmp_path / "checkpoints", tmp_path / "logs")
    with pytest.raises(FloatingPointError, match=f"{words} is not finite at step 336"):
        train(asked, FakeTelemetry(), places)
    assert checkpoints.load(places.last).step == ROLLOUT
    assert checkpoints.load(places.best).step == ROLLOUT


def out_of_memory(worlds: Worlds) -> None:
    raise torch.OutOfMemoryError(f"no room for {worlds.num_worlds} more")


def test_whatever_breaks_the_last_boundary_is_saved_and_the_reason_told(
    asked: PPORequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seldom = with_training(asked, eval_every=100 * ROLLOUT)
    broken = broken_at(2 * ROLLOUT + 5 * WORLDS, out_of_memory)
    monkeypatch.setattr(Worlds, "step", broken)
    places = Places(tmp_path / "checkpoints", tmp_path / "logs")
    with pytest.raises(torch.OutOfMemoryError) as told:
        trainer_of(seldom)(seldom, FakeTelemetry(), places)
    assert reason_of(told.value) == "gpu_oom"
    assert checkpoints.load(places.last).step == 2 * ROLLOUT


def test_worlds_that_cannot_be_taken_back_are_told_of(
    asked: PPORequest, tmp_path: Path
) -> None:
    places = Places(tmp_path / "checkpoints", tmp_path / "logs")
    train(asked, FakeTelemetry(stop_at=ROLLOUT), places)
    scenes = written_set(tmp_path / "other", count=15)
    telemetry = FakeTelemetry()
    other = asked.model_copy(update={"data": scenes})
    assert train(other, telemetry, places).how == "completed"
    assert telemetry.begun_at == ROLLOUT
    assert telemetry.warnings == ["resumed, not bit-identical: the worlds begin new episodes"]


def test_the_norm_of_the_gradient_is_told_with_every_update(
    asked: PPORequest, tmp_path: Path
) -> None:
    telemetry = FakeTelemetry()
    train(asked, telemetry, Places(tmp_path / "checkpoints", tmp_path / "logs"))
    norms = [told["grad_norm"] for _, told in telemetry.numbers if "grad_norm" in told]
    assert len(norms) == 4
    assert all(norm > 0 for norm in norms)
