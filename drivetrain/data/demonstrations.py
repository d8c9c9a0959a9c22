"""Demonstrations: what drivers saw and did, a folder of columns that are read by memory map.

```
manifest.json      driver, layouts, scenario set and its licences, counts, quality, hashes
observations.npy   float32 [transitions + episodes, size]: an episode's, then its final one
actions.npy        float32 [transitions, columns], each in [-1, 1]
episodes.npy       [episodes] structured: scenario, split, first row, rows, score, errors
```
Light on purpose (NumPy and nothing of the simulator): whether demonstrations fit a request is
asked before a run starts.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import integrity
from drivetrain.data.split import Split
from drivetrain.errors import DataError, NotFoundError
from drivetrain.text import quote, typed

FORMAT = "drivetrain-demonstrations"
VERSION = 1
MANIFEST = "manifest.json"
OBSERVATIONS, ACTIONS, EPISODES = "observations.npy", "actions.npy", "episodes.npy"
FILES = (OBSERVATIONS, ACTIONS, EPISODES)
NUMBERS = ("score", "reward", "progress", "replay_error_m", "clipped")
FIELDS = (
    "scenario",
    "group",
    "split",
    "licence",
    "first_row",
    "rows",
    "success",
    "terminated",
    *NUMBERS,
)
"""Of an episode.  clipped: steps whose action was more than an action can ask for."""

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Batch = dict[str, NDArray[Any]]
"""`obs`, `acts`, and where asked for `next_obs` and `dones`: what imitation learns from."""


@dataclass(frozen=True, slots=True)
class FileNote:
    """What a file must hold."""

    rows: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class DemonstrationManifest:
    """What demonstrations say about themselves.

    observation, actions, actuators: the settings they were made with; *_size: numbers of each.
    scenario_set: its folder, None for the built-in one; set_sha256: of its manifest.
    splits: transitions by split.  licences: episodes by licence.  left_out: episodes by reason.
    quality: means over the episodes that are kept.
    """

    driver: str
    observation: str
    observation_size: int
    actions: str
    action_size: int
    actuators: str
    traffic: str
    noise: float
    scenario_set: str | None
    set_sha256: str | None
    episodes: int
    transitions: int
    splits: dict[str, int]
    licences: dict[str, int]
    left_out: dict[str, int]
    quality: dict[str, float]
    files: dict[str, FileNote] = field(default_factory=dict)
    format: str = FORMAT
    version: int = VERSION

    def as_json(self) -> str:
        """The manifest's text."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> "DemonstrationManifest":
        """Raises: TypeError, KeyError, ValueError or AttributeError for other facts."""
        files = {name: FileNote(**facts["files"][name]) for name in FILES}
        manifest = cls(**{**facts, "files": files})
        numbers = [manifest.observation_size, manifest.action_size, manifest.transitions]
        numbers += [manifest.episodes, *manifest.splits.values()]
        numbers += [number for note in files.values() for number in (note.rows, note.size)]
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise TypeError("counts are whole numbers from 0")
        if not isinstance(manifest.scenario_set, str | None):
            raise TypeError("a set is named by its folder")
        return manifest


@dataclass(frozen=True, slots=True)
class Demonstrations:
    """Demonstrations that are whole.  Shapes: see the module."""

    observations: Floats
    actions: Floats
    episodes: NDArray[np.void]
    manifest: DemonstrationManifest

    def rows(self, split: Split) -> Rows:
        """The transitions of a split, in their order."""
        of_split = self.episodes[self.episodes["split"] == split]
        spans = [np.arange(one["rows"]) + one["first_row"] for one in of_split]
        return np.concatenate([np.empty(0, np.int64), *spans])

    def batch(self, rows: Rows, *, with_next: bool = False) -> Batch:
        """Copies of these transitions, for learning.

        with_next: also what followed, and whether the episode ended there for good.
        """
        at = np.searchsorted(self.episodes["first_row"], rows, side="right") - 1
        seen = rows + at  # every earlier episode has one observation more than it has actions
        taken: Batch = {"obs": self.observations[seen], "acts": self.actions[rows]}
        if with_next:
            episode = self.episodes[at]
            is_last = rows == episode["first_row"] + episode["rows"] - 1
            taken["next_obs"] = self.observations[seen + 1]
            taken["dones"] = is_last & episode["terminated"]
        return taken


class Batches:
    """Endless whole batches; (seed, epoch) alone decide their order.

    done: batches that were handed out so far, and where the next iteration goes on.
    """

    def __init__(
        self, demonstrations: Demonstrations, rows: Rows, batch_size: int, seed: int
    ) -> None:
        if batch_size > len(rows):
            raise ValueError(f"{len(rows)} transitions do not fill a batch of {batch_size}")
        self.done = 0
        self._demonstrations = demonstrations
        self._rows = rows
        self._batch_size = batch_size
        self._seed = seed
        self._order: tuple[int, Rows] = (-1, rows)

    @property
    def per_epoch(self) -> int:
        """Batches of an epoch; the transitions that are left over come in another one."""
        return len(self._rows) // self._batch_size

    def __iter__(self) -> Iterator[Batch]:
        while True:
            epoch, at = divmod(self.done, self.per_epoch)
            first = at * self._batch_size
            picked = self._order_of(epoch)[first : first + self._batch_size]
            self.done += 1
            # In the file's order: a batch is a sum, and reading runs one way.
            yield self._demonstrations.batch(np.sort(picked))

    def _order_of(self, epoch: int) -> Rows:
        if self._order[0] != epoch:
            random = np.random.default_rng([self._seed, epoch])
            self._order = (epoch, random.permutation(self._rows))
        return self._order[1]


def are_demonstrations(folder: Path) -> bool:
    """Whether the folder says that it holds demonstrations, whole or not."""
    try:
        facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(facts, dict) and facts.get("format") == FORMAT


def read_demonstration_manifest(folder: Path) -> DemonstrationManifest:
    """What demonstrations say about themselves.

    Raises: NotFoundError or DataError where there are none, or not to be understood.
    """
    if not are_demonstrations(folder):
        raise NotFoundError(
            f"There are no demonstrations in {integrity.called(folder)}; make some: "
            f"`/train data demos --driver pdm --out {typed(str(folder))}`."
        )
    facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8", errors="replace"))
    if facts.get("version") != VERSION:
        raise damaged(folder, f"they have version {quote(str(facts.get('version')))}")
    try:
        return DemonstrationManifest.from_facts(facts)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise damaged(folder, f"`{MANIFEST}` lacks or misnames a field") from error


def damaged(folder: Path, what: str) -> DataError:
    """The one sentence on demonstrations that nobody should learn from."""
    return DataError(
        f"The demonstrations {integrity.called(folder)} cannot be used: {what}. Make them "
        f"again: `/train data demos --driver pdm --out {typed(f'{folder}_v2')}`."
    )
