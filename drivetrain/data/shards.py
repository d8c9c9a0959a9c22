"""The finished part of a conversion: one file per source file, whole or absent.

A shard is an uncompressed zip, so that every byte of it carries a check sum and a single rename
makes it appear:

```
000000/x.npy, 000000/y.npy, …   the columns of the first BLOCK scenarios, then of the next
shard.json                      a catalogue row per scenario, and what was left out
```
Blocks are those of `ScenarioSetWriter`, so neither side holds more than one in memory.
"""

import errno
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from drivetrain.data.catalogue import Row, row_of
from drivetrain.data.scenario_sets import BLOCK
from drivetrain.drafts import blaming, draft_in, remove, write_file
from drivetrain.sim.config import STEP_S
from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import COLUMNS, Scenario

FACTS = "shard.json"
SUFFIX = ".shard"


@dataclass(slots=True)
class Tally:
    """What became of one source file, counted while it is read.

    seconds: of driving, of all scenarios together.  unfit: why the file as a whole is no use.
    """

    scenarios: int = 0
    seconds: float = 0.0
    rejects: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    unfit: str | None = None

    def facts(self) -> dict[str, Any]:
        """The counts as JSON takes them."""
        # `asdict` would make pairs of a Counter's keys.
        counts = {"rejects": dict(self.rejects), "repairs": dict(self.repairs)}
        return {
            "scenarios": self.scenarios,
            "seconds": self.seconds,
            "unfit": self.unfit,
            **counts,
        }

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        """The counts behind `facts`."""
        rejects, repairs = Counter(facts["rejects"]), Counter(facts["repairs"])
        return cls(facts["scenarios"], facts["seconds"], rejects, repairs, facts["unfit"])


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard on disk, opened for its facts; its blocks are read when asked for."""

    path: Path
    rows: list[Row]
    tally: Tally

    def blocks(self) -> Iterator[dict[str, NDArray[Any]]]:
        """The columns, block by block.

        Raises: OSError where a byte is not what was written; the shard is then gone.
        """
        with zipfile.ZipFile(self.path) as archive:
            for at in range(-(-len(self.rows) // BLOCK)):
                try:
                    yield {name: _column(archive, _member(at, name)) for name in COLUMNS}
                except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
                    remove(self.path)
                    raise OSError(errno.EIO, "a finished part was damaged") from error


def write_shard(path: Path, scenarios: Iterable[Scenario], tally: Tally) -> None:
    """Reads all scenarios and writes them to `path`.

    tally: of the same scenarios; it is complete once they are read.
    Raises: OSError, naming the shard, where the disk does not take it.
    """
    draft = draft_in(path.parent)
    try:
        with blaming(path):
            write_file(draft, _fill(scenarios, tally))
            draft.rename(path)
    finally:
        remove(draft)


def open_shard(path: Path) -> Shard | None:
    """The shard at `path`; None where there is none, or none that can be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            facts = json.loads(archive.read(FACTS))
        rows = [(tuple(texts), (x_m, y_m)) for texts, (x_m, y_m) in facts["rows"]]
        return Shard(path, rows, Tally.from_facts(facts["tally"]))
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError):
        # The disk may have lost what a power cut came upon: the file is converted again.
        return None


def _fill(scenarios: Iterable[Scenario], tally: Tally) -> Callable[[BinaryIO], None]:
    def fill(sink: BinaryIO) -> None:
        rows: list[Row] = []
        waiting: list[Scenario] = []
        with zipfile.ZipFile(sink, "w") as archive:
            for scenario in scenarios:
                rows.append(row_of(scenario))
                waiting.append(scenario)
                tally.scenarios += 1
                tally.seconds += (scenario.tracks.valid.shape[1] - 1) * STEP_S
                if len(waiting) == BLOCK:
                    _add_block(archive, len(rows) // BLOCK - 1, waiting)
                    waiting.clear()
            if waiting:
                _add_block(archive, len(rows) // BLOCK, waiting)
            facts = {"rows": rows, "tally": tally.facts()}
            archive.writestr(zipfile.ZipInfo(FACTS), json.dumps(facts))

    return fill


def _add_block(archive: zipfile.ZipFile, at: int, scenarios: list[Scenario]) -> None:
    for name, column in pack(scenarios)._asdict().items():
        with archive.open(zipfile.ZipInfo(_member(at, name)), "w", force_zip64=True) as member:
            np.lib.format.write_array(member, column, allow_pickle=False)


def _column(archive: zipfile.ZipFile, member: str) -> NDArray[Any]:
    with archive.open(member) as file:
        column: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        return column


def _member(at: int, column: str) -> str:
    return f"{at:06d}/{column}.npy"
