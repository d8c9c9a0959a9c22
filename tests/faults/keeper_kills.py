"""`python -m tests.faults.keeper_kills PLACE`: kills the keeper at every moment of its save.

A program of its own, since it forks: torch has started no thread here.  Prints the kills.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from tests.fakes import FakeTelemetry
from tests.faults.doom import kill_at_every_moment
from trainers import checkpoints
from trainers.checkpoints import Checkpoint
from trainers.contract import Places
from trainers.keeper import Keeper
from trainers.moment import Moment

OLD, NEW, NEXT = 200, 300, 400


class Learner:
    """Stands where it is told to."""

    def __init__(self) -> None:
        self.at: Moment | None = None

    def moment(self) -> Moment:
        assert self.at is not None
        return self.at

    def go_on_from(self, moment: Moment) -> tuple[str, ...]:
        self.at = moment
        return ()


def moment_of(step: int) -> Moment:
    """All that is to be saved, telling of its step throughout."""
    told = torch.full((3,), float(step))
    policy = Checkpoint("PPO", step, {"weight": told}, {"seed": 1}, 3, 2)
    return Moment(policy, {"optim.pt": {"average": told}, "algo.pt": {"step": step}})


def keeper_at(place: Path) -> Keeper:
    return Keeper(Places(place, place / "logs"), FakeTelemetry(), 600.0)


def check(place: Path) -> None:
    """A new attempt finds the state before the save, or the one after it, and goes on."""
    keeper, learner, places = keeper_at(place), Learner(), Places(place, place / "logs")
    step = keeper.resume(learner)
    assert step in (OLD, NEW), step
    expected = moment_of(step)
    assert torch.equal(
        learner.moment().policy.policy["weight"], expected.policy.policy["weight"]
    )
    assert learner.moment().parts["algo.pt"] == expected.parts["algo.pt"]
    assert checkpoints.load(places.last).step == step
    assert checkpoints.load(places.best).step in (OLD, NEW)
    keeper.hold(moment_of(NEXT))
    assert keeper.save(as_best=True) == NEXT
    assert checkpoints.load(places.last).step == checkpoints.load(places.best).step == NEXT
    assert not list(place.rglob(".tmp-*"))


def main(home: Path) -> int:
    """Kill, look, go on; returns how often."""
    model, place = home / "model", home / "run"
    first = keeper_at(model)
    for step in (100, OLD):
        first.hold(moment_of(step))
        first.save(as_best=True)

    def anew() -> Callable[[], object]:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(model, place, copy_function=os.link)
        keeper = keeper_at(place)
        keeper.resume(Learner())
        keeper.hold(moment_of(NEW))
        return lambda: keeper.save(as_best=True)

    kills = 0
    for kills in kill_at_every_moment(anew):  # noqa: B007 - the last number is the count
        check(place)
    check(place)
    return kills


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.stdout.write(f"{main(Path(sys.argv[1]))}\n")
