"""Keeps what a run has learned: whole units to go on from, and the policies worth driving.

One keeper per training, for every algorithm.  It holds the last moment at which training stood
between two steps of its own, so that a stop or an error in the middle of one loses no more than
that step.
"""

import errno
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, BinaryIO

import torch

from drivetrain import checkpoint_units
from drivetrain.checkpoint_units import POLICY, Unit
from drivetrain.errors import DataError, NotFoundError
from trainers import checkpoints
from trainers.checkpoints import State
from trainers.contract import Places, StopRequested, Telemetry
from trainers.health import check_weights
from trainers.moment import Moment, Resumable

KEPT = 2
"""The newest units that are kept, besides that of the best policy."""
ROOM = 1.5
"""Free space that a save needs, in sizes of the last one."""


class Keeper:
    """Saves moments as units, names the best and the last of them, and finds the newest."""

    def __init__(self, places: Places, telemetry: Telemetry, save_every_s: float) -> None:
        self._places = places
        self._telemetry = telemetry
        self._save_every_s = save_every_s
        self._saved_at = time.monotonic()
        self._held: Moment | None = None
        self._kept: Unit | None = None
        self._best_step: int | None = None

    def resume(self, trainer: Resumable) -> int | None:
        """Bring training to where its newest whole unit stood; the step, or None without one.

        Raises:
            DataError: there are units, and all of them are damaged.
        """
        checkpoint_units.sweep(self._places.units)
        unit, damaged = checkpoint_units.newest_verified(self._places.units)
        if unit is None:
            if damaged:
                raise DataError(
                    f"Every saved state in `{self._places.units}` is damaged: of the newest, "
                    f"{damaged[0].what}. Start a new run; `/train doctor` looks at each."
                )
            return None
        for damage in damaged:
            self._warn(unit.step, f"unit {damage.path.name} is passed over: {damage.what}")
        lost = trainer.go_on_from(_read(unit))
        self._kept, self._best_step = unit, unit.meta.get("best_step")
        self._name_again(unit)
        if lost:
            self._warn(unit.step, f"resumed, not bit-identical: {'; '.join(lost)}")
        return unit.step

    def hold(self, moment: Moment) -> None:
        """Keep this moment in mind, in the place of the one before: `save` saves it.

        Raises:
            FloatingPointError: its policy is broken; the moment before is held still.
        """
        check_weights(moment.policy.policy, moment.step)
        self._held = moment

    def is_due(self) -> bool:
        """Whether it is time to save again; at once where nothing was saved yet."""
        return self._kept is None or time.monotonic() - self._saved_at >= self._save_every_s

    def save(self, *, as_best: bool = False) -> int:
        """Save the moment that is held, unless it is saved; returns its step, 0 for none.

        as_best: it drove better than all before.

        Raises:
            OSError: the disk is full or fails; what was saved before is whole still.
        """
        moment = self._held
        if moment is None:
            return 0 if self._kept is None else self._kept.step
        with self._telemetry.phase("save"):
            if as_best:
                self._best_step = moment.step
            unit = self._unit_of(moment)
            if as_best:
                checkpoint_units.link(unit.file(POLICY), self._places.best)
        return moment.step

    @contextmanager
    def rescuing(self) -> Iterator[None]:
        """Whatever breaks meanwhile, the moment that is held is saved if it can be."""
        try:
            yield
        except StopRequested:
            raise
        except Exception:
            with suppress(OSError, RuntimeError, MemoryError):
                self.save()
            raise

    def _unit_of(self, moment: Moment) -> Unit:
        """The unit of a moment, written unless it is there."""
        if self._kept is not None and self._kept.step == moment.step:
            return self._kept
        self._places.units.mkdir(parents=True, exist_ok=True)
        files: dict[str, Callable[[BinaryIO], None]] = {
            POLICY: partial(checkpoints.write, moment.policy)
        }
        for name, state in self._affordable(moment).items():
            files[name] = partial(torch.save, dict(state))
        facts = {"algorithm": moment.policy.algorithm, "best_step": self._best_step}
        unit = checkpoint_units.write(self._places.units, moment.step, files, facts)
        checkpoint_units.link(unit.file(POLICY), self._places.last)
        spared = () if self._best_step is None else (self._best_step,)
        checkpoint_units.prune(self._places.units, KEPT, spared)
        self._kept, self._saved_at = unit, time.monotonic()
        self._telemetry.event(moment.step, "checkpoint", file=self._places.last.name)
        return unit

    def _affordable(self, moment: Moment) -> Mapping[str, State]:
        """The parts that there is room for.

        Raises:
            OSError: there is none even for those that must be saved.
        """
        free = shutil.disk_usage(self._places.units).free
        if free >= ROOM * self._size_without(frozenset()):
            return moment.parts
        needed = ROOM * self._size_without(moment.optional)
        if free < needed:
            full = f"a save needs {needed / 1e6:.0f} MB and {free / 1e6:.0f} MB are free"
            raise OSError(
                errno.ENOSPC, f"No space left on device: {full}", str(self._places.units)
            )
        self._warn(
            moment.step, f"saved without {', '.join(sorted(moment.optional))}: disk full"
        )
        return {
            name: part for name, part in moment.parts.items() if name not in moment.optional
        }

    def _size_without(self, left_out: frozenset[str]) -> int:
        """Bytes of the last unit's files, save these; 0 before the first."""
        files: Mapping[str, Any] = {} if self._kept is None else self._kept.meta["files"]
        return sum(told["bytes"] for name, told in files.items() if name not in left_out)

    def _name_again(self, unit: Unit) -> None:
        """Let `last.pt` and `best.pt` name whole files: a kill may have come in between."""
        checkpoint_units.link(unit.file(POLICY), self._places.last)
        if self._best_step is None or self._is_best_named(self._best_step):
            return
        best = Unit(self._places.units / f"{self._best_step:012d}", self._best_step)
        if best.file(POLICY).is_file():
            checkpoint_units.link(best.file(POLICY), self._places.best)

    def _is_best_named(self, step: int) -> bool:
        """Whether `best.pt` is whole, and no older than this."""
        try:
            return checkpoints.load(self._places.best).step >= step
        except NotFoundError:
            return False

    def _warn(self, step: int, text: str) -> None:
        self._telemetry.event(step, "warning", text=text)


def _read(unit: Unit) -> Moment:
    """What a unit holds.

    Raises:
        DataError: this version cannot read it.
    """
    parts = {
        name: checkpoints.read_state(unit.file(name))
        for name in unit.meta["files"]
        if name != POLICY
    }
    return Moment(checkpoints.load(unit.file(POLICY)), parts)
