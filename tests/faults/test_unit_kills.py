"""A kill at every moment of a save: a whole state always loads, and none is lost."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drivetrain import checkpoint_units
from drivetrain.checkpoint_units import damaged, newest, newest_verified
from drivetrain.settings import PROJECT
from tests.faults.doom import kill_at_every_moment
from tests.saved_units import FILES, drafts_in, save, step_in, steps_in

KEEP = 2
FEWEST_KILLS = 200
SAVES_PATIENCE_S = 240.0
MANY_FILES = ("policy.pt", *(f"replay_{number}.npy" for number in range(6)))


def save_all(units: Path, step: int, names: tuple[str, ...] = FILES) -> None:
    """All that a trainer does to save its best state yet."""
    saved = save(units, step, names)
    for name in ("last.pt", "best.pt"):
        checkpoint_units.link(saved.file("policy.pt"), units.parent / name)
    checkpoint_units.prune(units, KEEP, {step})


def save_all_without_links(units: Path, step: int) -> None:
    """The same where the file system knows no hard links."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    os.link = refuse  # type: ignore[assignment]
    save_all(units, step)


def nothing(_units: Path) -> None:
    """A run that saved nothing yet."""


def two(units: Path) -> None:
    """A run that trained for a while."""
    save_all(units, 100)
    save_all(units, 200)


def four(units: Path) -> None:
    """Units that were kept when more were to be kept."""
    for step in (50, 100, 150, 200):
        save(units, step)
    for name in ("last.pt", "best.pt"):
        checkpoint_units.link(units / f"{200:012d}" / "policy.pt", units.parent / name)


def torn(units: Path) -> None:
    """A run that went back to 200 because 300 was damaged, and comes to 300 again."""
    two(units)
    save(units, 300).file("optim.pt").write_bytes(b"torn")


def interrupted(units: Path) -> None:
    """A run that was killed in a save, and goes on."""
    two(units)
    draft = units / ".tmp-dead"
    draft.mkdir()
    (draft / "policy.pt").write_bytes(b"half")
    (units.parent / ".tmp-dead").write_bytes(b"half")


@dataclass(frozen=True)
class Situation:
    """What was there, and how step 300 is saved next."""

    before: Callable[[Path], None]
    save: Callable[[Path, int], None] = save_all


SITUATIONS = (
    Situation(nothing),
    Situation(two),
    Situation(four),
    Situation(torn),
    Situation(interrupted),
    Situation(two, save_all_without_links),
    Situation(two, lambda units, step: save_all(units, step, MANY_FILES)),
)


def test_whatever_moment_a_save_dies_at_a_whole_state_is_there(tmp_path: Path) -> None:
    kills = sum(
        kill_each_save(tmp_path / str(number), situation)
        for number, situation in enumerate(SITUATIONS)
    )
    assert kills >= FEWEST_KILLS, kills


def test_a_trainer_goes_on_after_a_kill_at_any_moment_of_its_save(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.faults.keeper_kills", str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=SAVES_PATIENCE_S,
    )
    assert said.returncode == 0, said.stderr
    assert int(said.stdout) >= FEWEST_KILLS


def kill_each_save(place: Path, situation: Situation) -> int:
    """Kill a save at each of its moments and look what is left; returns the number of kills."""
    model = place / "model" / "units"
    situation.before(model)
    found = newest_verified(model)[0]
    old = None if found is None else found.step
    units = place / "run" / "units"

    def anew() -> Callable[[], object]:
        shutil.rmtree(units.parent, ignore_errors=True)
        if model.parent.is_dir():
            # Links, not copies: a save that wrote into a file in place would ruin the model.
            shutil.copytree(model.parent, units.parent, copy_function=os.link)
        return lambda: situation.save(units, 300)

    kills = 0
    for kills in kill_at_every_moment(anew):  # noqa: B007 - the last number is the count
        check_state(units, old)
        check_next_save(units)
    assert steps_in(units)[-1] == 300
    assert drafts_in(units.parent) == []
    assert newest_verified(model)[0] == found
    return kills


def check_state(units: Path, old: int | None) -> None:
    """A dead save left the state before it, and the one after it if that was finished."""
    found, passed = newest_verified(units)
    step = None if found is None else found.step
    assert step in (old, 300)
    assert newest(units) == found
    broken = {int(damage.path.name) for damage in passed}
    assert broken <= {300}
    for there in {step, old} - {None}:
        assert step_in(units / f"{there:012d}" / "policy.pt") == there
    assert {int(damage.path.name) for damage in damaged(units)} == broken
    for name in ("last.pt", "best.pt"):
        if old is not None or (units.parent / name).exists():
            assert step_in(units.parent / name) in (old, 300)


def check_next_save(units: Path) -> None:
    """The next start saves as if nothing had been, and clears up."""
    save_all(units, 400)
    found, passed = newest_verified(units)
    assert found is not None
    assert (found.step, passed) == (400, ())
    assert len(steps_in(units)) <= KEEP
    assert step_in(units.parent / "last.pt") == step_in(units.parent / "best.pt") == 400
    assert drafts_in(units.parent) == []
