"""The keeper saves whole states, or nothing, whatever the disk does."""

import errno
import random
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from drivetrain import checkpoint_units
from tests.fakes import FakeTelemetry
from trainers import checkpoints, randomness
from trainers.checkpoints import Checkpoint, State
from trainers.contract import Places
from trainers.keeper import Keeper
from trainers.moment import Moment, copied


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class Counter:
    """The smallest `Resumable`: it counts, and remembers what it saw."""

    def __init__(self) -> None:
        self.step = 0
        self.missing: set[str] = set()

    def moment(self) -> Moment:
        weights = {"weight": torch.full((4,), float(self.step))}
        parts: dict[str, State] = {
            "algo.pt": {"step": self.step},
            "replay.pt": {"seen": torch.zeros(100_000)},
        }
        policy = Checkpoint("PPO", self.step, weights, {}, 4, 2)
        return Moment(policy, parts, optional=frozenset({"replay.pt"}))

    def go_on_from(self, moment: Moment) -> tuple[str, ...]:
        self.step = moment.parts["algo.pt"]["step"]
        self.missing = {"replay.pt"} - set(moment.parts)
        return ("the replay buffer is filled anew",) if self.missing else ()


class Training:
    """A counter, its keeper and what they tell."""

    def __init__(self, home: Path) -> None:
        self.places = Places(home / "checkpoints", home / "logs")
        self.telemetry = FakeTelemetry()
        self.keeper = Keeper(self.places, self.telemetry, 600.0)
        self.counter = Counter()

    def save(self, step: int, *, as_best: bool = False) -> None:
        self.counter.step = step
        self.keeper.hold(self.counter.moment())
        self.keeper.save(as_best=as_best)

    def steps(self) -> list[int]:
        return sorted(int(unit.name) for unit in self.places.units.iterdir())


def test_the_last_two_states_and_the_best_are_kept(tmp_path: Path) -> None:
    training = Training(tmp_path)
    training.save(10, as_best=True)
    for step in (20, 30, 40):
        training.save(step)
    assert training.steps() == [10, 30, 40]
    assert checkpoints.load(training.places.best).step == 10
    assert checkpoints.load(training.places.last).step == 40


def test_the_best_is_kept_by_a_later_attempt_too(tmp_path: Path) -> None:
    first = Training(tmp_path)
    first.save(10, as_best=True)
    first.save(20)
    again = Training(tmp_path)
    assert again.keeper.resume(again.counter) == 20
    again.save(30)
    again.save(40)
    assert again.steps() == [10, 30, 40]


def test_a_link_that_a_kill_left_behind_is_set_right(tmp_path: Path) -> None:
    first = Training(tmp_path)
    first.save(10)
    last = first.places.last.read_bytes()
    first.save(20, as_best=True)
    first.places.last.unlink()
    first.places.last.write_bytes(last)
    first.places.best.unlink()
    again = Training(tmp_path)
    again.keeper.resume(again.counter)
    assert checkpoints.load(again.places.last).step == 20
    assert checkpoints.load(again.places.best).step == 20


def test_a_better_policy_of_a_state_that_was_saved_before_it_was_judged_stays_the_best(
    tmp_path: Path,
) -> None:
    first = Training(tmp_path)
    first.save(10, as_best=True)
    first.save(20)
    again = Training(tmp_path)
    again.keeper.resume(again.counter)
    again.save(20, as_best=True)
    last = Training(tmp_path)
    last.keeper.resume(last.counter)
    assert checkpoints.load(last.places.best).step == 20


def test_a_disk_that_is_nearly_full_costs_what_training_can_do_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = Training(tmp_path)
    training.save(10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free=100_000))
    training.save(20)
    assert training.telemetry.warnings == ["saved without replay.pt: disk full"]
    again = Training(tmp_path)
    assert again.keeper.resume(again.counter) == 20
    assert again.telemetry.warnings == [
        "resumed, not bit-identical: the replay buffer is filled anew"
    ]


def test_a_disk_too_full_for_a_state_ends_training_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = Training(tmp_path)
    training.save(10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free=1_000))
    with pytest.raises(OSError, match="No space left on device: a save needs") as told:
        training.save(20)
    assert told.value.errno == errno.ENOSPC
    assert training.steps() == [10]
    assert checkpoints.load(training.places.last).step == 10


def test_a_broken_policy_is_not_held_and_the_one_before_is_saved(tmp_path: Path) -> None:
    training = Training(tmp_path)
    training.counter.step = 10
    training.keeper.hold(training.counter.moment())
    broken = training.counter.moment()
    broken.policy.policy["weight"][2] = float("nan")
    with (
        pytest.raises(FloatingPointError, match="weight is not finite at step 10"),
        training.keeper.rescuing(),
    ):
        training.keeper.hold(broken)
    assert training.steps() == [10]


def test_without_any_state_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    training = Training(tmp_path)
    assert training.keeper.resume(training.counter) is None
    assert training.keeper.save() == 0
    assert not training.places.last.exists()


def test_a_copied_state_does_not_change_with_the_original() -> None:
    weight = torch.ones(2)
    state: State = {"weight": weight, "groups": [{"lr": 0.1, "betas": (0.9, 0.99)}]}
    kept = copied(state)
    weight += 1
    assert kept["weight"].tolist() == [1.0, 1.0]
    assert kept["groups"] == [{"lr": 0.1, "betas": (0.9, 0.99)}]


def drawn() -> tuple[float, float, float, list[float]]:
    """A few numbers from every generator."""
    shuffled = float(np.random.normal())  # noqa: NPY002 - what SB3 draws from
    return random.random(), random.gauss(0, 1), shuffled, torch.rand(3).tolist()  # noqa: S311


def test_every_generator_goes_on_from_where_it_stood(tmp_path: Path) -> None:
    drawn()
    unit = checkpoint_units.write(
        tmp_path / "units",
        1,
        {"rng.pt": lambda file: torch.save(randomness.draw_state(), file)},
        {},
    )
    went_on = drawn()
    drawn()
    assert randomness.set_state(checkpoints.read_state(unit.file("rng.pt")))
    assert drawn() == went_on
