"""Who has which core and which GPU: locked files, shared by all homes of a user.

`<state folder>/slots/<host>/` holds a file per core, `cpu.<n>`, and per place on a GPU,
`<uuid>.<n>`.  A run has a slot while a process holds its kernel lock: the supervisor gets the
locked descriptors from its starter and keeps them for life, so a lease ends with its holder,
however that ends, and nobody has to free it.  A row in a database would outlive its holder,
and each home has a database of its own.  What a slot's file says of its holder serves
forecasts and the memory of a GPU; it never decides whether the slot is free.

Slots are looked at and taken under one lock, `.lock`, held for a moment: of two homes that
both need every core, neither can end up with half of them.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import RunFolder, runs_folder
from drivetrain.runs.locks import held, is_held, take_if_free
from drivetrain.settings import state_folder

CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Claim:
    """What one run needs, and on which GPU (its UUID)."""

    cpus: int
    gpu: str | None = None
    gpu_mb: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """What one run may use.  descriptors: its slot files, open and locked."""

    gpu: str | None
    cpus: int
    descriptors: tuple[int, ...] = ()

    def close(self) -> None:
        """Let go of it here; a supervisor that was handed the descriptors has it still."""
        for descriptor in self.descriptors:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Holder:
    """A run that has slots.  home, run: empty where its files do not tell."""

    home: str
    run: str
    cores: tuple[int, ...]
    gpu: str | None
    gpu_mb: int


class Slots:
    """The slot files of this machine, while nobody else looks at them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holders(self) -> tuple[Holder, ...]:
        """Every run that has slots now."""
        found: dict[tuple[str, str], list[Holder]] = {}
        for path in sorted(self._folder.iterdir()):
            if path.suffix[1:].isdigit() and is_held(path):
                holder = _holder_of(path)
                found.setdefault((holder.home, holder.run), []).append(holder)
        return tuple(map(_joined, found.values()))

    def take(
        self, folder: RunFolder, claim: Claim, cores: Iterable[int], gpu_slots: int
    ) -> Lease | None:
        """The claim as slots that the run has from now on, or None where it does not fit.

        cores: the numbers to choose from.  gpu_slots: runs that may share its GPU.
        """
        wanted = [([f"{CPU}.{core}" for core in cores], claim.cpus)]
        if claim.gpu is not None:
            stem = claim.gpu.replace("/", "%")
            wanted.append(([f"{stem}.{place}" for place in range(gpu_slots)], 1))
        with ExitStack() as undo:
            taken: list[int] = []
            undo.callback(lambda: Lease(None, 0, tuple(taken)).close())
            for names, count in wanted:
                if not self._take_first(names, count, taken):
                    return None
            lease = Lease(claim.gpu, claim.cpus, tuple(taken))
            _sign(lease, folder, claim)
            undo.pop_all()
        return lease

    def _take_first(self, names: Iterable[str], count: int, taken: list[int]) -> bool:
        """Add the first free slots of these names to those taken; whether there were enough."""
        for name in names:
            if count == 0:
                break
            descriptor = take_if_free(self._folder / name)
            if descriptor is not None:
                taken.append(descriptor)
                count -= 1
        return count == 0


@contextmanager
def slots_of(home: Path) -> Iterator[Slots]:
    """This machine's slots for the time of a block, waiting for whoever looks at them.

    Raises:
        OSError: neither the user's state folder nor the home can be written.
    """
    folder = _slots_folder(home)
    with held(folder / ".lock"):
        yield Slots(folder)


def _slots_folder(home: Path) -> Path:
    """The user's folder of slots, or one of this home alone where that cannot be written.

    By host, since several machines may share a home folder, and each has its own cores.
    """
    host = os.uname().nodename
    with suppress(OSError):
        shared = state_folder() / "slots" / host
        shared.mkdir(parents=True, exist_ok=True)
        if os.access(shared, os.W_OK | os.X_OK):
            return shared
    own = runs_folder(home) / ".slots" / host
    own.mkdir(parents=True, exist_ok=True)
    return own


def _sign(lease: Lease, folder: RunFolder, claim: Claim) -> None:
    """Say in every slot whose it is; a full disk takes the words, not the slots."""
    facts = {
        "v": 1,
        "run": folder.id,
        "home": str(folder.home),
        "gpu_mb": claim.gpu_mb,
        "wall": SYSTEM.wall(),
    }
    text = json.dumps(facts).encode()
    with suppress(OSError):
        for descriptor in lease.descriptors:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text, 0)


def _holder_of(path: Path) -> Holder:
    """Who has one slot."""
    facts = read_json(path) or {}
    stem, _, number = path.name.rpartition(".")
    told_mb = facts.get("gpu_mb")
    return Holder(
        home=str(facts.get("home", "")),
        run=str(facts.get("run", "")),
        cores=(int(number),) if stem == CPU else (),
        gpu=None if stem == CPU else stem.replace("%", "/"),
        gpu_mb=told_mb if stem != CPU and isinstance(told_mb, int) else 0,
    )


def _joined(slots: list[Holder]) -> Holder:
    """One holder of several slots."""
    first = slots[0]
    return Holder(
        first.home,
        first.run,
        cores=tuple(sorted(core for slot in slots for core in slot.cores)),
        gpu=next((slot.gpu for slot in slots if slot.gpu), None),
        gpu_mb=sum(slot.gpu_mb for slot in slots),
    )
