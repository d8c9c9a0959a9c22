"""What an algorithm is given and what it gives back.

Algorithms know nothing of run folders: `trainers/__main__.py` alone joins the two sides.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Phase = Literal["import", "warmup", "bc", "gail", "train", "eval", "save", "closing"]
Stage = Literal["bc"]
"""What a run may do before its first environment step."""
How = Literal["completed", "stopped"]


class StopRequested(Exception):  # noqa: N818 - a request, not an error
    """Raised where training cannot simply return: inside an evaluation, for one."""


class Telemetry(Protocol):
    """Where an algorithm writes its numbers and hears that it should stop."""

    def expect(
        self, total: int, *, eval_every: int | None = None, save_every_s: float | None = None
    ) -> None:
        """Say how far training goes and how often it pauses, where the request cannot tell."""

    def begin_at(self, step: int) -> None:
        """Training goes on from this step, 0 for a first attempt: rates are counted from it."""

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Record numbers of this step; `reward` and `best_reward` show up in the status."""

    def event(self, step: int, name: str, **facts: object) -> None:
        """Record that something happened: `checkpoint`, `best`, `evaluated`, `warning`."""

    def phase(self, name: Phase) -> AbstractContextManager[None]:
        """What the run is busy with meanwhile; slow phases extend the promised check-in."""

    def should_stop(self) -> bool:
        """Whether somebody asked the run to stop."""


def leave_if_asked(telemetry: Telemetry) -> None:
    """For the inside of long work that must not outlast a stop.

    Raises:
        StopRequested: somebody asked the run to stop.
    """
    if telemetry.should_stop():
        raise StopRequested


@dataclass(frozen=True, slots=True)
class Places:
    """The folders an algorithm writes to."""

    checkpoints: Path
    logs: Path

    @property
    def units(self) -> Path:
        """The folder of whole saved states."""
        return self.checkpoints / "units"

    @property
    def last(self) -> Path:
        """The newest policy."""
        return self.checkpoints / "last.pt"

    @property
    def best(self) -> Path:
        """The policy that drove best in validation."""
        return self.checkpoints / "best.pt"

    @property
    def lineage(self) -> Path:
        """What a run comes from that begins with another training."""
        return self.checkpoints / "lineage.json"

    def of_stage(self, stage: Stage) -> "Places":
        """The folders of a stage that comes before the first environment step."""
        return Places(self.checkpoints / stage, self.logs / stage)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How training ended: `completed`, or `stopped` on request with everything saved.

    step: where its last saved state stands; a resumed attempt goes on from there.
    """

    how: How
    step: int
